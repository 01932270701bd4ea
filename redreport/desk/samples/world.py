"""A small house of sample rows: two people, two sessions, an order, a year, and what became of them. Only inserts; the caller
rolls back."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from redreport.accounts.models import User
from redreport.desk.models import Announcement
from redreport.desk.samples.bought import part_refund, renewal_notice, running_year, seat_of, seat_order
from redreport.enquiries.models import Enquiry
from sessions_live.models import (
    HandOver,
    Host,
    LiveSession,
    Material,
    Question,
    ScheduleChange,
    Seat,
    SessionNews,
    WaitlistEntry,
)
from subscriptions.models import (
    AutoBookingAttempt,
    CreditGrant,
    Invoice,
    Order,
    Refund,
    RenewalNotice,
    Subscriber,
    Subscription,
)

WHY = "The host is traveling that week."


@dataclass
class World:
    """What the samples are made of, all of it saved and none of it committed."""

    now: datetime
    ada: User
    bo: User
    host: Host
    live_session: LiveSession
    later: LiveSession
    seat: Seat
    colleagues_seat: Seat
    order: Order
    refund: Refund
    subscription: Subscription
    invoice: Invoice
    grant: CreditGrant
    notice: RenewalNotice
    hand_over: HandOver
    change: ScheduleChange
    entry: WaitlistEntry
    news: SessionNews
    announcement: Announcement
    enquiry: Enquiry

    def context(self) -> dict[str, Any]:
        """Every id that a mail may ask for, by the name under which it asks."""
        return {
            "seat_id": self.seat.pk,
            "order_id": self.order.pk,
            "refund_id": self.refund.pk,
            "invoice_id": self.invoice.pk,
            "subscription_id": self.subscription.pk,
            "subscriber_id": self.order.subscriber_id,
            "grant_id": self.grant.pk,
            "notice_id": self.notice.pk,
            "hand_over_id": self.hand_over.pk,
            "change_id": self.change.pk,
            "entry_id": self.entry.pk,
            "live_session_id": self.live_session.pk,
            "left_id": self.later.pk,
            "host_id": self.host.pk,
            "user_id": self.ada.pk,
            "news_id": self.news.pk,
            "announcement_id": self.announcement.pk,
            "enquiry_id": self.enquiry.pk,
            "attempt": 1,
            "turn": 1,
            "asks_reader": False,
            "refund_minor": 208_33,
            "currency": "usd",
            "seats_canceled": 1,
        }


def build_world(now: datetime) -> World:
    """Make the rows. Runs inside the caller's transaction."""
    mark = uuid.uuid4().hex[:8]
    ada = _person("Ada Okafor", f"ada.okafor.{mark}@sample.example", "Okafor Research", "Asia/Singapore")
    bo = _person("Bo Chen", f"bo.chen.{mark}@sample.example", "Okafor Research", "")
    host = Host.objects.create(name="Mei Lin", email=f"mei.lin.{mark}@sample.example")
    news = SessionNews.objects.create(created_at=now, finished_at=now)
    live_session = _session("Reading the plenum", mark=mark, in_days=15, host=host, news=news, now=now)
    later = _session("Chips and who may sell them", mark=f"{mark}-2", in_days=45, host=host, news=news, now=now)
    subscriber = Subscriber.objects.create(user=ada)
    order = seat_order(subscriber, live_session, now)
    seat, colleagues_seat = (seat_of(order, who, number, now) for number, who in enumerate((ada, bo), 1))
    subscription, invoice, grant = running_year(subscriber, mark, now)
    AutoBookingAttempt.objects.create(
        subscriber=subscriber, live_session=live_session, outcome=AutoBookingAttempt.Outcome.NO_CREDIT, at=now
    )
    Question.objects.create(seat=seat, text="Who signs for the ministry?", asked_at=now)
    Material.objects.create(
        live_session=live_session, kind=Material.Kind.REPLAY, title="The hour", url="https://example.com/replay", added_at=now
    )
    return World(
        now=now,
        ada=ada,
        bo=bo,
        host=host,
        live_session=live_session,
        later=later,
        seat=seat,
        colleagues_seat=colleagues_seat,
        order=order,
        refund=part_refund(order, mark, now),
        subscription=subscription,
        invoice=invoice,
        grant=grant,
        notice=renewal_notice(subscription, order, now),
        hand_over=_hand_over(colleagues_seat, ada, now),
        change=_change(live_session, ada, now),
        entry=_entry(later, bo, now),
        news=news,
        announcement=Announcement.objects.create(
            live_session=live_session,
            subject="A paper to read before we meet",
            body="Dear readers,\n\nplease have a look at https://example.com/paper before we meet.\n\nThe authors",
            made_by=ada,
            made_at=now,
        ),
        enquiry=Enquiry.objects.create(
            key=uuid.uuid4(),
            name=ada.name,
            firm=ada.firm,
            email=ada.email,
            need="Seats for our team at every session on technology, and an hour with the authors on export controls.",
            scope="From March, for eight people",
            created_at=now,
        ),
    )


def _person(name: str, email: str, firm: str, time_zone: str) -> User:
    return User.objects.create_user(email, name=name, firm=firm, time_zone=time_zone)


def _session(title: str, *, mark: str, in_days: int, host: Host, news: SessionNews, now: datetime) -> LiveSession:
    made = LiveSession.objects.create(
        title=title,
        slug=f"sample-{mark}",
        section=LiveSession.Section.ZHONGNANHAI,
        question="What did the communiqué leave out?",
        starts_at=(now + timedelta(days=in_days)).replace(minute=0, second=0, microsecond=0),
        meeting_url="https://meet.example.com/sample",
        state=LiveSession.State.PUBLISHED,
        published_at=now,
        schedule_version=1,
        news=news,
    )
    made.hosts.add(host)
    return made


def _hand_over(seat: Seat, booker: User, now: datetime) -> HandOver:
    return HandOver.objects.create(
        seat=seat,
        from_name=booker.name,
        from_email=booker.email,
        to_name=seat.attendee_name,
        to_email=seat.attendee_email,
        cancel_sequence=1,
        made_by=booker,
        made_at=now,
    )


def _change(live_session: LiveSession, actor: User, now: datetime) -> ScheduleChange:
    return ScheduleChange.objects.create(
        live_session=live_session,
        kind=ScheduleChange.Kind.MOVED,
        version=1,
        old_starts_at=live_session.starts_at - timedelta(days=7),
        new_starts_at=live_session.starts_at,
        old_duration_minutes=live_session.duration_minutes,
        new_duration_minutes=live_session.duration_minutes,
        message=WHY,
        reason="A sample",
        made_by=actor,
        made_at=now,
    )


def _entry(live_session: LiveSession, reader: User, now: datetime) -> WaitlistEntry:
    offered = Seat.objects.create(
        live_session=live_session,
        number=1,
        state=Seat.State.OFFERED,
        attendee_name=reader.name,
        attendee_email=reader.email,
        booked_by=reader,
        held_at=now,
        hold_expires_at=now + timedelta(hours=12),
    )
    return WaitlistEntry.objects.create(
        live_session=live_session,
        user=reader,
        attendee_name=reader.name,
        pay_by=WaitlistEntry.PayBy.MONEY,
        state=WaitlistEntry.State.OFFERED,
        joined_at=now,
        offered_at=now,
        offer_expires_at=now + timedelta(hours=12),
        seat=offered,
    )
