"""Mismatches that a person must decide."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from redreport.outbox.models import OutgoingMail
from sessions_live.models import Seat
from subscriptions.models.billing import Subscriber, Subscription
from subscriptions.models.orders import Order, Payment
from subscriptions.models.refunds import Dispute, Refund


class Case(models.Model):
    """One mismatch, opened once per `key`, settled by a member of staff, or by itself where its cause went away."""

    class Kind(models.TextChoices):
        AMOUNT_MISMATCH = "amount_mismatch", "Paid amount is not the order's"
        SECOND_YEAR = "second_year", "Second live subscription"
        REFUND_FAILED = "refund_failed", "Refund failed"
        PARTIAL_REFUND = "partial_refund", "Part of a payment refunded in Stripe's dashboard"
        YEAR_REFUNDED = "year_refunded", "A year's payment refunded in Stripe's dashboard"
        UNKNOWN_INVOICE = "unknown_invoice", "Paid invoice that is none of ours"
        UNKNOWN_PAYMENT = "unknown_payment", "Payment that belongs to nothing we know"
        PAYMENT_WITHOUT_SEAT = "payment_without_seat", "Payment whose seat we do not know"
        INVOICE_STUCK = "invoice_stuck", "Invoice that Stripe cannot collect"
        DISPUTE = "dispute", "Payment disputed"
        FRAUD_WARNING = "fraud_warning", "The card's bank suspects fraud"
        PAID_OUT_TWICE = "paid_out_twice", "Refunded and disputed"
        OFFLINE_RESTITUTION = "offline_restitution", "Money to give back past Stripe"
        DISPUTED_RESTITUTION = "disputed_restitution", "Canceled seat of a disputed payment"
        RENEWAL_NOTICE = "renewal_notice", "Renewal notice could not be sent in time"
        CHANGE_REFUSED = "change_refused", "Stripe refused a change of a subscription"
        CREDIT_NOTE = "credit_note", "Credit note could not be made"
        DIFFERENCE = "difference", "Difference from Stripe that did not heal"
        MAIL_BOUNCED = "mail_bounced", "A mail about a seat or money came back"

    class State(models.TextChoices):
        OPENED = "opened"
        SETTLED = "settled"

    class Outcome(models.TextChoices):
        """What became of the money of a case that staff settled: the books read it."""

        REFUNDED = "refunded", "refunded at Stripe"
        PAID_BACK = "paid_back", "paid back past Stripe"
        KEPT = "kept", "the money is kept"
        SEAT_GIVEN = "seat_given", "a seat was given by hand"
        OTHERWISE = "otherwise", "made good otherwise"

    # What is owed because of these is owed until somebody says what became of it.
    OF_MONEY = (
        Kind.AMOUNT_MISMATCH,
        Kind.DISPUTED_RESTITUTION,
        Kind.OFFLINE_RESTITUTION,
        Kind.PAYMENT_WITHOUT_SEAT,
        Kind.REFUND_FAILED,
        Kind.UNKNOWN_PAYMENT,
    )

    key = models.CharField(max_length=160, unique=True)
    kind = models.CharField(max_length=24, choices=Kind)
    state = models.CharField(max_length=8, choices=State, default=State.OPENED)
    subscriber = models.ForeignKey(Subscriber, on_delete=models.PROTECT, null=True, blank=True, related_name="cases")
    order = models.ForeignKey(Order, on_delete=models.PROTECT, null=True, blank=True, related_name="cases")
    subscription = models.ForeignKey(Subscription, on_delete=models.PROTECT, null=True, blank=True, related_name="cases")
    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, null=True, blank=True, related_name="cases")
    refund = models.ForeignKey(Refund, on_delete=models.PROTECT, null=True, blank=True, related_name="cases")
    dispute = models.ForeignKey(Dispute, on_delete=models.PROTECT, null=True, blank=True, related_name="cases")
    seat = models.ForeignKey(Seat, on_delete=models.PROTECT, null=True, blank=True, related_name="cases")
    mail = models.ForeignKey(OutgoingMail, on_delete=models.PROTECT, null=True, blank=True, related_name="cases")
    # What happened, and what we propose to do about it, in words for staff.
    summary = models.CharField(max_length=300)
    proposal = models.CharField(max_length=300, blank=True, default="", db_default="")
    opened_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True, blank=True)
    # Empty for a case whose cause went away by itself.
    settled_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    resolution = models.CharField(max_length=300, blank=True)
    # Said of money only, and by staff; what went back past Stripe is never more than was left.
    outcome = models.CharField(max_length=10, choices=Outcome, blank=True, default="", db_default="")
    paid_back_minor = models.PositiveIntegerField(null=True, blank=True)
    paid_back_currency = models.CharField(max_length=3, blank=True, default="", db_default="")

    class Meta:
        ordering = ["-opened_at", "-id"]
        indexes = [
            models.Index(fields=["opened_at"], condition=Q(state="opened"), name="case_open_idx"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(state="opened", settled_at__isnull=True)
                | (Q(state="settled", settled_at__isnull=False) & ~Q(resolution="")),
                name="case_settled_says_how",
            ),
            models.CheckConstraint(condition=Q(outcome="") | Q(state="settled"), name="case_outcome_when_settled"),
            models.CheckConstraint(
                condition=(Q(outcome="paid_back", paid_back_minor__gt=0) & ~Q(paid_back_currency=""))
                | (~Q(outcome="paid_back") & Q(paid_back_minor__isnull=True, paid_back_currency="")),
                name="case_paid_back_says_amount",
            ),
        ]

    def __str__(self) -> str:
        return self.summary
