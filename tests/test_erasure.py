"""An account is erased: nothing of the person is left anywhere, every cent is, and nothing that is owed gets lost by it."""

import threading
import uuid
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import connection, connections
from django.test import Client

from redreport import clock
from redreport.accounts.models import Erasure, SignIn, User
from redreport.accounts.privacy.erasing import CannotErase, ErasureChanged, ask_erasure, carry_on, plan_erasure
from redreport.accounts.privacy.exporting import export_of
from redreport.audit.models import AuditEntry
from redreport.desk.models import Job, JobItem
from redreport.enquiries.operations import send_enquiry
from redreport.outbox.bounces import Returned, note_bounce
from redreport.outbox.deliver import deliver_mail
from redreport.outbox.models import MailWish, OutgoingMail
from redreport.outbox.wishes import say_wish
from sessions_live.mails.news import NEW_SESSIONS
from sessions_live.models import Feedback, Question, Seat, WaitlistEntry
from sessions_live.operations.cancellations import cancel_live_session
from sessions_live.operations.feeds import make_calendar_feed
from sessions_live.operations.seats import Attendee
from subscriptions.errors import EmailNotProven
from subscriptions.models import Case, CreditEntry, CreditGrant, Dispute, Order, Payment, Plan, Refund, Subscriber, Subscription
from subscriptions.operations.auto_booking import switch_on_auto_booking
from subscriptions.operations.booking import book_with_credit, start_year_order
from subscriptions.operations.subscribers import ensure_customer, subscriber_of
from subscriptions.selectors import current_price
from subscriptions.tasks import sweep_refunds_task
from tests.aftermath import AtStripe, a_day_passes
from tests.books import our_books, stripes_books
from tests.canceling import book, cancel
from tests.factories import attendee_of, make_credits, make_guest_seat, make_live_session, make_staff, make_user
from tests.fixtures_mail import MailServer
from tests.fixtures_shop import Shop
from tests.fixtures_years import CHARGED_AFTER, Year
from tests.handing_over import hand_over
from tests.invariants import assert_invariants
from tests.killing import killed_scenes
from tests.stack import wait_for
from tests.staff import give_app
from tests.timeline import run_beat

NAME = "Zenobia Quill"
SOON, LATER = timedelta(days=2), timedelta(days=5)


def erase(user: User, actor: User | None = None) -> Erasure:
    """Ask for it, as the page shows it now, and let the worker do it."""
    now = clock.now()
    plan = plan_erasure(user=user, now=now)
    erasure = ask_erasure(user_id=user.pk, actor=actor or user, consequences=plan.digest, now=now)
    carry_on(erasure_id=erasure.pk, now=now)
    return erasure


def tables_that_hold(*words: str) -> list[str]:
    """Every table in which one of the words stands, in whatever column, case or encoding."""
    found = []
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename")
        for (table,) in cursor.fetchall():
            for word in words:
                # Bytes are written as hexadecimal digits.
                cursor.execute(
                    f'SELECT count(*) FROM "{table}" row WHERE row::text ILIKE %s OR row::text ILIKE %s',
                    [f"%{word}%", f"%{word.encode().hex()}%"],
                )
                if cursor.fetchone()[0]:
                    found.append(f"{table}: {word}")
    return found


