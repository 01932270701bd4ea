"""The form in which staff write down a session: few fields, and what each change comes to."""

from typing import Any

from django import forms

from redreport import clock
from redreport.wording import counted
from sessions_live.models import LiveSession
from sessions_live.selectors import SeatCounts, seat_counts

HINTS = {
    "title": "The address of the page is made of it.",
    "question": "One sentence. It stands below the title, in lists and in mails.",
    "description": "What it is about; an empty line begins a new paragraph.",
    "hosts": "Each has a page of their own for the hour, and is reminded, if an e-mail address is known.",
    "starts_at": "Eastern Time, as clocks show it on that day. Readers also see UTC and their own time.",
    "duration_minutes": "In minutes.",
    "capacity": "How many seats are sold.",
    "meeting_url": "Never shown to readers: their doors lead there. It must be known when the session is published.",
}


class LiveSessionForm(forms.ModelForm):
    """A session that readers can see keeps what it was published with: somebody to host it, and a place to meet."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        hints = {**HINTS, **_hints_of_published(self.instance)}
        for name in self.fields.keys() & hints.keys():
            self.fields[name].help_text = hints[name]

    def clean(self) -> dict[str, Any]:
        given = super().clean() or self.cleaned_data
        if self.instance.state == LiveSession.State.PUBLISHED:
            if not given.get("meeting_url"):
                self.add_error("meeting_url", "It is published: without a meeting address its door would lead nowhere.")
            if not given.get("hosts"):
                self.add_error("hosts", "It is published: it needs at least one host.")
        elif self.instance.pk is None and given.get("title") and given.get("starts_at"):
            self._refuse_second(given)
        return given

    def _refuse_second(self, given: dict[str, Any]) -> None:
        """The button was pressed twice, or somebody else was quicker."""
        stands = LiveSession.objects.exclude(state=LiveSession.State.CANCELED)
        if stands.filter(title=given["title"], starts_at=given["starts_at"]).exists():
            raise forms.ValidationError("There is a session of this title at this time already. Look into the list.")


def words_after_capacity(live_session: LiveSession, counts: SeatCounts, offers: int) -> str:
    """What a changed capacity comes to, once it is saved."""
    if live_session.capacity < counts.active:
        too_many = f"{counted(counts.active, 'seat')} are taken or held, more than the {live_session.capacity} there are now."
        return f"{too_many} Nobody loses one, and nothing is sold until there are fewer."
    if offers:
        are_offered = "is offered a seat" if offers == 1 else "are offered seats"
        return f"{offers} of the {counts.waiting} who wait {are_offered} now, by mail, in their order."
    return ""


def _hints_of_published(live_session: LiveSession) -> dict[str, str]:
    if live_session.state != LiveSession.State.PUBLISHED:
        return {}
    counts = seat_counts(live_session)
    has_begun = live_session.starts_at <= clock.now()
    return {"title": _hint_of_title(counts), "capacity": _hint_of_capacity(live_session, counts, has_begun)}


def _hint_of_title(counts: SeatCounts) -> str:
    hint = "The address of the page stays as it is."
    if not counts.taken:
        return hint
    return (
        f"{hint} {counted(counts.taken, 'seat')} taken: who subscribes to their private calendar sees a new title there within "
        "hours. Nobody gets a mail, so an invitation that was mailed keeps the old one."
    )


def _hint_of_capacity(live_session: LiveSession, counts: SeatCounts, has_begun: bool) -> str:
    hint = f"{counts.taken} taken, {counts.held} held or offered, {counts.waiting} waiting."
    if has_begun:
        return hint
    if counts.active:
        hint += f" Below {counts.active} nobody loses a seat, and nothing more is sold."
    if not live_session.takes_waitlist(clock.now()):
        return f"{hint} What is added goes on sale at once; it is too late for offers."
    if counts.waiting:
        who_waits = "the one who waits" if counts.waiting == 1 else f"the {counts.waiting} who wait"
        most = max(live_session.capacity, counts.active)
        return f"{hint} Each seat above {most} is offered to {who_waits}, by mail and at once; the rest goes on sale."
    return f"{hint} What is added goes on sale at once."
