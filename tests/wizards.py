"""Staff at the desk's wizards: they fill in the form, look at the preview, type the session's name, press the button."""

from typing import Any

from django.test import Client
from django.urls import reverse

from redreport import policy
from sessions_live.models import LiveSession


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