def lived_in(shop: Shop) -> User:
    """A reader of some years' standing, with a row of everything; all sessions they had seats in are over."""
    user, other, staff = make_user(NAME, email="zenobia@quill.example", firm="Quill & Daughters"), make_user("Bo"), make_staff()
    live_session = make_live_session(starts_in=SOON)
    seat = shop.sell_seat(user, live_session)
    hand_over(seat, attendee_of(other))
    own = shop.sell_seat(user, make_live_session(starts_in=SOON))
    canceled = shop.sell_seat(user, make_live_session(starts_in=SOON))
    cancel(canceled)
    shop.begin_year(user)
    book(user, make_live_session(starts_in=SOON))
    guest = make_guest_seat(make_live_session(starts_in=SOON), user, staff=staff)
    Question.objects.create(seat=own, text=f"Who signs? {NAME}", asked_at=clock.now())
    Feedback.objects.create(seat=guest, rating=4, comment="Quill & Daughters liked it", given_at=clock.now())
    WaitlistEntry.objects.create(
        live_session=make_live_session(capacity=1),
        user=user,
        attendee_name=NAME,
        attendee_firm=user.firm,
        pay_by="money",
        joined_at=clock.now(),
    )
    make_calendar_feed(user=user, now=clock.now())
    switch_on_auto_booking(user=user, now=clock.now())
    say_wish(email=user.email, topic=NEW_SESSIONS, is_wanted=True, now=clock.now())
    give_app(user)
    send_enquiry(
        request_id=uuid.uuid4(),
        email="zenobia@quill.example",
        now=clock.now(),
        name=NAME,
        firm=user.firm,
        need="Seats for Quill & Daughters",
        scope="",
    )
    job = Job.objects.create(kind="seats_give", wishes={}, preview="1 seat", made_by=staff, made_at=clock.now())
    JobItem.objects.create(
        job=job, number=1, about=f"{NAME}, ZENOBIA@quill.example", values={"email": user.email}, state="done", done_at=clock.now()
    )
    LogEntry.objects.create(
        user=staff,
        content_type=ContentType.objects.get_for_model(User),
        object_id=str(user.pk),
        object_repr=str(user),
        action_flag=CHANGE,
    )
    Client().post("/accounts/login/", {"login": user.email})
    return user


def deliver_all() -> None:
    """What a killed worker had begun to send is begun again once its claim has run out."""
    due = OutgoingMail.objects.filter(state__in=OutgoingMail.OPEN_STATES, due_at__lte=clock.now())
    for pk in due.order_by("pk").values_list("pk", flat=True):
        deliver_mail(pk, clock.now())


def test_nothing_of_the_person_is_left_and_every_cent_is(shop: Shop, smtp_server: MailServer) -> None:
    user = lived_in(shop)
    deliver_all()
    client = Client()
    client.force_login(user)
    client.get("/account/")
    with time_machine.travel(clock.now() + LATER, tick=False) as moved:
        assert [table.partition(":")[0] for table in tables_that_hold("zenobia@quill")]
        shop.hear_all()
        money = our_books()
        erasure = erase(user)
        assert Erasure.objects.get().waits_for == "the last mail"
        deliver_all()
        assert (smtp_server.mails[-1].subject, smtp_server.mails[-1].recipients) == (
            "Red Report Live: your account is erased",
            ["zenobia@quill.example"],
        )
        moved.shift(timedelta(minutes=2))
        assert carry_on(erasure_id=erasure.pk, now=clock.now())
        assert tables_that_hold("zenobia", NAME, "Quill & Daughters") == []
        shop.hear_all()
        assert tables_that_hold("zenobia", NAME, "Quill & Daughters") == []
        assert_invariants()
        assert our_books() == stripes_books(shop)
    after = our_books()
    assert {name: after[name] for name in ("payments", "given back", "refunds", "invoices", "years")} == {
        name: money[name] for name in ("payments", "given back", "refunds", "invoices", "years")
    }
    assert Order.objects.filter(subscriber__user=user).count() == 4
    assert Order.objects.get(kind="year").consent_text
    assert client.get("/account/").status_code == 302
    assert (Authenticator.objects.count(), SignIn.objects.count(), MailWish.objects.count()) == (0, 0, 0)


def test_the_year_ends_at_stripe_and_its_customer_is_nobody(shop: Shop) -> None:
    user = make_user(NAME, email="zenobia@quill.example")
    year = shop.begin_year(user)
    erase(user)
    year.refresh_from_db()
    assert (year.status, list(CreditGrant.objects.values_list("balance", flat=True))) == ("canceled", [0])
    assert list(CreditEntry.objects.order_by("pk").values_list("kind", "delta")) == [("grant", 12), ("expire", -12)]
    [customer] = shop.stripe.objects("customer")
    assert (customer["name"], customer["email"]) == ("Erased reader", f"erased-{user.pk}@erased.invalid")
    [invoice] = shop.stripe.objects("invoice")
    assert (invoice["customer_name"], invoice["customer_email"]) == (NAME, "zenobia@quill.example")


def test_while_stripe_is_silent_the_account_is_closed_and_the_rest_is_done_later(shop: Shop) -> None:
    user = make_user(NAME, email="zenobia@quill.example")
    shop.begin_year(user)
    shop.stripe.fault("503", count=50)
    erasure = erase(user)
    erasure.refresh_from_db()
    user.refresh_from_db()
    assert (user.is_active, erasure.erased_at) == (False, None)
    assert erasure.waits_for
    shop.stripe.clear_faults()
    with time_machine.travel(clock.now() + timedelta(hours=1), tick=False):
        carry_on(erasure_id=erasure.pk, now=clock.now())
    erasure.refresh_from_db()
    assert erasure.erased_at


