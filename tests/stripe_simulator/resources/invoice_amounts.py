"""Discount and tax on an invoice: put on its lines, and summed up in its own fields."""

from typing import TYPE_CHECKING

from ..jsontypes import Json
from ..reckoning import Reckoned, Taxation, reckon
from . import discounts, taxes
from .common import fetch

if TYPE_CHECKING:
    from ..simulator import Simulator


def reckoned(sim: "Simulator", lines: list[Json], discount: Json | None, taxation: Taxation | None) -> Json:
    """The invoice's fields of these new lines, which get their own shares on the way."""
    prices = [fetch(sim, "price", line["pricing"]["price_details"]["price"], "price") for line in lines]
    subtotals = [(line["amount"], taxes.is_inclusive(price)) for line, price in zip(lines, prices, strict=True)]
    shares = reckon(subtotals, discounts.coupon_of(sim, discount), taxation)
    for line, share in zip(lines, shares, strict=True):
        _put_on_line(sim, line, share, discount, taxation)
    subtotal, total = sum(share.subtotal for share in shares), sum(share.total for share in shares)
    off, tax = sum(share.discount for share in shares), sum(share.tax for share in shares)
    contained = sum(share.tax for share in shares if share.inclusive)
    return {
        "amount_due": total,
        "amount_remaining": total,
        "discounts": [discount["id"]] if discount else [],
        "subtotal": subtotal,
        "subtotal_excluding_tax": subtotal - contained,
        "total": total,
        "total_discount_amounts": _discount_amounts(off, discount),
        "total_excluding_tax": total - tax,
        "total_pretax_credit_amounts": _credits(off, discount),
        "total_taxes": _total_taxes(sim, shares, taxation),
    }


def _put_on_line(sim: "Simulator", line: Json, share: Reckoned, discount: Json | None, taxation: Taxation | None) -> None:
    line["discount_amounts"] = _discount_amounts(share.discount, discount)
    line["pretax_credit_amounts"] = _credits(share.discount, discount)
    line["taxes"] = _total_taxes(sim, [share], taxation)


def _discount_amounts(amount: int, discount: Json | None) -> list[Json]:
    return [{"amount": amount, "discount": discount["id"]}] if discount else []


def _credits(amount: int, discount: Json | None) -> list[Json]:
    return [{"amount": amount, "discount": discount["id"], "type": "discount"}] if discount else []


def _total_taxes(sim: "Simulator", shares: list[Reckoned], taxation: Taxation | None) -> list[Json]:
    """One entry for the taxes on top and one for the contained ones, where there are any."""
    found = []
    for inclusive in (False, True):
        same = [share for share in shares if share.inclusive is inclusive]
        if same and taxation:
            found.append(
                {
                    "amount": sum(share.tax for share in same),
                    "tax_behavior": "inclusive" if inclusive else "exclusive",
                    "tax_rate_details": {"tax_rate": taxes.rate_object(sim, taxation, inclusive=inclusive)["id"]},
                    "taxability_reason": taxation.reason,
                    "taxable_amount": sum(share.taxable for share in same),
                    "type": "tax_rate_details",
                }
            )
    return found
