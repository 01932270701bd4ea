"""A day at the desk in a real browser: what costs money. What a preview promises is what Stripe then does, to the cent."""

import csv
import io
from datetime import datetime

import pytest
from openpyxl import load_workbook
from playwright.sync_api import expect

from redreport.local.demo_accounts import SUBSCRIBER_EMAIL
from redreport.policy import HOUSE_ZONE
from tests.e2e import desk_stage, stage
from tests.e2e.conftest import House, Person
from tests.e2e.desk import Desk
from tests.stack import wait_for

pytestmark = [pytest.mark.browser, pytest.mark.stack]


@pytest.fixture
def buyer(house: House, person: Person) -> str:
    """The address of a reader with an account."""
    house.backstage(stage.open_account, email=person.email, name=person.name, firm=person.firm)
    return person.email


def roster_of(house: House, live_session: stage.SessionRow) -> str:
    return house.backstage(desk_stage.page_of, name="desk_roster", slug=live_session.slug)


def test_canceled_seats_give_back_what_the_preview_said(desk: Desk, house: House, buyer: str) -> None:
    live_session = house.open_session(capacity=4)
    slug = live_session.slug
    credits_before = house.backstage(desk_stage.credits_of, email=SUBSCRIBER_EMAIL)
    of_two = house.sell_seats(live_session, buyer=buyer, names=["Bo Chen", "Cy Doe"])
    of_one = house.sell_seats(live_session, buyer=buyer, names=["Dee Hart"])
    by_credit = house.backstage(desk_stage.book_by_credit, email=SUBSCRIBER_EMAIL, slug=slug)
    [waiting] = house.backstage(desk_stage.join_waitlist, slug=slug, names=["Wen"])
    assert house.backstage(desk_stage.credits_of, email=SUBSCRIBER_EMAIL) == credits_before - 1

    desk.visit(roster_of(house, live_session))
    assert (desk.facts["Going"], desk.facts["Sold, refunds taken off"]) == ("4 of 4", "$750")
    for name in ("Bo Chen", "Cy Doe", by_credit):
        desk.page.get_by_role("checkbox", name=name).check()
    desk.press("Cancel…")
    desk.sees("Cancel seats: 3 seats ticked")
    desk.fill(reason="They wrote that they cannot come")
    desk.looks_first()
    said = "Cancels 3 seats, refunds $500, returns 1 credit, sends 5 mails. 1 on the waitlist will be offered a seat."
    assert said in desk.words
    desk.presses_twice("Do it")
    desk.sees_job_done()
    assert (desk.facts["Done"], desk.column["What came of it"]) == (
        "3 of 3",
        ["Canceled. $250 goes back.", "Canceled. $250 goes back.", "Canceled. 1 credit is back."],
    )

    house.backstage(desk_stage.carry_out_refunds)
    wait_for(lambda: sum(house.refunds_of(of_two)) == 500_00, "the refunds at Stripe")
    wait_for(lambda: house.backstage(desk_stage.money_of, payment=of_two) == (500_00, 500_00), "the refunds in our books")
    assert house.refunds_of(of_one) == []
    assert house.backstage(desk_stage.credits_of, email=SUBSCRIBER_EMAIL) == credits_before
    house.mailbox.wait_for_mail(waiting, f"A seat opened: {live_session.title}")
    assert house.backstage(desk_stage.states_of, slug=slug) == {
        "Bo Chen": "canceled",
        "Cy Doe": "canceled",
        "Dee Hart": "confirmed",
        by_credit: "canceled",
        "Wen": "offered",
    }
    desk.visit(roster_of(house, live_session))
    assert (desk.facts["Going"], desk.facts["Sold, refunds taken off"]) == ("1 of 4", "$250")
    assert (desk.facts["Held, offered"], desk.facts["Canceled"]) == ("0, 1", "3")


