"""The demo that a newcomer finds: a schedule, people, a year, some seats, all made by the operations of the product itself."""

import uuid
from datetime import datetime, time, timedelta

from allauth.account.models import EmailAddress
from django.conf import settings
from django.contrib.auth.models import Group
from django.db import transaction
from django.db.models import F
from django.utils.text import slugify

from redreport import policy, wording
from redreport.accounts.models import User
from redreport.local.demo_accounts import HOST_EMAIL, READER_EMAIL, STAFF_EMAIL, SUBSCRIBER_EMAIL
from redreport.local.demo_sessions import (
    ATTENDEES,
    COMING,
    DOUBTED,
    HOSTS,
    NEARLY_SOLD_OUT,
    PAID_BY_INVOICE,
    PAST,
    SOLD_OUT,
    WAITING,
    Topic,
)
from redreport.outbox.models import OutgoingMail
from sessions_live.models import Host, LiveSession, WaitlistEntry
from sessions_live.operations.attendance import enter_by_door
from sessions_live.operations.schedule import end_past_live_sessions, publish_live_session
from sessions_live.operations.seats import Attendee
from sessions_live.operations.waitlist import join_waitlist
from subscriptions.operations.comps import give_complimentary_seat
from subscriptions.operations.offline import Received, give_seat_paid_offline

ANNOUNCED_BEFORE = timedelta(days=30)


def load_people_and_schedule(*, password: str, now: datetime) -> bool:
    """Make the demo's accounts, hosts, sessions and given seats, all or nothing; False if they were made before.

    Seats are given only where mails are caught: nobody outside gets a mail about a demo.
    """
    if User.objects.filter(email=STAFF_EMAIL).exists():
        return False
    with transaction.atomic():
        staff = make_person(STAFF_EMAIL, "Sam Whitaker", "", password, is_staff=True, is_superuser=True)
        make_person(SUBSCRIBER_EMAIL, "Lena Hartmann", "Hartmann Capital", password)
        make_person(READER_EMAIL, "Tom Avery", "", password)
        make_person(DOUBTED.email, DOUBTED.name, DOUBTED.firm, password)
        hosts = [Host.objects.create(name=host.name, email=host.email, bio=host.bio) for host in HOSTS]
        for topic in (*COMING, *PAST):
            add_session(topic, hosts, staff, now)
        let_host_sign_in(hosts[0], password)
        if settings.LOCAL_MAIL_DIR:
            record_offline_payment(staff, now)
            let_readers_wait(password, now)
        end_past_live_sessions(now=now)
        told_long_ago(now)
    return True


def make_person(email: str, name: str, firm: str, password: str, **fields: bool) -> User:
    """An account whose address is proven."""
    user = User.objects.create_user(email, password, name=name, firm=firm, **fields)
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    return user


def add_session(topic: Topic, hosts: list[Host], staff: User, now: datetime) -> None:
    """Publish the session and give its seats; one of the past is published, filled and attended at the times of its own."""
    starts_at = start_of(topic, now)
    live_session = LiveSession.objects.create(
        title=topic.title,
        slug=slugify(topic.title),
        section=topic.section,
        question=topic.question,
        description=topic.description,
        starts_at=starts_at,
        capacity=topic.capacity,
        meeting_url=f"https://meet.example.com/{slugify(topic.title)}",
    )
    live_session.hosts.set([hosts[index] for index in topic.hosts])
    announced_at = min(now, starts_at - ANNOUNCED_BEFORE)
    publish_live_session(live_session_id=live_session.pk, actor=staff, now=announced_at)
    if not settings.LOCAL_MAIL_DIR:
        return
    for name, firm, email in ATTENDEES[: topic.given_seats]:
        attendee = Attendee(name, email, firm)
        reason = "Signed up by e-mail before this site existed"
        given_at = min(now, starts_at - timedelta(days=5))
        coverage = give_complimentary_seat(
            live_session_id=live_session.pk, attendee=attendee, actor=staff, reason=reason, now=given_at
        )
        # The last one who was given a seat in a past session did not come.
        if starts_at < now and email != ATTENDEES[topic.given_seats - 1][2]:
            enter_by_door(seat=coverage.seat, device=uuid.uuid4(), takes_over=False, now=starts_at)


def start_of(topic: Topic, now: datetime) -> datetime:
    """Soon means by the minute; otherwise 11 in the morning in the house's zone, on a working day."""
    if abs(topic.starts) < timedelta(days=1):
        return (now + topic.starts).replace(second=0, microsecond=0)
    day = (now + topic.starts).astimezone(policy.HOUSE_ZONE).date()
    while day.weekday() > 4:
        day += timedelta(days=1 if topic.starts > timedelta() else -1)
    return datetime.combine(day, time(11), tzinfo=policy.HOUSE_ZONE)


def told_long_ago(now: datetime) -> None:
    """Mails about what the demo says happened in the past count as sent then, and are not sent today."""
    OutgoingMail.objects.filter(state=OutgoingMail.State.QUEUED, created_at__lt=now).update(
        state=OutgoingMail.State.SENT, sent_at=F("created_at"), reason="demo data of the past"
    )


def let_host_sign_in(host: Host, password: str) -> None:
    """The host's own account: it sees the sessions they host, without addresses and money."""
    host.user = make_person(HOST_EMAIL, host.name, "", password, is_staff=True)
    host.user.groups.add(Group.objects.get(name="host"))
    host.save(update_fields=["user"])


def record_offline_payment(staff: User, now: datetime) -> None:
    """One seat was paid by a firm's bank transfer."""
    give_seat_paid_offline(
        live_session_id=coming(NEARLY_SOLD_OUT).pk,
        attendee=PAID_BY_INVOICE,
        received=Received(policy.SINGLE_SEAT_MINOR, policy.CURRENCY, wording.house_day(now), "INV-2041, bank transfer"),
        actor=staff,
        reason="Their accounts department pays by invoice only",
        now=now,
    )


def let_readers_wait(password: str, now: datetime) -> None:
    for waiting in WAITING:
        reader = make_person(waiting.email, waiting.name, waiting.firm, password)
        join_waitlist(user=reader, live_session_id=coming(SOLD_OUT).pk, pay_by=WaitlistEntry.PayBy.MONEY, now=now)


def coming(topic: Topic) -> LiveSession:
    return LiveSession.objects.get(slug=slugify(topic.title))
