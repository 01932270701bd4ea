"""Where a page of the desk leads to, for whom."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.urls import reverse

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
    """The acts that the user may do, in their order."""
    return [Way(act.label, reverse(f"admin:{act.page}", args=arguments)) for act in acts if user.has_perm(act.permission)]


def row_address(user: User, model: str, pk: int | None) -> str:
    """Where the admin shows a row, such as 'subscriptions.order', to who may see it; else nothing."""
    app, _, name = model.partition(".")
    return reverse(f"admin:{app}_{name}_change", args=[pk]) if pk and user.has_perm(f"{app}.view_{name}") else ""
