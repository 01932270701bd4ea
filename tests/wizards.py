"""Staff at the desk's wizards: they fill in the form, look at the preview, type the session's name, press the button."""

from typing import Any

from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from redreport import policy
from redreport.accounts.models import User
from redreport.outbox.models import OutgoingMail
from sessions_live.models import LiveSession
from tests.factories import make_staff, make_user


def desk_of(user: User | None = None) -> Client:
    """The browser of a member of staff, who may do everything unless said otherwise."""
    client = Client()
    client.force_login(user or make_staff())
    return client


def staff_who_may(*permissions: str) -> User:
    """A member of staff with these permissions alone."""
    user = make_user(is_staff=True)
    for permission in permissions:
        app, codename = permission.split(".")
        user.user_permissions.add(Permission.objects.get(content_type__app_label=app, codename=codename))
    return User.objects.get(pk=user.pk)


class Walk:
    """One wizard of one session, with what its form says. `values` are the numbers that the last preview was made of."""

    def __init__(self, desk: Client, name: str, live_session: LiveSession, **form: Any) -> None:
        self.desk, self.live_session, self.form = desk, live_session, form
        self.address = reverse(f"admin:{name}", args=[live_session.pk])
        self.hidden: dict[str, Any] = {}
        self.values: Any = None

    def look(self, **changes: Any) -> Any:
        """Send the form; the page that comes."""
        page = self.desk.post(self.address, {**self.form, **changes})
        if page.status_code == 200 and "seen" in page.context:
            self.values = page.context
            self.hidden = {"seen": page.context["seen"], "request_id": str(page.context["request_id"])}
        return page

    def confirm(self, typed: str | None = None, **changes: Any) -> Any:
        """Type the session's name into the preview last looked at, and press the button."""
        name = self.live_session.title if typed is None else typed
        return self.desk.post(self.address, {**self.form, **self.hidden, "confirm": "Yes", "typed_name": name, **changes})

    def walk(self) -> Any:
        """All steps; the answer of the last."""
        assert self.look().status_code == 200
        return self.confirm()


def to_time(live_session: LiveSession, *, days: int = 2, minutes: int = 60, **said: str) -> dict[str, Any]:
    """The form that moves a session by so many days; what it says in full minutes is kept."""
    here = live_session.starts_at.astimezone(policy.HOUSE_ZONE)
    day = here.date().fromordinal(here.date().toordinal() + days)
    return {
        "day": day.isoformat(),
        "clock": f"{here:%H:%M}",
        "minutes": minutes,
        "message": "",
        "reason": "The host is traveling",
        **said,
    }


def mails_since(last_id: int) -> int:
    """How many mails are owed, or were sent, after that one."""
    return OutgoingMail.objects.filter(pk__gt=last_id).count()


def last_mail_id() -> int:
    return OutgoingMail.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