def test_guests_of_the_house_have_their_seats_and_who_has_one_already_is_left_out(desk: Desk, house: House) -> None:
    live_session = house.open_session()
    slug = live_session.slug
    house.backstage(desk_stage.give_seats_to, slug=slug, names=["Ada Marsh"])
    desk.visit(roster_of(house, live_session))
    desk.follow("Give a seat…")
    guests = [(name, desk_stage.address_for(name, slug)) for name in ("Eve Stone", "Fay Wood", "Ada Marsh")]
    desk.fill(guests="\n".join(f"{name}, {address}, Stone Ltd" for name, address in guests), reason="Speakers of next month")
    desk.looks_first()
    assert "Gives 2 seats, sends 2 mails." in desk.words
    assert "1 of 3 cannot be done and is left out." in desk.words
    assert desk.column["What will happen"][2] == f"Nothing: {guests[2][1]} has a seat there already."
    desk.presses_twice("Do it")
    desk.sees_job_done()
    assert desk.column["What came of it"] == ["Seat 2 is theirs.", "Seat 3 is theirs."]

    for _, address in guests[:2]:
        mail = house.mailbox.wait_for_mail(address, f"Seat confirmed: {live_session.title}")
        assert f"{house.stack.url}/door/" in mail.text
    paid_with = house.backstage(desk_stage.coverage_of, slug=slug)
    assert paid_with == {"Ada Marsh": ("comp", None), "Eve Stone": ("comp", None), "Fay Wood": ("comp", None)}
    desk.visit(roster_of(house, live_session))
    assert (desk.facts["Going"], desk.facts["Credits used, complimentary"]) == ("3 of 8", "0, 3")
    assert desk.facts["Sold, refunds taken off"] == "$0"


def test_money_that_came_past_stripe_is_recorded_once_with_its_seat(desk: Desk, house: House) -> None:
    live_session = house.open_session()
    slug = live_session.slug
    charges = len(house.stripe.objects("charge"))
    address = desk_stage.address_for("Gus Field", slug)
    desk.visit(roster_of(house, live_session))
    desk.follow("Record an offline payment…")
    desk.fill(name="Gus Field", email=address, firm="Field Bros", amount="$1,250.5", paid_on="2026-01-05")
    desk.fill(reference="INV-2031", reason="Paid by bank transfer")
    desk.looks_first()
    assert "Write the amount like 250 or 1,250.50." in desk.words
    desk.fill(amount="1,250.50", paid_on=f"{datetime.now(HOUSE_ZONE):%Y-%m-%d}")
    desk.looks_first()
    assert "Gives 1 seat, records $1,250.50 as received, sends 1 mail." in desk.words
    desk.presses_twice("Do it")
    desk.sees_job_done()
    assert desk.column["What came of it"] == ["Seat 1 is theirs. $1,250.50 is recorded."]

    house.mailbox.wait_for_mail(address, f"Seat confirmed: {live_session.title}")
    assert house.backstage(desk_stage.coverage_of, slug=slug) == {"Gus Field": ("offline", 1250_50)}
    assert len(house.stripe.objects("charge")) == charges
    desk.visit(roster_of(house, live_session))
    assert (desk.facts["Going"], desk.facts["Offline payments"]) == ("1 of 8", "$1,250.50")
    assert desk.column["Paid with"] == ["Offline payment of $1,250.50"]


def test_a_part_refunded_in_the_dashboard_is_a_case_and_its_button_gives_back_the_rest(
    desk: Desk, house: House, buyer: str
) -> None:
    live_session = house.open_session()
    payment = house.sell_seats(live_session, buyer=buyer, names=["Hal Burns"])
    house.backstage(desk_stage.refund_in_dashboard, payment=payment, amount_minor=100_00)
    wait_for(lambda: house.backstage(desk_stage.cases_of, payment=payment), "the case")
    desk.visit("/admin/")
    desk.follow("Part of a payment refunded in Stripe's dashboard")
    desk.follow("$100 of $250 was refunded in Stripe's dashboard")
    desk.press("Refund $150")
    assert desk.messages == ["Settled."]
    house.backstage(desk_stage.carry_out_refunds)
    wait_for(lambda: sum(house.refunds_of(payment)) == 250_00, "the rest at Stripe")
    wait_for(lambda: house.backstage(desk_stage.money_of, payment=payment) == (250_00, 250_00), "the rest in our books")
    assert sorted(house.refunds_of(payment)) == [100_00, 150_00]
    [(_, state, settled_by)] = house.backstage(desk_stage.cases_of, payment=payment)
    assert (state, settled_by) == ("settled", "desk@redreport.example")
    assert house.backstage(desk_stage.states_of, slug=live_session.slug) == {"Hal Burns": "canceled"}

    expect(desk.button("Refund $150")).to_have_count(0)
    desk.visit(roster_of(house, live_session))
    assert (desk.facts["Going"], desk.facts["Sold, refunds taken off"]) == ("0 of 8", "$0")
    desk.visit("/admin/desk/books/")
    assert "All cash is accounted for, to the cent." in desk.words


