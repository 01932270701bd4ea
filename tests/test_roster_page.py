"""The roster of one session: its sums, its rows, what is found and chosen in it, on the screen and on paper."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from redreport import clock
from redreport.accounts.models import User
from redreport.audit.models import AuditEntry
from redreport.desk.roster_page import ROWS_ON_A_PAGE, Choice, counts_of, money_of, rows_of
from redreport.outbox.models import OutgoingMail
from sessions_live.models import LiveSession, Seat
from sessions_live.operations.declining import decline_seat
from subscriptions.models import Order, SeatCoverage
from subscriptions.operations.booking import book_with_credit
from subscriptions.operations.cancel import cancel_seat_by_house
from tests.factories import attendee_of, make_credits, make_guest_seat, make_live_session, make_price, make_staff, make_user
from tests.fixtures_shop import Shop
from tests.parties import BO, CY, party_of
from tests.rosters import PLANTED, fill
from tests.staff import desk_of, staff_who_may
from tests.waiting import waits

MOST_QUERIES = 12


def address(live_session: LiveSession, query: str = "") -> str:
    return reverse("admin:desk_roster", args=[live_session.pk]) + query


def page(live_session: LiveSession, query: str = "", user: User | None = None) -> str:
    answer = desk_of(user).get(address(live_session, query))
    assert answer.status_code == 200
    return answer.content.decode()


def facts(html: str) -> dict[str, str]:
    """What the page's head says."""
    return dict(re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", html))


def shown(html: str) -> list[str]:
    """The names in the rows, from the top."""
    return re.findall(r'<th scope="row" class="desk-long"><a href="[^"]*">(.*?)</a>', html)


def row_of(html: str, name: str) -> str:
    """The text of somebody's row."""
    [row] = [row for row in re.findall(r"<tr>(.*?)</tr>", html, re.DOTALL) if f">{name}</a>" in row]
    return " ".join(re.sub(r"<[^>]*>", " ", row).split())


@pytest.mark.django_db
def test_the_link_of_a_session_in_the_schedule_leads_to_its_roster() -> None:
    live_session = make_live_session()
    assert f'href="{address(live_session)}"' in desk_of().get("/admin/sessions_live/livesession/").content.decode()


def test_head_counts_seats_and_money_of_every_kind(shop: Shop) -> None:
    live_session = make_live_session(capacity=8)
    shop.sell_seats(make_user("Ada"), live_session, party_of(make_user("Ada"), BO, CY))
    back = shop.sell_seat(make_user("Gone"), live_session)
    full = Seat.Restitution.FULL
    cancel_seat_by_house(seat_id=back.pk, actor=make_staff(), reason="They rang", restitution=full, now=clock.now())
    by_credit = make_user("Cred")
    make_credits(by_credit)
    book_with_credit(user=by_credit, live_session_id=live_session.pk, now=clock.now())
    make_guest_seat(live_session)
    offline = make_guest_seat(live_session)
    SeatCoverage.objects.filter(seat=offline).update(
        kind="offline", amount_minor=20000, currency="usd", paid_on=clock.now().date()
    )
    shop.hold_seat(make_user("Held"), live_session)
    assert facts(page(live_session)) == {
        "Going": "6 of 8",
        "Held, offered": "1, 0",
        "Waiting": "0",
        "Cannot come, they say": "0",
        "Attended, no-show": "0, 0",
        "Canceled": "1",
        "Sold, refunds taken off": "$750",
        "Offline payments": "$200",
        "Credits used, complimentary": "1, 1",
    }


def test_money_follows_a_seat_that_is_moved_and_a_refund_leaves_the_others_theirs(shop: Shop) -> None:
    first, second, ada = make_live_session(), make_live_session(), make_user("Ada")
    shop.sell_seats(ada, first, party_of(ada, BO, CY))
    Seat.objects.filter(attendee_email=BO.email).update(live_session=second)
    assert [facts(page(session))["Sold, refunds taken off"] for session in (first, second)] == ["$500", "$250"]
    back = Seat.objects.get(attendee_email=CY.email)
    full = Seat.Restitution.FULL
    cancel_seat_by_house(seat_id=back.pk, actor=make_staff(), reason="They rang", restitution=full, now=clock.now())
    assert [facts(page(session))["Sold, refunds taken off"] for session in (first, second)] == ["$250", "$250"]
    last = Seat.objects.get(attendee_email=ada.email)
    none = Seat.Restitution.NONE
    cancel_seat_by_house(seat_id=last.pk, actor=make_staff(), reason="Too late", restitution=none, now=clock.now())
    assert [facts(page(session))["Sold, refunds taken off"] for session in (first, second)] == ["$250", "$250"]


def test_a_row_tells_seat_source_state_mails_and_what_was_said(shop: Shop) -> None:
    live_session, ada = make_live_session(), make_user("Ada Reader", firm="Hill & Co")
    order = shop.sell_seats(ada, live_session, party_of(ada, BO))
    bo = Seat.objects.get(attendee_email=BO.email)
    decline_seat(seat_id=bo.pk, door_version=0, now=clock.now())
    OutgoingMail.objects.filter(kind="seat_confirmed", recipient=ada.email).update(state="sent", sent_at=clock.now())
    OutgoingMail.objects.filter(kind="seat_confirmed", recipient=BO.email).update(state="failed", reason="no such mailbox")
    html = page(live_session)
    assert row_of(html, "Ada Reader") == (
        f"1 Ada Reader {ada.email} Hill &amp; Co $500 for 2 seats, {order.number} Confirmed 1 sent 0"
    )
    assert row_of(html, "Bo Chen") == (
        f"2 Bo Chen bo@example.org booked by {ada.email} Hill &amp; Co $500 for 2 seats, {order.number}"
        " Confirmed said they cannot come 0 sent, 1 on the way 1 failed: confirmation 0"
    )


def test_tabs_choose_by_state_and_count(shop: Shop) -> None:
    live_session = make_live_session(capacity=5, starts_in=timedelta(days=2))
    _, came, missed, gone = (make_guest_seat(live_session, make_user(name)) for name in ("Go", "Came", "Missed", "Gone"))
    Seat.objects.filter(pk=came.pk).update(state="attended")
    Seat.objects.filter(pk=missed.pk).update(state="no_show")
    cancel_seat_by_house(
        seat_id=gone.pk, actor=make_staff(), reason="They rang", restitution=Seat.Restitution.FULL, now=clock.now()
    )
    shop.hold_seat(make_user("Held"), live_session)
    tabs = {
        "going": ["Came", "Go", "Missed"],
        "kept": ["Held"],
        "attended": ["Came"],
        "no_show": ["Missed"],
        "canceled": ["Gone"],
    }
    for tab, names in {**tabs, "all": ["Came", "Go", "Gone", "Held", "Missed"], "nonsense": ["Came", "Go", "Missed"]}.items():
        html = page(live_session, f"?tab={tab}")
        assert shown(html) == names
        if tab in tabs:
            assert f"({len(names)})" in html.split(f'href="?tab={tab}"')[1].split("</a>")[0]
    assert "Canceled, nothing to give back" in row_of(page(live_session, "?tab=canceled"), "Gone")


@pytest.mark.django_db
def test_who_waits_is_counted_and_the_tab_leads_to_the_waitlist() -> None:
    live_session = make_live_session(capacity=1)
    make_guest_seat(live_session)
    waits(live_session)
    html = page(live_session)
    assert f'<a href="/admin/desk/sessions/{live_session.pk}/waitlist/">Waiting (1)</a>' in html
    assert "<span>Waiting (1)</span>" in page(live_session, user=staff_who_may("desk.view_rosterseat"))


def test_seats_are_found_by_name_firm_domain_booker_and_order(shop: Shop) -> None:
    live_session, ada = make_live_session(), make_user("Ada Reader", email="ada@strait.example")
    order = shop.sell_seats(ada, live_session, party_of(ada, BO))
    make_guest_seat(live_session, make_user("Cy Guest"))
    found = {
        "ada": ["Ada Reader", "Bo Chen"],
        "ada+reader": ["Ada Reader"],
        "hill": ["Bo Chen"],
        "strait.example": ["Ada Reader", "Bo Chen"],
        "bo hill": ["Bo Chen"],
        order.number: ["Ada Reader", "Bo Chen"],
        "nobody": [],
        "%25": [],
    }
    assert {words: shown(page(live_session, f"?q={words}")) for words in found} == found


@pytest.mark.django_db
def test_word_is_not_found_by_accident_inside_an_address() -> None:
    live_session = make_live_session()
    make_guest_seat(live_session, make_user("Jo Lee", email="joanna@hillside.example"))
    make_guest_seat(live_session, make_user("Bo Chen", email="ann.lee@strait.example"))
    found = {"ann": ["Bo Chen"], "side": [], "hill": ["Jo Lee"], "@hillside.example": ["Jo Lee"], "na@hill": ["Jo Lee"]}
    assert {words: shown(page(live_session, f"?q={words}")) for words in found} == found


@pytest.mark.django_db
def test_rows_are_sorted_by_each_column_both_ways() -> None:
    live_session = make_live_session()
    for name, firm in (("bo", "Zeta"), ("Ada", "alpha"), ("Cy", "")):
        make_guest_seat(live_session, make_user(name, firm=firm))
    orders = {
        "name": ["Ada", "bo", "Cy"],
        "-name": ["Cy", "bo", "Ada"],
        "seat": ["bo", "Ada", "Cy"],
        "firm": ["Cy", "Ada", "bo"],
        "-seat": ["Cy", "Ada", "bo"],
        "-nonsense": ["Ada", "bo", "Cy"],
    }
    assert {by: shown(page(live_session, f"?by={by}")) for by in orders} == orders
    assert '<th scope="col" aria-sort="descending"><a href="?by=name">' in page(live_session, "?by=-name")


@pytest.mark.django_db
@pytest.mark.parametrize("count", [3, 250])
def test_the_page_asks_few_questions_however_many_seats_there_are(count: int) -> None:
    live_session, staff = make_live_session(), staff_who_may("desk.view_rosterseat", "sessions_live.change_seat")
    fill(live_session, count, booker=staff, now=clock.now())
    client = desk_of(staff)
    with CaptureQueriesContext(
        connection,
    ) as asked:
        html = client.get(address(live_session, "?q=reader")).content.decode()
    assert len(asked) <= MOST_QUERIES, "\n".join(query["sql"] for query in asked.captured_queries)
    assert len(shown(html)) == min(count, ROWS_ON_A_PAGE)


@pytest.mark.django_db
def test_pages_of_a_long_roster_lead_to_each_other_and_keep_what_was_chosen() -> None:
    live_session, staff = make_live_session(), make_staff()
    fill(live_session, 250, booker=staff, now=clock.now())
    html = page(live_session, "?by=-seat&page=2")
    assert "Page 2 of 3, 250 seats" in html
    assert '<a href="?by=-seat&amp;page=3" rel="next">' in html
    assert shown(html)[0] == "Reader 150"
    assert "Page 3 of 3" in page(live_session, "?page=99999")


@pytest.mark.django_db
def test_twenty_thousand_seats_of_other_sessions_are_not_read_for_a_page() -> None:
    """Seats, what covers them and mails are reached by an index."""
    live_session, staff = make_live_session(), make_staff()
    for _ in range(20):
        fill(make_live_session(), 1000, booker=make_staff(), now=clock.now())
    fill(live_session, 40, booker=staff, now=clock.now())
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE sessions_live_seat, subscriptions_seatcoverage, outbox_outgoingmail")
    with CaptureQueriesContext(connection) as asked:
        rows_of(live_session, Choice.of({}), None)
        counts_of(live_session)
        money_of(live_session)
    for query in asked.captured_queries:
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN {query['sql']}")
            plan = "\n".join(line for (line,) in cursor.fetchall())
        for table in ("sessions_live_seat", "outbox_outgoingmail", "subscriptions_seatcoverage"):
            assert f"Seq Scan on {table}" not in plan, plan


@pytest.mark.django_db
def test_buttons_stand_there_for_who_may_and_all_on_the_page_are_ticked_without_script() -> None:
    live_session = make_live_session()
    seat = make_guest_seat(live_session)
    html = page(live_session, user=staff_who_may("desk.view_rosterseat"))
    assert ("With the ticked seats" in html, "Check in</a>" in html, "Print</a>" in html) == (False, False, True)
    html = page(live_session, "?tick=all", user=staff_who_may("desk.view_rosterseat", "sessions_live.change_seat"))
    assert f'formaction="/admin/desk/sessions/{live_session.pk}/cancel-seats/">Cancel…</button>' in html
    assert ("Check in</a>" in html, "Restore credits…" in html) == (True, False)
    assert f'name="seat" value="{seat.pk}" aria-label="Ada Reader, seat 1" checked' in html


@pytest.mark.django_db
def test_the_roster_is_refused_to_staff_without_the_permission_and_to_readers() -> None:
    live_session = make_live_session()
    assert desk_of(staff_who_may()).get(address(live_session)).status_code == 403
    assert desk_of(make_user()).get(address(live_session)).status_code in (302, 403)
    assert desk_of().get("/admin/desk/sessions/999999999999999999999/roster/").status_code == 404


def printed(live_session: LiveSession, query: str = "", user: User | None = None) -> tuple[int, str]:
    answer = desk_of(user).get(reverse("admin:desk_roster_print", args=[live_session.pk]) + query)
    return answer.status_code, answer.content.decode()


@pytest.mark.django_db
def test_print_view_has_names_and_firms_and_addresses_only_for_who_may_export_them() -> None:
    live_session, looker = make_live_session(), staff_who_may("desk.view_rosterseat")
    guest = make_user("Grace Guest", firm="Hill & Co")
    make_guest_seat(live_session, guest)
    status, html = printed(live_session, user=looker)
    assert (status, "Grace Guest" in html, "Hill &amp; Co" in html, guest.email in html) == (200, True, True, False)
    assert printed(live_session, "?emails=1", looker)[0] == 403
    exporter = staff_who_may("desk.view_rosterseat", "desk.export_rosterseat")
    assert not AuditEntry.objects.filter(verb="exported").exists()
    assert guest.email in printed(live_session, "?emails=1", exporter)[1]
    entry = AuditEntry.objects.get(verb="exported")
    assert (entry.actor, entry.target_id) == (exporter, str(live_session.pk))
    assert entry.detail == {"what": "roster with addresses", "rows": 1, "format": "print"}


@pytest.mark.django_db
@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_name_and_firm_come_out_harmless_on_the_roster_and_on_paper(name: str) -> None:
    live_session = make_live_session()
    make_guest_seat(live_session, make_user(name, firm=name))
    for html in (page(live_session), page(live_session, f"?q={name[:20]}"), printed(live_session)[1]):
        assert "<script>alert" not in html
        assert name.replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;") in html


@pytest.mark.django_db
def test_a_held_seat_of_an_order_is_not_paid_yet() -> None:
    from subscriptions.operations.booking import start_seat_order

    live_session, user = make_live_session(), make_user("Held")
    start_seat_order(
        user=user, live_session_id=live_session.pk, attendees=[attendee_of(user)], price_id=make_price().pk, now=clock.now()
    )
    assert "not paid yet" in row_of(page(live_session, "?tab=kept"), "Held")
    assert Order.objects.get().number not in page(live_session, "?tab=going")