def test_who_sits_in_a_seat_that_the_reader_booked_for_them_stays(shop: Shop) -> None:
    user, bo = make_user(NAME), make_user("Bo Colleague")
    shop.sell_seats(user, make_live_session(starts_in=SOON), [attendee_of(user), attendee_of(bo)])
    with time_machine.travel(clock.now() + LATER, tick=False):
        erase(user)
    assert set(Seat.objects.values_list("attendee_name", flat=True)) == {"Erased reader", "Bo Colleague"}


def test_a_seat_that_somebody_else_booked_stays_until_its_session_is_over(shop: Shop, smtp_server: MailServer) -> None:
    user, boss = make_user(NAME, email="zenobia@quill.example"), make_user("Boss")
    shop.sell_seats(boss, make_live_session(starts_in=SOON), [attendee_of(user)])
    erasure = erase(user)
    deliver_all()
    assert Seat.objects.get().attendee_email == "zenobia@quill.example"
    assert "zenobia@quill.example" in [recipient for mail in smtp_server.mails for recipient in mail.recipients]
    with time_machine.travel(clock.now() + LATER, tick=False) as moved:
        for _ in range(2):
            carry_on(erasure_id=erasure.pk, now=clock.now())
            deliver_all()
            moved.shift(timedelta(hours=7))
        carry_on(erasure_id=erasure.pk, now=clock.now())
        assert tables_that_hold("zenobia@quill", NAME) == []


def coming_seat(shop: Shop, user: User) -> str:
    seat = shop.sell_seat(user)
    return f"Your seat in “{seat.live_session.title}”: give it back first, or wait until the session is over. You get $250 back"


def open_order(shop: Shop, user: User) -> str:
    return f"Order {shop.hold_seat(user).number} is open"


def moving_refund(shop: Shop, user: User) -> str:
    seat = shop.sell_seat(user)
    cancel(seat)
    Refund.objects.update(state="pending")
    return "A refund of $250 is on its way"


def open_dispute(shop: Shop, user: User) -> str:
    cancel(shop.sell_seat(user))
    Dispute.objects.create(
        payment=Payment.objects.get(),
        stripe_dispute_id="dp_1",
        amount_minor=25000,
        currency="usd",
        reason="fraudulent",
        status="needs_response",
        opened_at=clock.now(),
        synced_at=clock.now(),
    )
    return "Your bank is deciding about a payment"


def open_case(shop: Shop, user: User) -> str:
    shop.begin_year(user)
    subscriber = Subscriber.objects.get(user=user)
    Case.objects.create(key="k", kind="difference", subscriber=subscriber, summary="A difference", opened_at=clock.now())
    return "Our desk is settling something"


def unpaid_year(shop: Shop, user: User) -> str:
    year = shop.begin_year(user)
    type(year).objects.update(status="past_due")
    return "The payment for your year is open"


def staff_account(shop: Shop, user: User) -> str:
    User.objects.filter(pk=user.pk).update(is_staff=True)
    return "This is an account of staff"


OBSTACLES = [coming_seat, open_order, moving_refund, open_dispute, open_case, unpaid_year, staff_account]


@pytest.mark.parametrize("stage", OBSTACLES, ids=lambda stage: stage.__name__)
def test_an_account_is_not_erased_while_something_is_open(shop: Shop, stage: Callable[[Shop, User], str]) -> None:
    user = make_user(NAME)
    expected = stage(shop, user)
    user = User.objects.get(pk=user.pk)
    plan = plan_erasure(user=user, now=clock.now())
    assert [obstacle.words.startswith(expected) for obstacle in plan.obstacles] == [True]
    with pytest.raises(CannotErase):
        ask_erasure(user_id=user.pk, actor=user, consequences=plan.digest, now=clock.now())
    user.refresh_from_db()
    assert (user.is_active, user.name, Erasure.objects.count()) == (True, NAME, 0)


@pytest.mark.django_db
def test_what_was_not_read_is_not_done() -> None:
    user = make_user(NAME)
    shown = plan_erasure(user=user, now=clock.now()).digest
    make_credits(user, 3)
    with pytest.raises(ErasureChanged):
        ask_erasure(user_id=user.pk, actor=user, consequences=shown, now=clock.now())
    assert "You lose 3 unused credits." in plan_erasure(user=user, now=clock.now()).consequences


