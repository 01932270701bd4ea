"""What a discount takes off each line, and what tax comes on it: arithmetic in cents, halves rounded up."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from .jsontypes import Json


@dataclass(frozen=True)
class Taxation:
    """What is charged in one place: a percentage, and why it is that one."""

    percent: Decimal
    country: str
    reason: str


@dataclass(frozen=True)
class Reckoned:
    """One line after discount and tax. An inclusive tax is contained in the subtotal, an exclusive one comes on top."""

    subtotal: int
    discount: int
    tax: int
    inclusive: bool

    @property
    def total(self) -> int:
        return self.subtotal - self.discount + (0 if self.inclusive else self.tax)

    @property
    def taxable(self) -> int:
        return self.total - self.tax


def reckon(lines: Sequence[tuple[int, bool]], coupon: Json | None, taxation: Taxation | None) -> list[Reckoned]:
    """Each line is its subtotal and whether tax is included in it."""
    shares = _shares([subtotal for subtotal, _ in lines], coupon) if coupon else [0] * len(lines)
    return [
        Reckoned(subtotal, share, _tax(subtotal - share, taxation, inclusive=inclusive), inclusive)
        for (subtotal, inclusive), share in zip(lines, shares, strict=True)
    ]


def _shares(subtotals: list[int], coupon: Json) -> list[int]:
    """The whole discount, spread by what the lines cost; the last line takes what rounding left over."""
    whole = sum(subtotals)
    if coupon["percent_off"] is not None:
        left = off = _rounded(whole * Decimal(str(coupon["percent_off"])) / 100)
    else:
        left = off = min(coupon["amount_off"], whole)
    shares = []
    for subtotal in subtotals[:-1]:
        share = min(left, _rounded(Decimal(off * subtotal) / whole)) if whole else 0
        shares.append(share)
        left -= share
    return [*shares, left]


def _tax(net: int, taxation: Taxation | None, *, inclusive: bool) -> int:
    if taxation is None:
        return 0
    if inclusive:
        return net - _rounded(Decimal(net) * 100 / (100 + taxation.percent))
    return _rounded(net * taxation.percent / 100)


def _rounded(amount: Decimal) -> int:
    return int(amount.quantize(Decimal(1), ROUND_HALF_UP))
