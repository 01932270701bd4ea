"""One row of each kind that the admin shows, each as plain as can be, for tests that ask every address."""

import uuid
from datetime import timedelta

from django.contrib.auth.models import Group
from django.db.models import Model

from redreport import audit, clock
from redreport.desk.models import Announcement, Job
from redreport.enquiries.models import Enquiry
from redreport.outbox.models import OutgoingMail
from sessions_live.models import DoorEntry, Feedback, Material, Question, ScheduleChange, WaitlistEntry
from subscriptions.models import (
    AutoBooking,
    AutoBookingAttempt,
    Case,
    Dispute,
    Invoice,
    Order,
    Payment,
    Reconciliation,
    Refund,
    RenewalNotice,
    StripeEvent,
    Subscription,
    SubscriptionChange,
)
from subscriptions.operations.subscribers import subscriber_of
from tests.factories import make_credits, make_guest_seat, make_live_session, make_price, make_staff, make_user


def every_object() -> dict[str, Model]:
    """By the label of its model, 'sessions_live.host'. Session, question, feedback and seat belong together."""
    now, staff, reader = clock.now(), make_staff(), make_user("Ada Reader")
    live_session = make_live_session()
    seat = make_guest_seat(live_session, reader, staff=staff)
    subscriber, price, money = subscriber_of(reader), make_price(), {"amount_minor": 25000, "currency": "usd"}
    order = Order.objects.create(
        subscriber=subscriber,
        kind="seat",
        state="paid",
        live_session=live_session,
        price=price,
        created_at=now,
        expires_at=now,
        checkout_expires_at=now,
        paid_at=now,
        **money,
    )
    payment = Payment.objects.create(
        order=order, subscriber=subscriber, stripe_payment_intent_id="pi_1", captured_at=now, recorded_at=now, **money
    )
    refund = Refund.objects.create(payment=payment, reason="staff", state="succeeded", created_at=now, **money)
    dispute = Dispute.objects.create(
        payment=payment, stripe_dispute_id="dp_1", reason="fraudulent", status="won", opened_at=now, synced_at=now, **money
    )
    case = Case.objects.create(
        key="case", kind="partial_refund", subscriber=subscriber, summary="A part went back.", opened_at=now
    )
    subscription = Subscription.objects.create(
        subscriber=subscriber,
        stripe_subscription_id="sub_1",
        status="active",
        current_period_start=now,
        current_period_end=now + timedelta(days=365),
        synced_at=now,
    )
    sums = {"subtotal_minor": 250000, "total_minor": 250000, "currency": "usd"}
    grant = make_credits(reader)
    rows: list[Model] = [
        *(reader, Group.objects.get(name="host"), audit.record(actor=staff, verb="noted", target=reader, now=now)),
        *(OutgoingMail.objects.latest("id"), live_session, live_session.hosts.get()),
        Question.objects.create(seat=seat, text="Who signs?", asked_at=now),
        Feedback.objects.create(seat=seat, rating=4, comment="Good hour.", given_at=now),
        DoorEntry.objects.create(seat=seat, device=uuid.uuid4(), entered_at=now),
        WaitlistEntry.objects.create(
            live_session=live_session, user=make_user(), attendee_name="Bo", pay_by="money", joined_at=now
        ),
        Material.objects.create(
            live_session=live_session, kind="notes", title="Notes", url="https://notes.example/", added_at=now
        ),
        *(subscriber, price, order, payment, refund, dispute, case, subscription),
        SubscriptionChange.objects.create(
            subscription=subscription, kind="renewal_off", state="done", asked_by=reader, created_at=now
        ),
        Invoice.objects.create(
            subscriber=subscriber, stripe_invoice_id="in_1", status="paid", created_at=now, synced_at=now, **sums
        ),
        RenewalNotice.objects.create(subscription=subscription, renews_at=now, created_at=now),
        *(grant, grant.entries.get()),
        AutoBooking.objects.create(subscriber=subscriber, since=now),
        AutoBookingAttempt.objects.create(subscriber=subscriber, live_session=live_session, outcome="seated", at=now),
        StripeEvent.objects.create(
            stripe_event_id="evt_1", type="invoice.paid", livemode=False, state="processed", occurred_at=now, received_at=now
        ),
        Reconciliation.objects.create(started_at=now, since=now),
        ScheduleChange.objects.create(
            live_session=live_session,
            kind="moved",
            version=1,
            old_starts_at=live_session.starts_at,
            new_starts_at=live_session.starts_at,
            old_duration_minutes=50,
            new_duration_minutes=60,
            reason="Longer",
            made_by=staff,
            made_at=now,
        ),
        Announcement.objects.create(live_session=live_session, subject="News", body="We begin.", made_by=staff, made_at=now),
        Enquiry.objects.create(
            key=uuid.uuid4(), name="Ada", firm="Okafor Research", email="ada@example.com", need="Ten seats.", created_at=now
        ),
        Job.objects.create(kind="test_letters", preview="Does nothing.", made_by=staff, made_at=now, finished_at=now),
    ]
    by_label = {row._meta.label_lower: row for row in rows}
    return {**by_label, "desk.rosterseat": seat}
