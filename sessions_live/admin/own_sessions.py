"""What hosts see of the admin: the sessions that they host, and what belongs to those."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse

from redreport.accounts.models import User
from redreport.accounts.selectors import signed_in
from sessions_live.models import LiveSession


def sees_every_session(user: User) -> bool:
    """Who may see seats looks after all sessions. Anybody else on the staff sees those that they host, as the host group does."""
    return user.has_perm("sessions_live.view_seat")


class OwnSessionsAdmin(admin.ModelAdmin):
    """
    Rows of a session, which `path_to_session` leads to. To a host those of other sessions are not there: not in a list, not by
    their address, not in a choice of rows.
    """

    path_to_session = "pk"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request)
        user = signed_in(request)
        if sees_every_session(user):
            return rows
        return rows.filter(**{f"{self.path_to_session}__in": LiveSession.objects.filter(hosts__user=user)})

    def history_view(self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """It names colleagues by their addresses, which hosts do not see."""
        if not sees_every_session(signed_in(request)):
            raise PermissionDenied
        return super().history_view(request, object_id, extra_context)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        may: bool = super().has_view_permission(request, obj)
        if obj is None or not may or sees_every_session(signed_in(request)):
            return may
        return self.get_queryset(request).filter(pk=obj.pk).exists()