def test_killed_at_any_step_it_ends_the_same(shop: Shop, request: pytest.FixtureRequest) -> None:
    staff = make_staff()

    def prepare() -> User:
        user = make_user(NAME, email=f"zenobia-{uuid.uuid4().hex[:8]}@quill.example")
        make_credits(user, 2)
        with time_machine.travel(clock.now() - timedelta(days=9), tick=False):
            make_guest_seat(make_live_session(starts_in=SOON), user, staff=staff)
        ensure_customer(Subscriber.objects.get(user=user))
        return user

    def operate(user: User) -> None:
        with suppress(ErasureChanged):
            erase(User.objects.get(pk=user.pk))

    def check(user: User, at_stripe: AtStripe) -> None:
        erasure = Erasure.objects.get(user=user)
        assert (erasure.erased_at is not None, erasure.sealed) == (True, None)
        assert CreditGrant.objects.filter(subscriber__user=user, balance__gt=0).count() == 0
        assert AuditEntry.objects.filter(verb="erased", target_id=str(user.pk)).count() == 1
        subscriber = Subscriber.objects.get(user=user)
        [customer] = at_stripe.having("customer", id=subscriber.stripe_customer_id)
        assert customer["email"] == f"erased-{user.pk}@erased.invalid"

    def recover(shop: Shop) -> AtStripe:
        # Not before: what is killed is a fork, and no thread may run beside it.
        request.getfixturevalue("smtp_server")
        a_day_passes(shop)
        with time_machine.travel(clock.now() + timedelta(days=2), tick=False):
            deliver_all()
            run_beat()
        return AtStripe(shop)

    # The second click comes after each crash.
    scenes = list(killed_scenes(prepare, operate, again=operate))
    assert len(scenes) >= 12
    at_stripe = recover(shop)
    for scene in scenes:
        check(scene, at_stripe)
    assert tables_that_hold("zenobia", NAME) == []
    assert_invariants()


def test_signing_up_anew_with_the_address_makes_an_account_that_knows_nothing(
    client: Client, shop: Shop, smtp_server: MailServer
) -> None:
    user = make_user(NAME, email="zenobia@quill.example")
    make_credits(user, 2)
    erasure = erase(user)
    client.post("/accounts/signup/", {"email": "zenobia@quill.example", "name": "Zenobia Anew", "firm": ""})
    code = OutgoingMail.objects.filter(kind="account_mail").latest("pk").read_secret()["code"]
    client.post("/accounts/confirm-email/", {"code": code})
    fresh = User.objects.get(email="zenobia@quill.example")
    assert fresh.pk != user.pk
    assert client.session["_auth_user_id"] == str(fresh.pk)
    seat = make_guest_seat(make_live_session(), fresh)
    with time_machine.travel(clock.now() + timedelta(hours=7), tick=False):
        deliver_all()
        assert carry_on(erasure_id=erasure.pk, now=clock.now())
    seat.refresh_from_db()
    assert (seat.attendee_name, seat.attendee_email) == ("Zenobia Anew", "zenobia@quill.example")


@pytest.mark.django_db
def test_asked_twice_it_is_one_erasure() -> None:
    user = make_user(NAME)
    shown = plan_erasure(user=user, now=clock.now()).digest
    ask = partial(ask_erasure, user_id=user.pk, actor=user, consequences=shown, now=clock.now())
    assert ask().pk == ask().pk
    assert AuditEntry.objects.filter(verb="erasure_asked").count() == 1


@pytest.mark.django_db
def test_no_mail_ever_goes_to_an_erased_address() -> None:
    mail = OutgoingMail.objects.create(
        kind="account_mail", key="k", recipient="erased-1@erased.invalid", due_at=clock.now(), message_id="<k@x>"
    )
    assert deliver_mail(mail.pk, clock.now()) == "withheld"


