"""What something staff ask for does, in numbers that add up, and in one sentence."""

from dataclasses import dataclass, fields
from typing import Any

from redreport.money import format_money
from redreport.wording import counted


@dataclass(frozen=True)
class Effects:
    """How many of each; of money, minor units by currency. Those of several rows are added."""

    seats_canceled: int = 0
    seats_given: int = 0
    seats_moved: int = 0
    seats_handed_over: int = 0
    checked_in: int = 0
    refunds: tuple[tuple[str, int], ...] = ()
    payments_recorded: tuple[tuple[str, int], ...] = ()
    credits_returned: int = 0
    credits_granted: int = 0
    cases: int = 0
    accounts: int = 0
    drafts: int = 0
    mails: int = 0
    # Readers who wait and will be offered a seat that comes free.
    offers: int = 0
    # Rows that nothing is done to, since all that was asked is so already.
    unchanged: int = 0

    def __add__(self, other: "Effects") -> "Effects":
        return Effects(**{field.name: _sum(getattr(self, field.name), getattr(other, field.name)) for field in fields(self)})

    def sentence(self) -> str:
        """'Cancels 3 seats, refunds $500.00, returns 1 credit, sends 3 mails. 2 on the waitlist will be offered a seat.'"""
        said = [words for words in self._parts() if words]
        if not said:
            return "Changes nothing."
        sentence = f"{', '.join(said)}."
        tail = f" {self.offers} on the waitlist will be offered a seat." if self.offers else ""
        kept = f" Leaves {self.unchanged} as they are." if self.unchanged else ""
        return sentence[0].upper() + sentence[1:] + tail + kept

    def _parts(self) -> list[str]:
        money = [f"refunds {format_money(amount, currency)}" for currency, amount in self.refunds]
        received = [f"records {format_money(amount, currency)} as received" for currency, amount in self.payments_recorded]
        verbs = [
            ("cancels", self.seats_canceled, "seat"),
            ("gives", self.seats_given, "seat"),
            ("moves", self.seats_moved, "seat"),
            ("hands over", self.seats_handed_over, "seat"),
            ("checks in", self.checked_in, "attendee"),
        ]
        rest = [
            ("returns", self.credits_returned, "credit"),
            ("grants", self.credits_granted, "credit"),
            ("opens", self.accounts, "account"),
            ("drafts", self.drafts, "session"),
            ("opens", self.cases, "case"),
            ("sends", self.mails, "mail"),
        ]
        return [*_said(verbs), *money, *received, *_said(rest)]


def _said(parts: list[tuple[str, int, str]]) -> list[str]:
    return [f"{verb} {counted(number, thing)}" for verb, number, thing in parts if number]


def _sum(one: Any, other: Any) -> Any:
    if isinstance(one, int):
        return one + other
    sums = dict(one)
    for currency, amount in other:
        sums[currency] = sums.get(currency, 0) + amount
    return tuple(sorted(sums.items()))
