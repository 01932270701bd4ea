"""How each kind of thing is walked: listed page by page, compared a page at a time, and healed by the operations that stand."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Generic, TypeVar

from subscriptions.models import FormerCustomer, Subscriber
from subscriptions.reconciliation.differences import Difference
from subscriptions.stripe_objects import CustomerState

PAGE = 100

Item = TypeVar("Item")


@dataclass(frozen=True)
class Span:
    """What Stripe's lists are walked for: things made since then and, unless all are wanted, before `until`."""

    since: datetime
    until: datetime | None = None


class Walk(ABC, Generic[Item]):
    """One kind of thing to compare. `kind` is the word for it in differences and cases."""

    kind: str
    # Whether its items are Stripe's, and not rows of ours that already look wrong.
    is_of_stripe = True
    # Whether what a case stands for already is tried again in each run.
    heals_known = True

    @abstractmethod
    def items(self, span: Span, now: datetime) -> Iterator[Item]:
        """All that is to be compared, one after the other, never all at once."""

    @abstractmethod
    def id_of(self, item: Item) -> str:
        """What its differences call it."""

    @abstractmethod
    def compare(self, page: Sequence[Item], now: datetime) -> list[Difference]:
        """What differs on this page; a few queries, however many items it has."""

    @abstractmethod
    def fetch(self, object_id: str) -> Item | None:
        """It as it is now; None if there is nothing to compare any more."""

    def heal(self, item: Item, now: datetime) -> None:
        """Bring our rows to what Stripe says. What cannot be healed by itself is left to a case."""


def pages(items: Iterator[Item]) -> Iterator[list[Item]]:
    """The items a hundred at a time."""
    while page := list(islice(items, PAGE)):
        yield page


class Customers:
    """Which of these customers of Stripe's are ours; two queries for any number of them."""

    def __init__(self, customer_ids: Iterable[str]) -> None:
        ids = {customer_id for customer_id in customer_ids if customer_id}
        linked = Subscriber.objects.filter(stripe_customer_id__in=ids)
        self.linked = {str(customer_id) for customer_id in linked.values_list("stripe_customer_id", flat=True)}
        former = FormerCustomer.objects.filter(stripe_customer_id__in=ids - self.linked)
        self.known = self.linked | set(former.values_list("stripe_customer_id", flat=True))

    def has(self, customer_id: str, customer: CustomerState | None = None) -> bool:
        """Whether it is in our books, or carries our mark all the same, as after a restore."""
        return customer_id in self.known or (customer is not None and not customer.is_deleted and customer.is_made_by_us)
