"""The test cards, by their well-known numbers, and what each of them does."""

from dataclasses import dataclass
from typing import Literal

from .jsontypes import Json


@dataclass(frozen=True)
class Card:
    """`first` is what happens when the reader pays, `later` at a charge without the reader (a renewal),
    and `trouble` what follows a payment at once."""

    number: str
    brand: str = "visa"
    first: Literal["pays", "declines", "authenticates"] = "pays"
    later: Literal["pays", "declines", "authenticates"] = "pays"
    code: str = "card_declined"
    decline_code: str | None = "generic_decline"
    message: str = "Your card has been declined."
    refund: Literal["succeeded", "pending", "fails_later"] = "succeeded"
    trouble: Literal["dispute", "inquiry", "fraud_warning"] | None = None

    @property
    def last4(self) -> str:
        return self.number[-4:]


CARDS = {
    card.number: card
    for card in (
        Card("4242424242424242"),
        Card("5555555555554444", brand="mastercard"),
        Card("4000000000000002", first="declines"),
        Card(
            "4000000000009995",
            first="declines",
            decline_code="insufficient_funds",
            message="Your card has insufficient funds.",
        ),
        Card("4000000000000069", first="declines", code="expired_card", decline_code=None, message="Your card has expired."),
        Card(
            "4000000000000127",
            first="declines",
            code="incorrect_cvc",
            decline_code=None,
            message="Your card's security code is incorrect.",
        ),
        Card("4000002500003155", first="authenticates", later="pays"),
        Card("4000002760003184", first="authenticates", later="authenticates"),
        Card("4000000000000341", later="declines"),
        Card("4000000000007726", refund="pending"),
        Card("4000000000005126", refund="fails_later"),
        Card("4000000000000259", trouble="dispute"),
        Card("4000000000001976", trouble="inquiry"),
        Card("4000000000005423", trouble="fraud_warning"),
    )
}


def find_card(number: str) -> Card | None:
    """The test card of that number, however it is spaced."""
    return CARDS.get("".join(character for character in number if character.isdigit()))


def card_details(card: Card) -> Json:
    """What a charge tells of the card."""
    return {
        "type": "card",
        "card": {
            "brand": card.brand,
            "checks": {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": "pass"},
            "country": "US",
            "exp_month": 12,
            "exp_year": 2034,
            "fingerprint": f"simulator{card.last4}",
            "funding": "credit",
            "last4": card.last4,
            "network": card.brand,
            "three_d_secure": None,
            "wallet": None,
        },
    }
