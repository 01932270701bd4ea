"""Staff look into Stripe's inbox and have events acted on anew."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission

from redreport import clock
from redreport.accounts.models import User
from redreport.audit.models import AuditEntry
from sessions_live.models import Seat
from subscriptions.models import Order, Payment, StripeEvent
from subscriptions.webhooks.inbox import process_event
from tests.factories import make_staff, make_user
from tests.fixtures_shop import Shop
from tests.staff import desk_of

LIST = "/admin/subscriptions/stripeevent/"


@pytest.fixture
def staff() -> User:
    return make_staff()


def failed_event(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> StripeEvent:
    """The event of a paid seat, on which our own code stumbled for good."""

    def poison(object_id: str, now: Any) -> None:
        raise ZeroDivisionError

    shop.pay(shop.hold_seat())
    with monkeypatch.context() as patched:
        patched.setitem(process_event.__globals__["HANDLERS"], "checkout.session.completed", poison)
        patched.setitem(process_event.__globals__, "MOST_FAULTS", 1)
        shop.hear(shop.events("checkout.session.completed")[0])
    event = StripeEvent.objects.get()
    assert (event.state, event.error) == ("failed", "ZeroDivisionError")
    return event


def work(event: StripeEvent) -> StripeEvent:
    """A worker comes by."""
    process_event(event_id=event.pk, now=clock.now())
    event.refresh_from_db()
    return event


def test_failed_event_is_replayed_by_the_button_in_its_row(shop: Shop, staff: User, monkeypatch: pytest.MonkeyPatch) -> None:
    event, desk = failed_event(shop, monkeypatch), desk_of(staff)
    address = f"{LIST}{event.pk}/replay/"
    assert f'formaction="{address}"' in desk.get(LIST).text
    answer = desk.post(address, {"reason": "Mended on Tuesday"}, follow=True)
    assert "Replayed: 1." in answer.text
    event.refresh_from_db()
    assert (event.state, event.attempts, event.error, event.due_at is not None) == ("received", 0, "", True)
    entry = AuditEntry.objects.get(verb="replayed")
    assert (entry.actor, entry.reason, entry.detail) == (staff, "Mended on Tuesday", {"was": "failed"})
    assert (work(event).state, Seat.objects.get().state) == ("processed", "confirmed")


def test_several_are_replayed_by_the_action_and_processed_ones_change_nothing(shop: Shop, staff: User) -> None:
    shop.pay(shop.hold_seat())
    shop.pay(shop.order_year())
    shop.hear_all()
    events = list(StripeEvent.objects.filter(state="processed"))
    before = list(Order.objects.order_by("id").values()), list(Payment.objects.order_by("id").values())
    assert len(events) >= 4
    chosen = {"action": "replay", "_selected_action": [event.pk for event in events], "reason": "To be sure"}
    assert f"Replayed: {len(events)}." in desk_of(staff).post(LIST, chosen, follow=True).text
    assert {work(event).state for event in events} == {"processed"}
    assert (list(Order.objects.order_by("id").values()), list(Payment.objects.order_by("id").values())) == before


def test_event_of_a_type_on_which_nothing_is_done_says_so(shop: Shop, staff: User) -> None:
    shop.pay(shop.hold_seat())
    [paid] = shop.events("checkout.session.completed")
    shop.hear({**paid, "type": "customer.tax_id.created"})
    event = StripeEvent.objects.get()
    answer = desk_of(staff).post(f"{LIST}{event.pk}/replay/", {"reason": "Why not"}, follow=True)
    assert "Nothing happens on customer.tax_id.created" in answer.text
    event.refresh_from_db()
    assert (event.state, event.due_at, AuditEntry.objects.filter(verb="replayed").exists()) == ("ignored", None, False)


def test_nothing_is_replayed_without_a_reason_by_a_link_or_without_the_permission(
    shop: Shop, staff: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    event, viewer = failed_event(shop, monkeypatch), make_user(is_staff=True)
    address = f"{LIST}{event.pk}/replay/"
    for nothing in ("  ", "\x00", "x" * 201):
        assert "write why" in desk_of(staff).post(address, {"reason": nothing}, follow=True).text
    assert desk_of(staff).get(address).status_code == 405
    viewer.user_permissions.add(Permission.objects.get(codename="view_stripeevent"))
    page = desk_of(viewer).get(LIST)
    assert (page.status_code, "formaction" in page.text, 'value="replay"' in page.text) == (200, False, False)
    assert desk_of(viewer).post(address, {"reason": "Let me"}).status_code == 403
    event.refresh_from_db()
    assert event.state == "failed"
    viewer.user_permissions.add(Permission.objects.get(codename="change_stripeevent"))
    assert desk_of(User.objects.get(pk=viewer.pk)).post(address, {"reason": "Now I may"}).status_code == 302
    event.refresh_from_db()
    assert event.state == "received"


def test_an_event_shows_what_was_told_and_can_be_found_by_state_and_type(shop: Shop, staff: User) -> None:
    order = shop.hold_seat()
    shop.pay(order)
    shop.hear_all()
    desk, event = desk_of(staff), StripeEvent.objects.get(type="checkout.session.completed")
    page = desk.get(f"{LIST}{event.pk}/change/").text
    assert "&quot;payment_status&quot;: &quot;paid&quot;" in page
    assert order.number in page
    assert order.subscriber.user.email not in page
    assert f'action="{LIST}{event.pk}/replay/"' in page
    found = desk.get(LIST, {"state__exact": "processed", "type__exact": "checkout.session.completed"}).text
    assert event.object_id in found
    assert event.object_id not in desk.get(LIST, {"state__exact": "failed"}).text
