"""What the people of the samples bought: seats, a year, and some of it given back."""

import uuid
from datetime import datetime, timedelta

from redreport import policy
from redreport.accounts.models import User
from sessions_live.models import LiveSession, Seat
from subscriptions.models import (
    CreditGrant,
    Invoice,
    Order,
    Payment,
    Plan,
    Price,
    Refund,
    RenewalNotice,
    SeatCoverage,
    Subscriber,
    Subscription,
)
from subscriptions.selectors import current_prices
from subscriptions.terms import consent_text

YEAR = timedelta(days=365)


def price_of(plan: Plan) -> Price:
    """The price in force, which is only read; or one of the sample's."""
    in_force = current_prices().get(plan)
    is_year = plan == Plan.ANNUAL
    return in_force or Price.objects.create(
        plan=plan,
        lookup_key=f"sample_{plan}",
        stripe_price_id=f"sample_{uuid.uuid4().hex}",
        stripe_product_id="sample",
        stripe_account_id="sample",
        livemode=False,
        amount_minor=2500_00 if is_year else 250_00,
        currency="usd",
        interval="year" if is_year else "",
        tax_behavior="exclusive",
        is_current=False,
    )


def seat_order(subscriber: Subscriber, live_session: LiveSession, now: datetime) -> Order:
    """A paid order for two seats."""
    price = price_of(Plan.SINGLE_SEAT)
    return Order.objects.create(
        subscriber=subscriber,
        kind=Order.Kind.SEAT,
        state=Order.State.PAID,
        live_session=live_session,
        price=price,
        quantity=2,
        amount_minor=2 * price.amount_minor,
        currency=price.currency,
        total_minor=2 * price.amount_minor,
        created_at=now,
        expires_at=now,
        checkout_expires_at=now,
        paid_at=now,
        fulfilled_at=now,
    )


def seat_of(order: Order, attendee: User, number: int, now: datetime) -> Seat:
    """A seat of the order, for this attendee."""
    assert order.live_session is not None
    seat = Seat.objects.create(
        live_session=order.live_session,
        number=number,
        state=Seat.State.CONFIRMED,
        attendee_name=attendee.name,
        attendee_email=attendee.email,
        attendee_firm=attendee.firm,
        booked_by=order.subscriber.user,
        held_at=now,
        confirmed_at=now,
    )
    SeatCoverage.objects.create(seat=seat, kind=SeatCoverage.Kind.ORDER, order=order, created_at=now)
    return seat


def part_refund(order: Order, mark: str, now: datetime) -> Refund:
    """Half of the order given back."""
    paid = order.amount_minor
    payment = Payment.objects.create(
        order=order,
        subscriber=order.subscriber,
        stripe_payment_intent_id=f"sample_{mark}",
        amount_minor=paid,
        currency=order.currency,
        refunded_minor=paid // 2,
        captured_at=now,
        recorded_at=now,
    )
    return Refund.objects.create(
        payment=payment, amount_minor=paid // 2, currency=order.currency, reason=Refund.Reason.STAFF, created_at=now
    )


def running_year(subscriber: Subscriber, mark: str, now: datetime) -> tuple[Subscription, Invoice, CreditGrant]:
    """A year that runs, its invoice, and what is left of its credits."""
    subscription = Subscription.objects.create(
        subscriber=subscriber,
        stripe_subscription_id=f"sample_{mark}",
        status=Subscription.Status.ACTIVE,
        current_period_start=now,
        current_period_end=now + YEAR,
        synced_at=now,
    )
    price = price_of(Plan.ANNUAL)
    order = Order.objects.create(
        subscriber=subscriber,
        kind=Order.Kind.YEAR,
        state=Order.State.PAID,
        price=price,
        amount_minor=price.amount_minor,
        currency=price.currency,
        created_at=now,
        expires_at=now,
        checkout_expires_at=now,
        paid_at=now,
        fulfilled_at=now,
        consent_version=policy.CONSENT_VERSION,
        consented_at=now,
        consent_text=consent_text(price),
        subscription=subscription,
    )
    invoice = Invoice.objects.create(
        stripe_invoice_id=f"sample_{mark}",
        number="RRL-0002",
        subscriber=subscriber,
        subscription=subscription,
        order=order,
        status=Invoice.Status.OPEN,
        billing_reason=Invoice.RENEWAL,
        subtotal_minor=price.amount_minor,
        total_minor=price.amount_minor,
        currency=price.currency,
        attempt_count=1,
        next_payment_attempt_at=now + timedelta(days=3),
        hosted_invoice_url="https://invoice.example.com/i/sample",
        created_at=now,
        synced_at=now,
    )
    grant = CreditGrant.objects.create(
        subscriber=subscriber,
        subscription=subscription,
        stripe_invoice_line_id=f"sample_{mark}",
        stripe_invoice_id=invoice.stripe_invoice_id,
        credits=policy.CREDITS_PER_YEAR,
        balance=4,
        valid_from=now - timedelta(minutes=1),
        expires_at=now + timedelta(days=60),
        created_at=now,
    )
    return subscription, invoice, grant


def renewal_notice(subscription: Subscription, order: Order, now: datetime) -> RenewalNotice:
    """The notice of the next renewal."""
    dossier = {
        **{"subtotal_minor": 2500_00, "discount_minor": 0, "tax_minor": 0, "total_minor": 2500_00, "currency": order.currency},
        **{"card_brand": "visa", "card_last4": "4242", "card_expires": f"12/{now.year + 2}"},
        **{"new_credits": policy.CREDITS_PER_YEAR, "sessions_attended": 5, "credits_left": 3},
        **{"credits_expire_at": (now + timedelta(days=30)).isoformat(), "consented_at": now.isoformat()},
    }
    renews_at = subscription.current_period_end
    return RenewalNotice.objects.create(subscription=subscription, renews_at=renews_at, dossier=dossier, created_at=now)
