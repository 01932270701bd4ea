"""Buying's part in exporting and erasing an account. The rows about money stay; they name the account by its number alone."""

from contextlib import suppress
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q

from redreport.accounts.models import User
from redreport.accounts.privacy.parts import ERASED_NAME, Obstacle, Part, Person
from redreport.outbox.models import OutgoingMail
from redreport.wording import counted
from sessions_live.models import ScheduleChange, Seat
from subscriptions import stripe_gateway as gateway
from subscriptions.cards import card_fields
from subscriptions.errors import GatewayError, GatewayNotFound, ObjectBusy
from subscriptions.mails.moves import BOOKING_MOVED
from subscriptions.models import AutoBooking, Case, CreditGrant, RenewalNotice, Subscriber, Subscription, SubscriptionChange
from subscriptions.operations.cases import LONGEST
from subscriptions.operations.changes import ask_end_now, submit_change
from subscriptions.operations.credits import write_off_credits
from subscriptions.privacy.exported import bought_by
from subscriptions.privacy.open_matters import coming_seats, open_money, unpaid_year
from subscriptions.selectors import credit_balance, live_subscription

REASON = "the account is erased"


class BuyingPart(Part):
    name = "subscriptions"

    def export(self, user: User, now: datetime) -> dict[str, Any]:
        return bought_by(user)

    def obstacles(self, user: User, now: datetime) -> list[Obstacle]:
        return [*coming_seats(user, now), *open_money(user, now), *unpaid_year(user)]

    def consequences(self, user: User, now: datetime) -> list[str]:
        said, left = [], credit_balance(user=user, now=now).total
        if live_subscription(user=user):
            said.append("Your year ends at once. Nothing more is charged, and nothing is returned for what is left of it.")
        if left:
            said.append(f"You lose {counted(left, 'unused credit')}.")
        if Subscriber.objects.filter(user=user).exists():
            said.append(
                "Orders, payments, refunds and what you agreed to stay in our books without your name. The invoices at Stripe "
                "keep the name they were made out to, as the law on bookkeeping asks."
            )
        return said

    def lock(self, user: User) -> None:
        # The subscriber's lock: an order, a booking by credit or a wish about the year may be made at this moment.
        list(Subscriber.objects.select_for_update(no_key=True).filter(user=user))

    def begin(self, user: User, actor: User, now: datetime) -> None:
        AutoBooking.objects.filter(subscriber__user=user).delete()
        for year in Subscription.objects.filter(subscriber__user=user, status__in=Subscription.LIVE).order_by("pk"):
            ask_end_now(subscription_id=year.pk, actor=actor, reason=REASON, now=now)

    def settle(self, person: Person, now: datetime) -> str:
        waits_for = _end_years(person.user, now)
        if waits_for:
            return waits_for
        for obstacle in open_money(person.user, now):
            return obstacle.words
        _write_off(person.user, now)
        return _rename_customer(person, now)

    def forget(self, person: Person, now: datetime) -> None:
        Subscriber.objects.filter(user=person.user).update(billing_name=ERASED_NAME, firm="")
        for notice in RenewalNotice.objects.filter(subscription__subscriber__user=person.user):
            notice.dossier |= card_fields(None)
            notice.save(update_fields=["dossier"])
        _forget_mails_to_bookers(person)
        about = Q(subscriber__user=person.user) | Q(seat__attendee_email=person.pseudonym) | Q(seat__booked_by=person.user)
        # The mail came back, and whoever it was for has bought nothing.
        about |= Q(mail__recipient=person.pseudonym)
        for case in Case.objects.filter(about):
            case.summary, case.resolution = (person.taken_out_of(said)[:LONGEST] for said in (case.summary, case.resolution))
            case.save(update_fields=["summary", "resolution"])


def _forget_mails_to_bookers(person: Person) -> None:
    """Who booked for them was mailed of all their seats at once: such a body names them, and goes. That it was sent stays."""
    sat_in = Q(attendee_email=person.pseudonym) | Q(hand_overs__from_email=person.pseudonym)
    seats = Seat.objects.filter(sat_in, coverage__isnull=False).order_by().distinct()
    orders = list(seats.values_list("coverage__order_id", flat=True).filter(coverage__order__isnull=False))
    changes = ScheduleChange.objects.filter(live_session__seats__in=seats).order_by()
    of_booking = Q(context__order_id__in=orders)
    of_moves = Q(
        kind=BOOKING_MOVED,
        context__change_id__in=list(changes.values_list("pk", flat=True)),
        context__user_id__in=list(seats.values_list("booked_by_id", flat=True)),
    )
    done_with = OutgoingMail.objects.filter(of_booking | of_moves).exclude(state__in=OutgoingMail.OPEN_STATES)
    done_with.update(subject="", sent_bytes=None)


def _end_years(user: User, now: datetime) -> str:
    """Stripe is asked until it has ended them; the sweep of changes asks as well."""
    wishes = SubscriptionChange.objects.filter(subscription__subscriber__user=user, state=SubscriptionChange.State.PENDING)
    for change_id in list(wishes.order_by("pk").values_list("pk", flat=True)):
        with suppress(ObjectBusy):
            submit_change(change_id=change_id, now=now)
    return "the end of the year at Stripe" if live_subscription(user=user) else ""


def _write_off(user: User, now: datetime) -> None:
    for grant_id in CreditGrant.objects.filter(subscriber__user=user, balance__gt=0).order_by("pk").values_list("pk", flat=True):
        with transaction.atomic():
            write_off_credits(grant_id=grant_id, reason=REASON, now=now)


def _rename_customer(person: Person, now: datetime) -> str:
    """Stripe's customer stays for its invoices, with nobody's name and address. Asked again, it changes nothing."""
    customer_id = Subscriber.objects.filter(user=person.user).values_list("stripe_customer_id", flat=True).first()
    if not customer_id:
        return ""
    try:
        gateway.forget_who_customer_is(customer_id, name=ERASED_NAME, email=person.pseudonym)
    except GatewayNotFound:
        return ""
    except GatewayError:
        return "Stripe's answer"
    return ""
