"""Where a page of the desk leads to, for whom."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.urls import NoReverseMatch, reverse

from redreport.accounts.models import User


@dataclass(frozen=True)
class Act:
    """Something that staff with a permission do on a page of its own."""

    label: str
    page: str
    permission: str


@dataclass(frozen=True)
class Way:
    """An act that somebody may do, and where."""

    label: str
    address: str


def ways(acts: Sequence[Act], *, user: User, arguments: Sequence[Any] = ()) -> list[Way]:
    """The acts that the user may do, in their order; a page that is not there is left out."""
    allowed = [act for act in acts if user.has_perm(act.permission)]
    return [Way(act.label, address) for act in allowed if (address := page_address(act.page, *arguments))]


def page_address(name: str, *arguments: Any) -> str:
    """The address of a page of the desk, or nothing where there is none of that name."""
    try:
        return reverse(f"admin:{name}", args=arguments)
    except NoReverseMatch:
        return ""


def row_address(user: User, model: str, pk: int | None) -> str:
    """Where the admin shows a row, such as 'subscriptions.order', to who may see it; else nothing."""
    app, _, name = model.partition(".")
    return page_address(f"{app}_{name}_change", pk) if pk and user.has_perm(f"{app}.view_{name}") else ""
