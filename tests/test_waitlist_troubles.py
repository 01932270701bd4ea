"""The waitlist when things come twice, late, at one moment or in the other order."""

from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.test import Client

from redreport import clock
from redreport.accounts.models import User
from redreport.outbox.deliver import deliver_mail
from redreport.outbox.models import OutgoingMail
from sessions_live import tasks
from sessions_live.errors import OfferGone
from sessions_live.models import LiveSession, Seat, WaitlistEntry
from sessions_live.operations.waitlist import leave_waitlist, tend_waitlist
from sessions_live.selectors import waitlists_to_tend
from sessions_live.tasks import sweep_waitlist
from subscriptions.errors import OtherOrderOpen
from subscriptions.models import CreditEntry, Order, Plan, Refund
from subscriptions.operations.cancel import cancel_seat_by_house
from subscriptions.operations.checkouts import give_up_order
from subscriptions.operations.offers import start_offer_order, take_offer_with_credit
from subscriptions.operations.orders import fulfil_seat_order
from subscriptions.selectors import current_price
from tests.factories import make_credits, make_guest_seat, make_staff, make_user
from tests.fixtures_mail import MailServer
from tests.fixtures_shop import Shop
from tests.moving import move
from tests.racing import at_once
from tests.waiting import entry_of, free_a_seat, offers_mailed, sold_out_session, states, waits

pytestmark = pytest.mark.django_db(transaction=True)


def give_one_back(live_session: LiveSession) -> None:
    """A seat is given back, and nobody has come by yet to offer it."""
    seat = Seat.objects.filter(live_session=live_session, state="confirmed").earliest("id")
    cancel_seat_by_house(seat_id=seat.pk, actor=make_staff(), reason="ill", restitution=Seat.Restitution.FULL, now=clock.now())


def test_ten_workers_at_once_offer_one_freed_seat_once() -> None:
    live_session = sold_out_session()
    readers = [waits(live_session) for _ in range(3)]
    give_one_back(live_session)
    now = clock.now()
    outcomes = at_once([partial(tend_waitlist, live_session_id=live_session.pk, now=now)] * 10)
    assert outcomes == [None] * 10
    assert states(live_session) == ["offered", "waiting", "waiting"]
    assert [offers_mailed(reader) for reader in readers] == [1, 0, 0]
    assert Seat.objects.filter(live_session=live_session, state__in=Seat.ACTIVE).count() == 1


def test_two_tabs_that_take_one_offer_by_money_and_by_credit_take_it_once(shop: Shop) -> None:
    live_session = sold_out_session()
    reader = waits(live_session)
    make_credits(reader)
    free_a_seat(live_session)
    given: dict[str, Any] = {"user": reader, "live_session_id": live_session.pk, "now": clock.now()}
    price_id = current_price(Plan.SINGLE_SEAT).pk
    by_money, by_credit = at_once(
        [partial(start_offer_order, price_id=price_id, **given), partial(take_offer_with_credit, **given)]
    )
    seat = Seat.objects.get(live_session=live_session, state__in=Seat.ACTIVE)
    if isinstance(by_money, Order):
        assert isinstance(by_credit, OtherOrderOpen)
        assert (seat.state, CreditEntry.objects.filter(kind="spend").count()) == ("held", 0)
    else:
        assert isinstance(by_money, OfferGone)
        assert (seat.state, Order.objects.count(), CreditEntry.objects.filter(kind="spend").count()) == ("confirmed", 0, 1)


def test_an_offer_that_is_taken_while_it_lapses_is_one_or_the_other(shop: Shop) -> None:
    live_session = sold_out_session()
    reader, next_one = waits(live_session), waits(live_session)
    free_a_seat(live_session)
    expires_at = entry_of(reader, live_session).offer_expires_at
    assert expires_at
    price_id = current_price(Plan.SINGLE_SEAT).pk
    taken, _ = at_once(
        [
            partial(
                start_offer_order,
                user=reader,
                live_session_id=live_session.pk,
                price_id=price_id,
                now=expires_at - timedelta(seconds=1),
            ),
            partial(tend_waitlist, live_session_id=live_session.pk, now=expires_at),
        ]
    )
    is_taken = isinstance(taken, Order)
    assert is_taken or isinstance(taken, OfferGone)
    assert states(live_session) == (["offered", "waiting"] if is_taken else ["lapsed", "offered"])
    assert Seat.objects.filter(live_session=live_session, state__in=Seat.ACTIVE).count() == 1
    assert offers_mailed(next_one) == (0 if is_taken else 1)