@pytest.mark.django_db
class TestByStaff:
    def page(self, user: User) -> str:
        return f"/admin/accounts/user/{user.pk}/erase/"

    def test_staff_erase_an_account_with_a_reason_after_they_read_what_is_lost(self, client: Client) -> None:
        user, staff = make_user(NAME), make_staff()
        make_credits(user, 3)
        client.force_login(staff)
        html = client.get(self.page(user)).content.decode()
        assert "You lose 3 unused credits." in html
        shown = plan_erasure(user=user, now=clock.now()).digest
        assert client.post(self.page(user), {"reason": "", "consequences": shown}).status_code == 200
        assert not Erasure.objects.exists()
        assert client.post(self.page(user), {"reason": "Asked by mail", "consequences": shown}).status_code == 302
        erasure = Erasure.objects.get()
        assert (erasure.user_id, erasure.asked_by_id, erasure.reason) == (user.pk, staff.pk, "Asked by mail")
        entry = AuditEntry.objects.get(verb="erasure_asked")
        assert (entry.actor_id, entry.target_id, entry.reason) == (staff.pk, str(user.pk), "Asked by mail")

    def test_what_has_changed_meanwhile_is_read_first(self, client: Client) -> None:
        user = make_user(NAME)
        client.force_login(make_staff())
        answer = client.post(self.page(user), {"reason": "Asked by mail", "consequences": "something else"})
        assert "Nothing is erased yet" in answer.content.decode()
        assert not Erasure.objects.exists()

    def test_an_account_with_something_open_has_no_button(self, client: Client) -> None:
        user, live_session = make_user(NAME), make_live_session()
        make_credits(user, 1)
        book(user, live_session)
        client.force_login(make_staff())
        html = client.get(self.page(user)).content.decode()
        assert f"Your seat in “{live_session.title}”" in html
        assert 'value="Erase the account"' not in html

    def test_an_account_that_was_only_switched_off_can_be_erased(self, client: Client) -> None:
        user = make_user(NAME, is_active=False)
        client.force_login(make_staff())
        shown = plan_erasure(user=user, now=clock.now()).digest
        assert 'value="Erase the account"' in client.get(self.page(user)).content.decode()
        assert client.post(self.page(user), {"reason": "Asked by mail", "consequences": shown}).status_code == 302
        assert Erasure.objects.get().user_id == user.pk
        assert "is being erased already" in client.get(self.page(user), follow=True).content.decode()

    def test_nobody_erases_staff(self, client: Client) -> None:
        colleague = make_staff()
        client.force_login(make_staff())
        assert "This is an account of staff" in client.get(self.page(colleague)).content.decode()


def order_a_seat(shop: Shop, user: User) -> Callable[[], object]:
    subscriber_of(user)
    return partial(shop.hold_seat, user, make_live_session())


def order_a_year(shop: Shop, user: User) -> Callable[[], object]:
    subscriber_of(user)
    return partial(start_year_order, user=user, price_id=current_price(Plan.ANNUAL).pk, now=clock.now())


def book_a_seat(shop: Shop, user: User) -> Callable[[], object]:
    make_credits(user)
    return partial(book_with_credit, user=user, live_session_id=make_live_session().pk, now=clock.now())


@pytest.mark.parametrize("buying", [order_a_seat, order_a_year, book_a_seat], ids=lambda buying: buying.__name__)
@pytest.mark.parametrize("moment", ["COMMIT", "SELECT"], ids=["as it commits", "as it begins"])
def test_who_buys_at_that_moment_is_refused_or_keeps_the_account(
    shop: Shop, buying: Callable[[Shop, User], Callable[[], object]], moment: str
) -> None:
    user = make_user(NAME)
    act = buying(shop, User.objects.get(pk=user.pk))
    shown = plan_erasure(user=user, now=clock.now()).digest
    rival = Rival(partial(ask_erasure, user_id=user.pk, actor=user, consequences=shown, now=clock.now()))
    bought: object
    with connection.execute_wrapper(rival.comes_before(WRITES_OF_BUYING if moment == "COMMIT" else FIRST_LOCK)):
        try:
            bought = act()
        except EmailNotProven as refusal:
            bought = refusal
    erased = rival.outcome()
    user.refresh_from_db()
    is_closed = isinstance(erased, Erasure)
    assert is_closed is not user.is_active
    assert is_closed is isinstance(bought, EmailNotProven)
    assert (Order.objects.exists() or Seat.objects.exists()) is not is_closed


# The last that each of them writes before the account is held, and the first thing that each of them locks.
WRITES_OF_BUYING = ('INSERT INTO "subscriptions_seatcoverage"', 'INSERT INTO "subscriptions_order"')
FIRST_LOCK = ("SELECT",)


