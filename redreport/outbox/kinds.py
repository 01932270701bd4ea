"""The kinds of mail. Each app registers its own at start-up; the outbox knows none of them by name."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from redreport.outbox.models import OutgoingMail


@dataclass(frozen=True)
class Verdict:
    """What a guard decides just before sending: is what the mail says still true?"""

    action: Literal["send", "withhold", "miss"]
    reason: str = ""

    @classmethod
    def send(cls) -> "Verdict":
        return cls("send")

    @classmethod
    def withhold(cls, reason: str) -> "Verdict":
        """It is no longer true."""
        return cls("withhold", reason)

    @classmethod
    def miss(cls, reason: str) -> "Verdict":
        """It is true, but its moment has gone."""
        return cls("miss", reason)


@dataclass(frozen=True)
class CalendarPart:
    """An iTIP message. `method` is the METHOD that stands in its content."""

    method: str
    content: bytes
    filename: str


@dataclass(frozen=True)
class RenderedMail:
    """`reply_to` is for a mail to the desk whose answer belongs to somebody else."""

    subject: str
    text: str
    html: str
    calendar: CalendarPart | None = None
    reply_to: str = ""


@dataclass(frozen=True)
class Topic:
    """What optional mails are about, and whether an address that never said anything gets them. `label` names it to readers."""

    name: str
    label: str
    is_wanted_unasked: bool


@dataclass(frozen=True)
class MailKind:
    """`label` names it to staff. `private`: the body holds a sign-in code or a door link; it is not kept after sending and never
    shown to staff. `sealed`: what it says rests encrypted in its row and is wiped with it, so it cannot be sent a second time.
    `topic`: the mail is optional, is sent only to who wants that topic, and carries a way out of it.
    """

    name: str
    label: str
    guard: Callable[[OutgoingMail, datetime], Verdict]
    render: Callable[[OutgoingMail], RenderedMail]
    private: bool = False
    sealed: bool = False
    topic: Topic | None = None


def always(mail: OutgoingMail, now: datetime) -> Verdict:
    """The guard of a mail that stays true."""
    return Verdict.send()


_kinds: dict[str, MailKind] = {}


def register(kind: MailKind) -> None:
    """Make a kind known; called once for each from AppConfig.ready()."""
    _kinds[kind.name] = kind


def find(name: str) -> MailKind:
    """The kind of this name; raises LookupError for one that nobody registered."""
    try:
        return _kinds[name]
    except KeyError:
        raise LookupError(f"no mail kind is called {name}") from None


def label_of(name: str) -> str:
    """What staff read: 'confirmation', 'day reminder'. A kind that is no longer known keeps its name."""
    return _kinds[name].label if name in _kinds else name


def is_private(name: str) -> bool:
    """True also for a kind that is no longer known: what cannot be judged is not shown."""
    return name not in _kinds or _kinds[name].private


def is_sealed(name: str) -> bool:
    """True also for a kind that is no longer known: it cannot be made again."""
    return name not in _kinds or _kinds[name].sealed


def known_kinds() -> list[MailKind]:
    """Every kind that is registered, by its label."""
    return sorted(_kinds.values(), key=lambda kind: kind.label)


def topics() -> dict[str, Topic]:
    """The topics of all optional mails, by name."""
    return {kind.topic.name: kind.topic for kind in _kinds.values() if kind.topic}
