"""Lists of the admin as files. Who may see a list may export it, as it is searched and filtered; each export is written down.

What stands in a file is said by a resource of django-import-export. Its form and its writers are not used: the form has a script
in the page, and they clean cells of nothing but a leading '=', turn numbers into text for that, and hold the file in memory.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from import_export.admin import ExportMixin
from import_export.fields import Field
from import_export.resources import Resource
from import_export.widgets import Widget

from redreport import audit, clock
from redreport.spreadsheets import FORMATS, download, major
from redreport.wording import counted

ROWS_AT_ONCE = 2000


class _AsItIs(Widget):
    """Leaves a value what it is: how it is written is for the file to say."""

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> Any:
        return value


class _Major(Widget):
    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> Decimal | None:
        return major(value)


class _Capitals(Widget):
    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> str:
        return str(value or "").upper()


def column(heading: str, attribute: str | None = None) -> Field:
    """A column of an export: an attribute, through relations by `__`, or what `dehydrate_<name>` says."""
    return Field(attribute=attribute, column_name=heading, widget=_AsItIs())


def amount_column(heading: str, attribute: str) -> Field:
    """A column of money, kept in minor units and written as bookkeepers write it."""
    return Field(attribute=attribute, column_name=heading, widget=_Major())


def currency_column(attribute: str = "currency") -> Field:
    """The column of the currency beside it, in capitals."""
    return Field(attribute=attribute, column_name="Currency", widget=_Capitals())


class Export(Resource):
    """A table to export: its columns, and the relations that they reach through."""

    related: Sequence[str] = ()

    def rows(self, queryset: QuerySet[Any]) -> Iterator[list[Any]]:
        """Each row's values, read from the database a batch at a time."""
        values = [self._value_of(field) for field in self.get_export_fields()]
        for row in queryset.select_related(*self.related).iterator(chunk_size=ROWS_AT_ONCE):
            yield [value(row) for value in values]

    def _value_of(self, field: Field) -> Callable[[Any], Any]:
        """How a column's value is read from a row: looked up once, and not for each of them."""
        own = getattr(self, field.get_dehydrate_method(self.get_field_name(field)), None)
        return own or field.export


def export_file(
    *,
    export: Export,
    queryset: QuerySet[Any],
    name: str,
    extension: str,
    actor: AbstractBaseUser,
    target: Model | type[Model],
    what: str,
    now: datetime,
) -> FileResponse:
    """The file of these rows, written down as exported by `actor`."""
    response, rows = download(name=name, extension=extension, headers=export.get_export_headers(), rows=export.rows(queryset))
    record_export(actor=actor, target=target, what=what, rows=rows, extension=extension, now=now)
    return response


def record_export(
    *, actor: AbstractBaseUser, target: Model | type[Model], what: str, rows: int, extension: str, now: datetime
) -> None:
    """Write down who took what, and how many rows of it."""
    reason = f"{what}: {counted(rows, 'row')} as {extension.upper()}"
    detail = {"what": what, "rows": rows, "format": extension}
    audit.record(actor=actor, verb="exported", target=target, reason=reason, detail=detail, now=now)


def ask_for_format(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """The page with a button for each format. The buttons post, so that no link that is followed by itself exports anything."""
    return render(request, "admin/export.html", {"formats": list(FORMATS), **context})


def chosen_format(request: HttpRequest) -> str:
    """The format whose button was pressed; '' when none was."""
    chosen = request.POST.get("format", "").lower()
    return chosen if request.method == "POST" and chosen in FORMATS else ""


class ExportableAdmin(ExportMixin):
    """Adds the export of its list to an admin; `export` says what stands in it."""

    export: type[Export]

    def has_export_permission(self, request: HttpRequest) -> bool:
        may: bool = self.has_view_permission(request)
        return may

    def export_action(self, request: HttpRequest) -> HttpResponseBase:
        if not self.has_export_permission(request):
            raise PermissionDenied
        queryset: QuerySet[Any] = self.get_export_queryset(request)
        extension = chosen_format(request)
        if not extension:
            plural = self.opts.verbose_name_plural
            context = {
                **self.admin_site.each_context(request),
                "title": f"Export {plural}",
                "opts": self.opts,
                "count": queryset.count(),
                "columns": self.export().get_export_headers(),
                "back_to": f"../?{request.GET.urlencode()}",
            }
            return ask_for_format(request, context)
        assert isinstance(request.user, AbstractBaseUser)
        return export_file(
            export=self.export(),
            queryset=queryset,
            name=str(self.opts.verbose_name_plural).replace(" ", "-"),
            extension=extension,
            actor=request.user,
            target=self.model,
            # What was searched for may be somebody's address, which the trail could never forget.
            what=str(self.opts.verbose_name_plural).capitalize() + (", some of them" if request.GET else ""),
            now=clock.now(),
        )