class Rival:
    """Somebody who comes once, on a connection of their own, in the middle of what another one does; and who may have to wait."""

    def __init__(self, act: Callable[[], object]) -> None:
        self._act = act
        self._thread = threading.Thread(target=self._run)
        self._outcome: object = None
        self._pid = 0

    def comes_before(self, beginnings: tuple[str, ...]) -> Callable[..., Any]:
        def execute(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
            is_lock = beginnings is not FIRST_LOCK or "FOR " in sql
            if sql.startswith(beginnings) and is_lock and not self._thread.ident:
                self._thread.start()
                wait_for(self._is_done_or_waits, "the rival to be done, or to wait")
            return execute(sql, params, many, context)

        return execute

    def outcome(self) -> object:
        assert self._thread.ident, "the moment never came"
        self._thread.join(60)
        return self._outcome

    def _run(self) -> None:
        try:
            connection.ensure_connection()
            self._pid = connection.connection.info.backend_pid
            self._outcome = self._act()
        except Exception as refusal:
            self._outcome = refusal
        finally:
            connections.close_all()

    def _is_done_or_waits(self) -> bool:
        if not self._thread.is_alive():
            return True
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted AND pid = %s", [self._pid])
            return bool(cursor.fetchone()[0])


def test_money_that_a_bank_is_moving_for_a_seat_already_let_go_keeps_the_account(shop: Shop, settings: Any) -> None:
    settings.STRIPE_DELAYED_PAYMENTS = True
    shop.stripe.allow_delayed_payments()
    user, live_session = make_user(NAME), make_live_session(starts_in=timedelta(days=7))
    order = shop.hold_seat(user, live_session)
    shop.stripe.pay_by_debit(str(order.stripe_checkout_session_id))
    shop.hear_all()
    cancel_live_session(live_session_id=live_session.pk, actor=make_staff(), reason="Ill", now=clock.now())
    with time_machine.travel(live_session.starts_at, tick=False):
        shop.sweep()
        order.refresh_from_db()
        assert (order.state, order.under_way_since is not None) == ("expired", True)
        plan = plan_erasure(user=user, now=clock.now())
        words = f"The payment for order {order.number} is on its way from your bank. Wait until it has arrived or failed."
        assert [obstacle.words for obstacle in plan.obstacles] == [words]
    shop.stripe.settle_debit(str(order.stripe_checkout_session_id), "failed")
    shop.hear_all()
    assert plan_erasure(user=user, now=clock.now()).obstacles == []


def test_what_they_asked_us_is_in_the_file_and_goes_with_them(shop: Shop, smtp_server: MailServer) -> None:
    user = make_user(NAME, email="zenobia@quill.example", firm="Quill & Daughters")
    enquiry = send_enquiry(
        request_id=uuid.uuid4(),
        name="Z. Quill",
        firm=user.firm,
        email="Zenobia@quill.example",
        need=f"{NAME} needs seats",
        scope="",
        now=clock.now(),
    )
    deliver_all()
    assert tables_that_hold("zenobia@quill", "Z. Quill") != []
    [exported] = export_of(user=user, now=clock.now())["enquiries"]
    assert (exported["reference"], exported["what_you_need"]) == (enquiry.reference, f"{NAME} needs seats")
    with time_machine.travel(clock.now() + timedelta(minutes=5), tick=False) as moved:
        plan = plan_erasure(user=user, now=clock.now())
        assert "1 enquiry of yours will not be answered." in plan.consequences
        erasure = erase(user)
        deliver_all()
        moved.shift(timedelta(hours=7))
        assert carry_on(erasure_id=erasure.pk, now=clock.now())
    assert tables_that_hold("zenobia", NAME, "Z. Quill", "Quill & Daughters") == []
    enquiry.refresh_from_db()
    assert (enquiry.name, enquiry.state, enquiry.handled_by) == ("Erased reader", "closed", user)


def test_a_seat_handed_to_the_address_later_is_of_who_has_it_now(shop: Shop, smtp_server: MailServer) -> None:
    user, boss = make_user(NAME, email="zenobia@quill.example"), make_user("Boss")
    seat = shop.sell_seat(boss, make_live_session(starts_in=LATER))
    erasure = erase(user)
    with time_machine.travel(clock.now() + timedelta(hours=1), tick=False) as moved:
        hand_over(seat, Attendee("Zenobia Anew", "zenobia@quill.example", ""))
        deliver_all()
        moved.shift(timedelta(hours=1))
        assert carry_on(erasure_id=erasure.pk, now=clock.now())
    seat.refresh_from_db()
    assert (seat.attendee_name, seat.attendee_email) == ("Zenobia Anew", "zenobia@quill.example")


@pytest.mark.django_db
def test_a_name_blots_out_no_sum_and_nobody_else() -> None:
    user = make_user("250", email="ann@quill.example")
    subscriber = subscriber_of(user)
    words = "$250.00 of Ann Quill, ANN@quill.example, went back; not to joann@quill.example, nor to Ann Quillfeather"
    case = Case.objects.create(
        key="k", kind="difference", subscriber=subscriber, summary=words, opened_at=clock.now(), **settled_by_hand(words)
    )
    staff = make_staff()
    job = Job.objects.create(kind="seats_give", wishes={}, preview="1 seat", made_by=staff, made_at=clock.now())
    item = JobItem.objects.create(
        job=job,
        number=1,
        about="A. Q., ann@quill.example, 250 and Co",
        values={"name": "A. Q.", "email": "ann@quill.example", "firm": "250 and Co"},
        state="done",
        done_at=clock.now(),
    )
    make_guest_seat(make_live_session(starts_in=SOON), User(name="Ann Quill", email=user.email))
    with time_machine.travel(clock.now() + LATER, tick=False):
        erase(user)
    nobody = f"erased-{user.pk}@erased.invalid"
    case.refresh_from_db()
    left = f"$250.00 of Erased reader, {nobody}, went back; not to joann@quill.example, nor to Ann Quillfeather"
    assert (case.summary, case.resolution) == (left, left)
    item.refresh_from_db()
    assert item.values == {"name": "Erased reader", "email": nobody, "firm": ""}


def settled_by_hand(words: str) -> dict[str, Any]:
    return {"state": "settled", "settled_at": clock.now(), "resolution": words}


@pytest.mark.django_db
def test_what_another_server_said_of_the_address_is_forgotten_and_never_learnt_again(smtp_server: MailServer) -> None:
    user = make_user(NAME, email="zenobia@quill.example")
    Client().post("/accounts/login/", {"login": user.email})
    deliver_all()
    returned = partial(note_bounce, returned=Returned.BOUNCED, recipient="", said="550 <zenobia@quill.example> is unknown")
    returned(message_id=OutgoingMail.objects.get().message_id, happened_at=clock.now(), now=clock.now())
    erasure = erase(user)
    deliver_all()
    with time_machine.travel(clock.now() + timedelta(hours=7), tick=False):
        assert carry_on(erasure_id=erasure.pk, now=clock.now())
        last = OutgoingMail.objects.get(kind="account_erased")
        returned(message_id=last.message_id, happened_at=clock.now(), now=clock.now())
        assert OutgoingMail.objects.get(pk=last.pk).state == "bounced"
    assert tables_that_hold("zenobia") == []


def test_a_renewal_that_stripe_took_after_the_account_was_closed_goes_back(year: Year, smtp_server: MailServer) -> None:
    reader, renews_at = year.subscriber.user, year.subscription.current_period_end
    year.pass_to(renews_at - timedelta(minutes=1))
    year.shop.stripe.fault("503", count=50)
    erasure = erase(reader)
    year.pass_to(renews_at + CHARGED_AFTER, hear=False)
    year.shop.stripe.clear_faults()
    assert [invoice["status"] for invoice in year.shop.stripe.objects("invoice")] == ["paid", "paid"]
    for _ in range(2):
        year.hear()
    assert Subscription.objects.get().status == "active"
    for _ in range(3):
        year.pass_to(clock.now() + timedelta(hours=7))
        carry_on(erasure_id=erasure.pk, now=clock.now())
        year.shop.sweep()
        sweep_refunds_task()
        deliver_all()
    year.hear()
    erasure.refresh_from_db()
    assert (erasure.finished_at is not None, Subscription.objects.get().status) == (True, "canceled")
    assert list(Refund.objects.values_list("amount_minor", "reason", "state")) == [(250000, "year_ended", "succeeded")]
    assert not CreditGrant.objects.filter(balance__gt=0).exists()
    assert not Case.objects.exists()
    assert_invariants()
    assert our_books() == stripes_books(year.shop)