def test_a_late_payment_takes_the_seat_that_is_offered_to_its_payer_meanwhile(shop: Shop) -> None:
    live_session = sold_out_session()
    reader = waits(live_session)
    free_a_seat(live_session)
    order = start_offer_order(
        user=reader, live_session_id=live_session.pk, price_id=current_price(Plan.SINGLE_SEAT).pk, now=clock.now()
    )
    give_up_order(order_id=order.pk, by_buyer=False, now=clock.now())
    waits_again_and_is_offered(reader, live_session)
    order.refresh_from_db()
    order.state, order.paid_at = Order.State.PAID, clock.now()
    order.save()
    assert fulfil_seat_order(order=order, now=clock.now())
    assert fulfil_seat_order(order=order, now=clock.now())
    seat = Seat.objects.get(live_session=live_session, state__in=Seat.ACTIVE)
    assert (seat.state, seat.coverage.order) == ("confirmed", order)
    assert states(live_session) == ["lapsed", "seated"]
    assert Refund.objects.count() == 0
    offers = OutgoingMail.objects.filter(kind="waitlist_offer", recipient=reader.email).order_by("id")
    assert deliver_mail(offers[1].pk, clock.now()) == OutgoingMail.State.WITHHELD


def waits_again_and_is_offered(reader: User, live_session: LiveSession) -> None:
    guest = make_guest_seat(live_session)
    waits(live_session, reader)
    cancel_seat_by_house(seat_id=guest.pk, actor=make_staff(), reason="ill", restitution=Seat.Restitution.FULL, now=clock.now())
    sweep_waitlist(now=clock.now())
    assert entry_of(reader, live_session).state == "offered"


def test_a_colleague_who_is_paying_for_somebody_who_waits_costs_them_no_place(shop: Shop) -> None:
    live_session = sold_out_session(capacity=2)
    reader, next_one = waits(live_session), waits(live_session)
    guest = Seat.objects.filter(live_session=live_session).earliest("id")
    Seat.objects.filter(pk=guest.pk).update(state="held", hold_expires_at=clock.now(), attendee_email=reader.email)
    give_one_back(live_session)
    sweep_waitlist(now=clock.now())
    assert states(live_session) == ["waiting", "offered"]
    Seat.objects.filter(pk=guest.pk).update(state="expired", hold_expires_at=None)
    sweep_waitlist(now=clock.now())
    assert states(live_session) == ["offered", "offered"]
    assert (offers_mailed(reader), offers_mailed(next_one)) == (1, 1)


def test_who_was_seated_meanwhile_is_not_told_that_no_seat_came_free() -> None:
    live_session = sold_out_session(starts_in=timedelta(days=2))
    seated, unlucky = waits(live_session), waits(live_session)
    seat = Seat.objects.get(live_session=live_session)
    Seat.objects.filter(pk=seat.pk).update(attendee_email=seated.email)
    sweep_waitlist(now=live_session.last_offer_at)
    assert states(live_session) == ["seated", "closed"]
    told = OutgoingMail.objects.filter(kind="waitlist_closed").values_list("recipient", flat=True)
    assert list(told) == [unlucky.email]


def test_trouble_with_one_session_does_not_keep_seats_of_others_from_being_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    troubled, other = sold_out_session(starts_in=timedelta(days=3)), sold_out_session()
    for live_session in (troubled, other):
        waits(live_session)
        give_one_back(live_session)

    def tend(*, live_session_id: int, now: Any) -> None:
        if live_session_id == troubled.pk:
            raise RuntimeError("a row that nobody thought of")
        tend_waitlist(live_session_id=live_session_id, now=now)

    monkeypatch.setattr(tasks, "tend_waitlist", tend)
    assert sweep_waitlist(now=clock.now()) == 2
    assert (states(troubled), states(other)) == (["waiting"], ["offered"])


def test_only_waitlists_with_something_to_do_are_swept() -> None:
    full, freed, in_the_last_hour = sold_out_session(), sold_out_session(), sold_out_session(starts_in=timedelta(minutes=70))
    for live_session in (full, freed, in_the_last_hour):
        waits(live_session)
    give_one_back(freed)
    now = clock.now() + timedelta(minutes=11)
    assert list(waitlists_to_tend(now=now)) == [in_the_last_hour, freed]
    sweep_waitlist(now=now)
    assert list(waitlists_to_tend(now=now)) == []


