"""Each app answers for the rows it keeps of a person. It registers its part at start-up; nothing here knows an app by name."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from redreport.accounts.models import User
from redreport.outbox.erased import erased_address

# Stands where a name stood.
ERASED_NAME = "Erased reader"


@dataclass(frozen=True)
class Person:
    """Whose rows they are: the account, the addresses it has had, and until when. What came later under one of the addresses is
    somebody else's: whoever signed up with it anew."""

    user: User
    addresses: tuple[str, ...]
    # As the account and the rows spell them.
    names: tuple[str, ...]
    until: datetime

    @property
    def pseudonym(self) -> str:
        """Stands where an address stood: the same in all rows, and nobody's."""
        return erased_address(self.user.pk)

    def taken_out_of(self, text: str) -> str:
        """The same words with nobody in their place. Whole words alone: a name that is part of another word names somebody else.
        What has no letter is no name: who is called '250' must not blot out the sums of the books."""
        for address in self.addresses:
            whole = rf"(?<![\w.+-]){re.escape(address)}(?![\w-]|\.\w)"
            text = re.sub(whole, self.pseudonym, text, flags=re.IGNORECASE)
        for name in sorted(self.names, key=len, reverse=True):
            if any(sign.isalpha() for sign in name):
                text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", ERASED_NAME, text)
        return text


@dataclass(frozen=True)
class Obstacle:
    """What must be over before an account can be erased, in words for its owner; and where that is done, if on a page."""

    words: str
    url: str = ""


class Part:
    """One app's part. What an app does not need it leaves as it is here."""

    name: str

    def export(self, user: User, now: datetime) -> dict[str, Any]:
        """What is kept of the account, by readable names. Only reads."""
        return {}

    def obstacles(self, user: User, now: datetime) -> list[Obstacle]:
        """Why the account cannot be erased yet. Only reads; asked again under the locks."""
        return []

    def consequences(self, user: User, now: datetime) -> list[str]:
        """What is lost with it, as sentences to its owner. Only reads."""
        return []

    def names(self, user: User) -> set[str]:
        """How the rows spell the person's name, where others typed it. Only reads."""
        return set()

    def lock(self, user: User) -> None:
        """Lock what others change, before the account's own row is locked."""

    def begin(self, user: User, actor: User, now: datetime) -> None:
        """In the transaction that asks for it: what must be so at once. The account has its name and address still."""

    def settle(self, person: Person, now: datetime) -> str:
        """Outside of any transaction: end what runs elsewhere. Returns what has to be waited for, or ''. Done again, it finds all
        done."""
        return ""

    def forget(self, person: Person, now: datetime) -> None:
        """In one transaction with all other parts: take the person out of the rows. Done again, it changes nothing."""


_parts: list[Part] = []


def register(part: Part) -> None:
    """Called once for each app, from AppConfig.ready()."""
    _parts.append(part)


def parts() -> list[Part]:
    """All parts, in the order of the apps."""
    return list(_parts)
