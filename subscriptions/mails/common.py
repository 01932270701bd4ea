"""What every mail about buying needs."""

from subscriptions.models import SeatCoverage
from subscriptions.order_words import price_text


def coverage_text(coverage: SeatCoverage) -> str:
    """What paid for a seat, in words: '$250', '$225 (promotion −$25)', '$750 for 3 seats', '1 credit', 'Complimentary'."""
    if coverage.order:
        return price_text(coverage.order)
    return {
        SeatCoverage.Kind.CREDIT: "1 credit",
        SeatCoverage.Kind.COMP: "Complimentary",
        SeatCoverage.Kind.OFFLINE: "Paid by invoice",
    }[SeatCoverage.Kind(coverage.kind)]
