"""Three years of a subscriber's life: in the end our ledger, our seats and Stripe's objects agree to the cent."""

import os
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.db.models import Sum

from redreport import clock
from redreport.accounts.models import User
from redreport.outbox.models import OutgoingMail
from sessions_live.models import LiveSession, Seat
from subscriptions.models import Case, CreditEntry, CreditGrant, Dispute, Order, Payment, Refund, SeatCoverage, Subscription
from subscriptions.operations.changes import ask_renewal
from subscriptions.reconciliation.run import reconcile
from tests.bookkeeping import assert_every_cent_is_accounted_for
from tests.canceling import assert_books_balance, book, cancel
from tests.factories import make_live_session, make_user
from tests.fixtures_shop import Shop
from tests.timeline import Timeline

NEW_YORK = ZoneInfo("America/New_York")
FAILS_LATER, PAYS = "4000000000000341", "4242424242424242"


# Beat comes by once in so many days: each day in `make simulate`, more rarely in `make test`, where it finds more to make good.
BEAT_COMES_EVERY = timedelta(days=int(os.environ.get("SIMULATED_DAYS_BETWEEN_BEATS", "7")))


def moment(year: int, month: int, day: int) -> datetime:
    return datetime(year, month, day, 12, tzinfo=NEW_YORK)


class Reader:
    """One subscriber, and what happens to them."""

    def __init__(self, timeline: Timeline) -> None:
        self.timeline, self.shop = timeline, timeline.shop
        self.user: User = make_user("Ada Reader")

    def buy_year(self, card: str) -> None:
        self.shop.pay(self.shop.order_year(self.user), card)
        self.settle_down()

    def buy_seat(self, live_session: LiveSession) -> Order:
        order = self.shop.hold_seat(self.user, live_session)
        self.shop.pay(order)
        self.settle_down()
        order.refresh_from_db()
        return order

    def settle_down(self) -> None:
        """An hour in which everything that has happened arrives."""
        self.timeline.live_until(clock.now() + timedelta(hours=1), step=timedelta(minutes=30))

    def subscription(self) -> Subscription:
        return Subscription.objects.get(subscriber__user=self.user)

    @property
    def credits_left(self) -> int:
        return CreditGrant.objects.filter(subscriber__user=self.user).aggregate(Sum("balance"))["balance__sum"]


def live_until(timeline: Timeline, then: datetime) -> None:
    timeline.live_until(then, step=BEAT_COMES_EVERY)


def session_on(day: datetime) -> LiveSession:
    return make_live_session(starts_in=day - clock.now())


def at_stripe(shop: Shop, kind: str, field: str, **having: object) -> int:
    return sum(row[field] for row in shop.stripe.objects(kind) if all(row[name] == value for name, value in having.items()))


def test_three_years_end_with_ledger_seats_and_stripe_equal_to_the_cent(timeline: Timeline) -> None:
    shop = timeline.shop
    begin = moment(2027, 1, 12)
    timeline.go_to(begin)
    reader = Reader(timeline)

    # The first year: twelve credits, ten sessions of the house, four of them visited; the renewal off and on again.
    reader.buy_year(FAILS_LATER)
    assert reader.credits_left == 12
    sessions = [session_on(moment(2027, month, 10)) for month in range(2, 12)]
    visited = [book(reader.user, live_session) for live_session in sessions[:5]]
    live_until(timeline, moment(2027, 3, 1))
    cancel(visited[4])
    assert reader.credits_left == 8
    paid_seat = reader.buy_seat(sessions[7])
    live_until(timeline, moment(2027, 6, 1))
    ask_renewal(user=reader.user, renews=False, now=clock.now())
    reader.settle_down()
    assert not reader.subscription().renews
    live_until(timeline, moment(2027, 7, 1))
    ask_renewal(user=reader.user, renews=True, now=clock.now())
    reader.settle_down()
    assert reader.subscription().renews
    # One refund: the paid seat is given back in time.
    cancel(Seat.objects.get(coverage__order=paid_seat))
    reader.settle_down()
    assert Refund.objects.get().state == Refund.State.SUCCEEDED

    # The renewal fails, is tried again, and recovers with another card. Ten sessions for twelve credits: two come over.
    live_until(timeline, moment(2028, 1, 14))
    assert (reader.subscription().status, reader.credits_left) == ("past_due", 0)
    shop.stripe.change_card(reader.subscription().stripe_subscription_id, PAYS)
    reader.settle_down()
    assert (reader.subscription().status, reader.credits_left) == ("active", 14)

    # The second year: a seat is bought, disputed, and lost.
    disputed = reader.buy_seat(session_on(moment(2028, 6, 10)))
    live_until(timeline, moment(2028, 4, 1))
    dispute = shop.stripe.open_dispute(disputed.payments.get().stripe_payment_intent_id)
    live_until(timeline, moment(2028, 4, 8))
    shop.stripe.settle_dispute(dispute, "lost")
    reader.settle_down()
    assert Dispute.objects.get().status == "lost"
    assert Seat.objects.get(coverage__order=disputed).state == Seat.State.CANCELED
    for month in range(5, 13):
        book(reader.user, session_on(moment(2028, month, 10)))

    # The third year renews; then the renewal is turned off, and the agreement ends with its third year.
    live_until(timeline, moment(2029, 2, 1))
    assert (reader.subscription().status, CreditGrant.objects.filter(source="invoice").count()) == ("active", 3)
    book(reader.user, session_on(moment(2029, 3, 10)))
    ask_renewal(user=reader.user, renews=False, now=clock.now())
    live_until(timeline, moment(2030, 2, 1))
    assert (reader.subscription().status, reader.credits_left) == ("canceled", 0)

    assert at_stripe(shop, "charge", "amount", status="succeeded") == 3 * 250000 + 2 * 25000
    assert Payment.objects.aggregate(Sum("amount_minor"))["amount_minor__sum"] == 3 * 250000 + 2 * 25000
    assert at_stripe(shop, "refund", "amount", status="succeeded") == 25000
    assert Refund.objects.filter(state="succeeded").aggregate(Sum("amount_minor"))["amount_minor__sum"] == 25000
    assert at_stripe(shop, "dispute", "amount", status="lost") == 25000
    assert at_stripe(shop, "credit_note", "amount") == 25000
    ledger = CreditEntry.objects.filter(grant__subscriber__user=reader.user)
    sums = {row["kind"]: row["sum"] for row in ledger.order_by().values("kind").annotate(sum=Sum("delta"))}
    assert sums["grant"] == 36
    # Ten sessions for the first year's twelve credits, nine for the second's; what came over did not come over again.
    assert sums["carry_over"] == 2 + 3
    assert sums["spend"] == -(5 + 8 + 1)
    assert sums["return"] == 1
    assert sum(sums.values()) == 0
    covered = SeatCoverage.objects.filter(seat__state__in=Seat.TAKEN, kind="credit").count()
    assert covered == 4 + 8 + 1
    kinds = OutgoingMail.objects.values_list("kind", flat=True)
    assert list(kinds).count("renewal_notice") == 2
    assert Case.objects.filter(state="opened").exclude(kind="dispute").count() == 0
    assert_books_balance()
    assert_every_cent_is_accounted_for()
    report = reconcile(since=begin, dry_run=True, now=clock.now())
    days, left = (clock.now() - begin).days, report.found + report.known
    print(f"\n3 years, {days} days, {report.compared} objects compared with Stripe, differences left: {left}")
    assert report.is_whole, report.lines
