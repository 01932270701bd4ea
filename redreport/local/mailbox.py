"""The mails that the local mail catcher has caught, read back from its folder."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default as modern_policy
from pathlib import Path

NAME = re.compile(r"\d{8}T\d{6}\.\d{6}-\d+\.eml")
NEWEST = 200


@dataclass(frozen=True)
class CaughtMail:
    name: str
    message: EmailMessage

    @property
    def caught_at(self) -> datetime:
        return datetime.strptime(self.name.split("-")[0], "%Y%m%dT%H%M%S.%f").replace(tzinfo=UTC)

    @property
    def subject(self) -> str:
        return str(self.message["Subject"] or "")

    @property
    def recipient(self) -> str:
        return str(self.message["To"] or "")

    @property
    def headers(self) -> list[tuple[str, str]]:
        return [(name, str(value)) for name, value in self.message.items()]

    @property
    def text(self) -> str:
        return self._part("text/plain")

    @property
    def html(self) -> str:
        return self._part("text/html")

    @property
    def calendar(self) -> str:
        return self._part("text/calendar")

    def _part(self, content_type: str) -> str:
        for part in self.message.walk():
            if part.get_content_type() == content_type:
                content = part.get_content()
                return content if isinstance(content, str) else bytes(content).decode(errors="replace")
        return ""


def newest_mails(folder: Path) -> list[CaughtMail]:
    """At most 200, the newest first."""
    names = sorted((path.name for path in folder.iterdir() if NAME.fullmatch(path.name)), key=_by_time, reverse=True)
    return [_read(folder / name) for name in names[:NEWEST]]


def find_mail(folder: Path, name: str) -> CaughtMail | None:
    """The mail of that name, if the folder itself holds a file so called and it looks like one of the catcher's."""
    path = folder / name
    if not NAME.fullmatch(name) or path.is_symlink() or not path.is_file():
        return None
    return _read(path)


def _by_time(name: str) -> tuple[str, int]:
    time, number = name.removesuffix(".eml").split("-")
    return time, int(number)


def _read(path: Path) -> CaughtMail:
    message = message_from_bytes(path.read_bytes(), policy=modern_policy)
    assert isinstance(message, EmailMessage)
    return CaughtMail(path.name, message)
