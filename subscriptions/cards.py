"""The card that a year renews with: as much of it as its owner needs to know it again."""

from dataclasses import dataclass
from datetime import datetime

# Where a brand writes itself otherwise than its word at Stripe with a capital.
BRANDS = {"amex": "American Express", "diners": "Diners Club", "eftpos_au": "eftpos", "jcb": "JCB", "unionpay": "UnionPay"}


@dataclass(frozen=True)
class Card:
    """`brand` is Stripe's word ('visa'); `expires` is the last month in which it is good, as 'MM/YYYY'."""

    brand: str
    last4: str
    expires: str

    def __str__(self) -> str:
        brand = BRANDS.get(self.brand) or self.brand.replace("_", " ").title()
        return f"{brand} ending in {self.last4}"

    def ends_before(self, moment: datetime) -> bool:
        """Whether it has expired by then: it is good to the end of its month."""
        month, year = self.expires.split("/")
        return (int(year), int(month)) < (moment.year, moment.month)


def card_fields(card: Card | None) -> dict[str, str]:
    """As rows and dossiers keep it: nothing where there is none."""
    brand, last4, expires = (card.brand, card.last4, card.expires) if card else ("", "", "")
    return {"card_brand": brand, "card_last4": last4, "card_expires": expires}
