"""Mails about a seat or money that nobody got. The outbox knows what came back; here a person is asked to mend it."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet

from redreport.outbox import kinds
from redreport.outbox.models import OutgoingMail
from redreport.wording import house_day
from sessions_live.models import Seat
from subscriptions.models import Case, Order, RenewalNotice, Subscriber
from subscriptions.operations.cases import case_key, close_case_of_key, open_case

# A case is opened within a minute; after a long outage of ours what came back before it is still looked at.
LOOKED_BACK = timedelta(days=30)
OURS = Q(kind__in=(Case.Kind.MAIL_BOUNCED, Case.Kind.RENEWAL_NOTICE))
BY_SEAT = (
    "Ask whoever booked it for the right address and hand the seat over to it: the invitation then goes there. "
    "If the address is right, have them look with whoever runs their mail, and send the mail again."
)
BY_ACCOUNT = "Ask the reader for the right address by another way, correct it in their account, and write to them."
BY_LETTER = "The law wants the notice to arrive: write to the reader in another way, with what the mail says, and settle this."


def open_cases_of_bounces(*, now: datetime, limit: int) -> int:
    """
    Open a case for each mail that came back or failed for good and that its reader needs; settle those whose cause went away.

    One address has one such case at a time: what else comes back from it before that is settled belongs to it. Returns how many
    are new.
    """
    _close_what_is_mended(now)
    opened = 0
    for mail in _undelivered(now).order_by("id")[:limit]:
        opened += _open(mail, now)
    return opened


def _undelivered(now: datetime) -> QuerySet[OutgoingMail]:
    needless = [kind.name for kind in kinds.known_kinds() if kind.sealed or kind.topic]
    stands_or_stood = Q(state=Case.State.OPENED) | Q(settled_at__gte=OuterRef("updated_at"))
    in_a_case = Case.objects.filter(OURS, stands_or_stood, mail__recipient__iexact=OuterRef("recipient"))
    recent = OutgoingMail.objects.filter(state__in=OutgoingMail.UNDELIVERED, updated_at__gte=now - LOOKED_BACK)
    return recent.exclude(kind__in=needless).filter(~Exists(in_a_case))


def _open(mail: OutgoingMail, now: datetime) -> bool:
    with transaction.atomic():
        # The mail's lock: it may be sent again at this moment, and two sweeps may come at once.
        OutgoingMail.objects.select_for_update(no_key=True).get(pk=mail.pk)
        if not _undelivered(now).filter(pk=mail.pk).exists():
            return False
        notice = RenewalNotice.objects.select_related("subscription__subscriber").filter(mail=mail).first()
        if notice:
            _open_of_notice(notice, mail, now)
        else:
            _open_of_mail(mail, now)
        return True


def _open_of_notice(notice: RenewalNotice, mail: OutgoingMail, now: datetime) -> None:
    open_case(
        key=case_key(Case.Kind.RENEWAL_NOTICE, notice.pk, mail.attempts),
        kind=Case.Kind.RENEWAL_NOTICE,
        summary=f"The notice of the renewal on {house_day(notice.renews_at):%Y-%m-%d} did not arrive: {mail.reason}",
        proposal=BY_LETTER,
        subscriber=notice.subscription.subscriber,
        subscription=notice.subscription,
        mail=mail,
        now=now,
    )


def _open_of_mail(mail: OutgoingMail, now: datetime) -> None:
    seat, order = _seat_of(mail), _order_of(mail)
    subscriber = order.subscriber if order else Subscriber.objects.filter(user__email__iexact=mail.recipient).first()
    about = f"for {seat.attendee_name[:60]} in “{seat.live_session.title[:80]}”" if seat else f"to {mail.recipient[:80]}"
    open_case(
        key=case_key(Case.Kind.MAIL_BOUNCED, mail.pk, mail.attempts),
        kind=Case.Kind.MAIL_BOUNCED,
        summary=f"Not delivered: {kinds.label_of(mail.kind)} {about} ({mail.reason})",
        proposal=BY_SEAT if seat else BY_ACCOUNT,
        subscriber=subscriber,
        order=order,
        seat=seat,
        mail=mail,
        now=now,
    )


def _close_what_is_mended(now: datetime) -> None:
    """A mail that was sent after all, or has become needless; a seat that is somebody else's by now."""
    opened = Case.objects.filter(OURS, state=Case.State.OPENED, mail__isnull=False)
    done = opened.exclude(mail__state__in=(*OutgoingMail.UNDELIVERED, *OutgoingMail.OPEN_STATES))
    for key, state in done.values_list("key", "mail__state"):
        close_case_of_key(key=key, resolution=f"The mail is {state} by now.", now=now)
    about_attendee = opened.filter(seat__isnull=False).exclude(mail__recipient=F("seat__booked_by__email"))
    for key in about_attendee.exclude(mail__recipient=F("seat__attendee_email")).values_list("key", flat=True):
        close_case_of_key(key=key, resolution="The seat is not theirs any more.", now=now)


def _seat_of(mail: OutgoingMail) -> Seat | None:
    return Seat.objects.select_related("live_session").filter(pk=mail.context.get("seat_id")).first()


def _order_of(mail: OutgoingMail) -> Order | None:
    """The order that the mail is about, or the one that covers its seat."""
    orders = Order.objects.select_related("subscriber")
    if order_id := mail.context.get("order_id"):
        return orders.filter(pk=order_id).first()
    seat_id = mail.context.get("seat_id")
    return orders.filter(coverages__seat=seat_id).first() if seat_id else None
