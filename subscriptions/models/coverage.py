"""What paid for a seat, and what became of that once the seat was canceled."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from sessions_live.models import Seat
from subscriptions.models.credits import CreditEntry
from subscriptions.models.orders import Order
from subscriptions.models.refunds import Refund


class SeatCoverage(models.Model):
    """What paid for a seat: exactly one of an order, a credit, an offline payment, or a comp by a named member of staff."""

    class Kind(models.TextChoices):
        ORDER = "order", "paid"
        CREDIT = "credit", "credit"
        OFFLINE = "offline", "offline payment"
        COMP = "comp", "complimentary"

    class Settlement(models.TextChoices):
        REFUND = "refund", "refunded"
        CREDIT = "credit", "credit returned"
        FORFEITED = "forfeited", "forfeited"
        # Canceled too late, and given back all the same because staff decided so.
        GOODWILL = "goodwill", "refunded as goodwill"
        # A comp, a promotion of 100 %, or money that had gone back already.
        NOTHING = "nothing", "nothing to give back"
        # A person decides: money came past Stripe, or the payment is disputed.
        CASE = "case", "a case stands"

    seat = models.OneToOneField(Seat, on_delete=models.PROTECT, related_name="coverage")
    kind = models.CharField(max_length=7, choices=Kind)
    order = models.ForeignKey(Order, on_delete=models.PROTECT, null=True, blank=True, related_name="coverages")
    credit_entry = models.OneToOneField(CreditEntry, on_delete=models.PROTECT, null=True, blank=True, related_name="coverage")
    approved_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    note = models.CharField(max_length=200, blank=True)
    # The case of a payment for which staff gave this seat by hand.
    given_for = models.ForeignKey("subscriptions.Case", on_delete=models.PROTECT, null=True, blank=True, related_name="given")
    # What came past Stripe for it, and when: an offline payment has all three, nothing else has any.
    amount_minor = models.PositiveIntegerField(null=True, blank=True)
    currency = models.CharField(max_length=3, blank=True, default="", db_default="")
    paid_on = models.DateField(null=True, blank=True)
    # What was asked for once by staff, and gave this seat: asked for again, it finds it.
    request_id = models.UUIDField(null=True, blank=True, unique=True, editable=False)
    created_at = models.DateTimeField()
    # Set once, when its canceled seat has been settled.
    settled_at = models.DateTimeField(null=True, blank=True)
    settlement = models.CharField(max_length=10, choices=Settlement, blank=True, default="", db_default="")
    refund = models.ForeignKey(Refund, on_delete=models.PROTECT, null=True, blank=True, related_name="coverages")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(settled_at__isnull=True, settlement="") | (Q(settled_at__isnull=False) & ~Q(settlement="")),
                name="seat_coverage_settled_says_how",
            ),
            models.CheckConstraint(
                condition=Q(settlement__in=["refund", "goodwill"], refund__isnull=False)
                | (~Q(settlement__in=["refund", "goodwill"]) & Q(refund__isnull=True)),
                name="seat_coverage_refund_when_refunded",
            ),
            models.CheckConstraint(
                condition=Q(kind="order", order__isnull=False, credit_entry__isnull=True, approved_by__isnull=True)
                | Q(kind="credit", order__isnull=True, credit_entry__isnull=False, approved_by__isnull=True)
                | Q(kind__in=["offline", "comp"], order__isnull=True, credit_entry__isnull=True, approved_by__isnull=False),
                name="seat_coverage_exactly_one",
            ),
            models.CheckConstraint(
                condition=(Q(kind="offline", amount_minor__gt=0, paid_on__isnull=False) & ~Q(currency=""))
                | (~Q(kind="offline") & Q(amount_minor__isnull=True, paid_on__isnull=True, currency="")),
                name="seat_coverage_offline_says_amount",
            ),
            models.CheckConstraint(condition=Q(given_for__isnull=True) | Q(kind="comp"), name="seat_coverage_given_for_is_comp"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} for seat {self.seat_id}"

    @property
    def is_by_house(self) -> bool:
        """Whether the member of staff who gave the seat stands in as its booker, for want of a reader who booked it."""
        return self.approved_by_id is not None and self.approved_by_id == self.seat.booked_by_id