class TestPages:
    def test_an_offer_that_ran_out_is_shown_to_nobody_and_joining_again_is_the_end_of_the_list(self, client: Client) -> None:
        live_session = sold_out_session()
        reader, next_one = waits(live_session), waits(live_session)
        free_a_seat(live_session)
        WaitlistEntry.objects.filter(user=reader).update(offer_expires_at=clock.now())
        client.force_login(reader)
        page = f"/sessions/{live_session.slug}/"
        assert "A seat is yours" not in client.get(page).content.decode()
        assert "This offer is gone" in client.get(f"{page}offer/").content.decode()
        client.post(f"{page}waitlist/", {"pay_by": "money"})
        assert states(live_session) == ["lapsed", "offered", "waiting"]
        assert offers_mailed(next_one) == 1

    def test_declining_what_is_being_paid_for_in_another_tab_changes_and_says_nothing(self, shop: Shop, client: Client) -> None:
        live_session = sold_out_session()
        reader = waits(live_session)
        free_a_seat(live_session)
        price_id = current_price(Plan.SINGLE_SEAT).pk
        start_offer_order(user=reader, live_session_id=live_session.pk, price_id=price_id, now=clock.now())
        client.force_login(reader)
        answer = client.post(f"/sessions/{live_session.slug}/offer/", {"answer": "decline"}, follow=True)
        assert "goes to the next reader" not in answer.content.decode()
        assert "Continue to payment" in answer.content.decode()
        assert states(live_session) == ["offered"]

    def test_declining_what_was_taken_with_a_credit_does_not_give_it_away(self, client: Client) -> None:
        live_session = sold_out_session()
        reader = waits(live_session)
        make_credits(reader)
        free_a_seat(live_session)
        client.force_login(reader)
        offer = f"/sessions/{live_session.slug}/offer/"
        client.post(offer, {"answer": "credit"})
        answer = client.post(offer, {"answer": "decline"}, follow=True)
        assert "goes to the next reader" not in answer.content.decode()
        assert "You have a seat." in answer.content.decode()

    def test_staff_see_who_waits_and_a_raised_capacity_is_offered_at_once(self, client: Client, handed_over: list[str]) -> None:
        live_session = sold_out_session()
        reader = waits(live_session)
        client.force_login(make_staff())
        assert reader.email in client.get("/admin/sessions_live/waitlistentry/").content.decode()
        host = live_session.hosts.first()
        assert host
        form = {
            **{"title": live_session.title, "section": live_session.section, "question": live_session.question},
            **{"description": live_session.description, "hosts": [host.pk]},
            **{"capacity": 2, "meeting_url": live_session.meeting_url},
        }
        answer = client.post(f"/admin/sessions_live/livesession/{live_session.pk}/change/", form)
        assert (answer.status_code, handed_over) == (302, ["sessions_live.tend_waitlist"])

    @pytest.fixture
    def handed_over(self, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        """The tasks that were handed to a worker when seats came free."""
        names: list[str] = []
        monkeypatch.setattr("sessions_live.operations.seats.hand_to_worker", lambda task, *ids: names.append(task))
        return names


def test_a_move_says_until_when_the_offer_stands_though_its_own_mail_never_went_out(smtp_server: MailServer) -> None:
    live_session = sold_out_session()
    offered, waiting = waits(live_session), waits(live_session)
    free_a_seat(live_session)
    move(live_session)
    offer = OutgoingMail.objects.get(kind="waitlist_offer")
    assert deliver_mail(offer.pk, clock.now()) == OutgoingMail.State.WITHHELD
    for mail in OutgoingMail.objects.filter(kind="waitlist_moved"):
        assert deliver_mail(mail.pk, clock.now()) == OutgoingMail.State.SENT
    told = {mail.recipients[0]: mail.part("text/plain") for mail in smtp_server.mails}
    assert "A seat is yours until" in told[offered.email]
    assert "You are still on the waitlist" in told[waiting.email]


def test_a_move_that_is_told_after_the_offer_ran_out_promises_no_seat() -> None:
    live_session = sold_out_session()
    reader = waits(live_session)
    free_a_seat(live_session)
    move(live_session)
    expires_at = entry_of(reader, live_session).offer_expires_at
    assert expires_at
    assert deliver_mail(OutgoingMail.objects.get(kind="waitlist_moved").pk, expires_at) == OutgoingMail.State.WITHHELD


def test_leaving_twice_and_leaving_what_one_never_joined_changes_nothing() -> None:
    live_session = sold_out_session()
    reader = waits(live_session)
    left = [leave_waitlist(user=user, live_session_id=live_session.pk, now=clock.now()) for user in (reader, reader, make_user())]
    assert (left, states(live_session)) == ([True, False, False], ["withdrawn"])