def downloaded(desk: Desk, button: str) -> bytes:
    """The file that a button gives."""
    with desk.page.expect_download() as download:
        desk.button(button).click()
    return download.value.path().read_bytes()


def test_a_roster_is_a_file_in_which_no_name_is_a_formula(desk: Desk, house: House, buyer: str) -> None:
    live_session = house.open_session()
    slug = live_session.slug
    house.backstage(desk_stage.give_seats_to, slug=slug, names=["=cmd()", "<script>alert(1)</script>"])
    house.sell_seats(live_session, buyer=buyer, names=["Kim Lee"])
    desk.visit(roster_of(house, live_session))
    assert "=cmd()" in desk.words
    assert "<script>alert(1)</script>" in desk.words
    desk.follow("Export…")
    assert "3 rows, with Name, E-mail, Firm," in desk.words

    table = downloaded(desk, "CSV").decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(table)))
    assert [(row["Name"], row["Source"], row["Amount"]) for row in rows] == [
        ("<script>alert(1)</script>", "complimentary", ""),
        ("'=cmd()", "complimentary", ""),
        ("Kim Lee", "paid", "250.00"),
    ]
    assert not [cell for row in rows for cell in row.values() if cell.startswith(("=", "+", "-", "@"))]
    sheet = load_workbook(io.BytesIO(downloaded(desk, "XLSX"))).active
    assert sheet.max_row == 4
    assert [cell.data_type for cell in sheet["A"]] == ["s"] * 4
    assert house.backstage(desk_stage.exports_of, slug=slug) == [
        {"what": "Roster", "rows": 3, "format": extension} for extension in ("csv", "xlsx")
    ]


def test_a_seat_is_canceled_by_the_keyboard_alone(desk: Desk, house: House) -> None:
    live_session = house.open_session()
    slug = live_session.slug
    house.backstage(desk_stage.give_seats_to, slug=slug, names=["Ida Frost", "Jo Hill"])
    desk.visit(roster_of(house, live_session))
    type_key = desk.page.keyboard.press
    # Buttons stand above the list: back from the tick, as whoever tabs would go.
    desk.tabs_to(desk.page.get_by_role("checkbox", name="Jo Hill"))
    type_key("Space")
    desk.tabs_to(desk.button("Cancel…"), backwards=True)
    with desk.page.expect_navigation():
        type_key("Enter")
    desk.sees("Cancel seats: 1 seat ticked")
    desk.tabs_to(desk.page.get_by_role("radio", name="As the rule says"))
    type_key("ArrowDown")
    type_key("ArrowDown")
    expect(desk.page.get_by_role("radio", name="Nothing", exact=True)).to_be_checked()
    desk.tabs_to(desk.page.get_by_label("Why"))
    desk.page.keyboard.type("Cannot come")
    with desk.page.expect_navigation():
        type_key("Enter")
    assert "Cancels 1 seat, sends 1 mail." in desk.words
    desk.tabs_to(desk.button("Do it"))
    with desk.page.expect_navigation():
        type_key("Enter")
    desk.sees_job_done()
    house.mailbox.wait_for_mail(desk_stage.address_for("Jo Hill", slug), f"Canceled: {live_session.title}")
    assert house.backstage(desk_stage.states_of, slug=slug) == {"Ida Frost": "confirmed", "Jo Hill": "canceled"}
