"""A calendar program as most people have one: it reads the mails of a mailbox and applies the invitations in them (iTIP).

It knows nothing of ours. An update replaces an entry of the same UID unless it is older (a lower SEQUENCE, or the same one with
an older DTSTAMP); a cancellation takes the entry away, and what was older than it never comes back.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from icalendar import Calendar

from tests.fixtures_mail import ReceivedMail


@dataclass(frozen=True)
class Invitation:
    """The calendar part of one mail: what it asks of the calendar, and for whom."""

    method: str
    uid: str
    sequence: int
    stamp: datetime
    attendee: str
    content: str
    event: Any

    @property
    def age(self) -> tuple[int, datetime]:
        return self.sequence, self.stamp


@dataclass
class CalendarProgram:
    """The calendar of one mailbox, or of several that one person looks after."""

    mailboxes: set[str]
    entries: dict[str, Any] = field(default_factory=dict)
    _newest: dict[str, tuple[int, datetime]] = field(default_factory=dict)

    def read(self, mails: Iterable[ReceivedMail]) -> "CalendarProgram":
        """Apply what stands in the mails to these mailboxes, in the order in which they come."""
        own = (mail for mail in mails if self.mailboxes.intersection(mail.recipients))
        return self.apply(invitation for mail in own if (invitation := invitation_in(mail)))

    def apply(self, invitations: Iterable[Invitation]) -> "CalendarProgram":
        """Apply invitations that came to these mailboxes, in this order."""
        for invitation in invitations:
            self._apply(invitation)
        return self

    def shows(self) -> list[tuple[str, datetime, str]]:
        """What a glance at the calendar shows: title, start, and where to go."""
        return sorted((str(e["SUMMARY"]), e["DTSTART"].dt, str(e["LOCATION"])) for e in self.entries.values())

    def _apply(self, invitation: Invitation) -> None:
        assert invitation.attendee in self.mailboxes, "an invitation to somebody else"
        known = self._newest.get(invitation.uid)
        if known and invitation.age < known:
            return
        self._newest[invitation.uid] = invitation.age
        if invitation.method == "REQUEST":
            self.entries[invitation.uid] = invitation.event
        else:
            self.entries.pop(invitation.uid, None)


def invitation_in(mail: ReceivedMail) -> Invitation | None:
    """The invitation that a mail carries, or None. The part in the body and the attached file must be one and the same."""
    inline = [part for part in mail.message.walk() if part.get_content_type() == "text/calendar"]
    attached = [part for part in mail.message.walk() if part.get_content_type() == "application/ics"]
    if not inline:
        assert not attached
        return None
    [part], [file] = inline, attached
    content = part.get_payload(decode=True)
    assert isinstance(content, bytes)
    assert content == file.get_payload(decode=True)
    calendar = Calendar.from_ical(content)
    assert isinstance(calendar, Calendar)
    event: Any
    [event] = calendar.walk("VEVENT")
    method = str(calendar["METHOD"])
    # Mail programs go by the header, calendar programs by what is inside.
    assert part.get_param("method") == method
    assert (method, str(event["STATUS"])) in {("REQUEST", "CONFIRMED"), ("CANCEL", "CANCELLED")}
    address = str(event["ATTENDEE"]).lower().removeprefix("mailto:")
    assert mail.recipients == [address]
    return Invitation(method, str(event["UID"]), int(event["SEQUENCE"]), event["DTSTAMP"].dt, address, content.decode(), event)
