"""A day at the desk in a real browser: the schedule, a full house, a move, the hour itself, a word to everybody.

What the pages say is compared with the rows, and with the mails that came.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta

import pytest
from playwright.sync_api import FilePayload, expect

from redreport.policy import HOUSE_ZONE
from redreport.wording import house_time
from tests.e2e import desk_stage, stage
from tests.e2e.conftest import House
from tests.e2e.desk import PHONE, Desk

pytestmark = [pytest.mark.browser, pytest.mark.stack]

SECOND_WEEK = range(8, 15)
TUESDAY = 1
SEASON = "Letters from the province"
ZOOM = "Name (Original Name),User Email,Join Time,Leave Time,Duration (Minutes),Guest\n"


def second_tuesdays(count: int) -> list[datetime]:
    """At eleven in the morning in New York, from the third month after this one on."""
    now = datetime.now(HOUSE_ZONE)
    months = [divmod(now.month - 1 + ahead, 12) for ahead in range(3, 3 + count)]
    days = [date(now.year + years, month + 1, day) for years, month in months for day in SECOND_WEEK]
    return [datetime.combine(day, time(11), HOUSE_ZONE) for day in days if day.weekday() == TUESDAY]


def test_a_season_is_made_over_a_change_of_clocks_and_readers_see_the_session_that_is_published(
    open_browser: Callable[..., Desk], house: House
) -> None:
    desk, visitor, dates = open_browser(), open_browser(is_staff=False), second_tuesdays(12)
    assert {moment.astimezone(UTC).hour for moment in dates} == {15, 16}, "clocks change within the season"
    desk.visit("/admin/sessions_live/livesession/")
    desk.follow("Make a season")
    desk.sees("Make a season")
    desk.fill(
        title=f"{SEASON}: {{month}} {{year}}",
        question="What do the counties write?",
        first_on=f"{dates[0]:%Y-%m-%d}",
        begins_at="11:00",
        meeting_url=house.meeting.url,
    )
    desk.choose(section="Business Matters", hosts="Mira Lindqvist", pattern="the same weekday, such as the second Tuesday")
    assert [desk.page.locator(f"[name={name}]").input_value() for name in ("count", "capacity")] == ["12", "40"]
    desk.press("See the dates")
    assert "12 dates, every month on the second Tuesday." in desk.words
    assert desk.column["When"] == [house_time(moment) for moment in dates]
    assert desk.column["Title"] == [f"{SEASON}: {moment:%B %Y}" for moment in dates]

    desk.presses_twice("Make the drafts")
    desk.sees("Select live session to change")
    assert "12 drafts made. Nobody sees them until each is published." in desk.messages
    drafts = house.backstage(desk_stage.sessions_called, title=SEASON)
    assert [(one.state, one.capacity, one.starts_at) for one in drafts] == [("drafted", 40, moment) for moment in dates]

    desk.follow(drafts[0].title)
    desk.follow("Preview")
    assert "Only staff see this page." in desk.words
    assert visitor.visit(f"/sessions/{drafts[0].slug}/") == 404
    desk.press("Publish it and open the sale")
    assert desk.messages == [f"{drafts[0].title} is published: readers see it, and its seats are on sale."]
    visitor.visit("/sessions/")
    assert visitor.words.count(SEASON) == 1
    visitor.follow(drafts[0].title)
    visitor.sees(drafts[0].title)
    assert "Reserve a seat: $250" in visitor.words
    published = [one.title for one in house.backstage(desk_stage.sessions_called, title=SEASON) if one.state == "published"]
    assert published == [drafts[0].title]


def test_more_seats_in_a_sold_out_hour_are_offered_in_the_order_that_the_desk_gave(desk: Desk, house: House) -> None:
    live_session = house.open_session(capacity=2)
    slug = live_session.slug
    house.backstage(stage.give_seats, slug=slug, count=2)
    ann, bea, cid = house.backstage(desk_stage.join_waitlist, slug=slug, names=["Ann", "Bea", "Cid"])
    desk.visit(house.backstage(desk_stage.page_of, name="desk_roster", slug=slug))
    assert (desk.facts["Going"], desk.facts["Held, offered"], desk.facts["Waiting"]) == ("2 of 2", "0, 0", "3")

    desk.follow("Waitlist")
    desk.sees("Waitlist")
    desk.page.get_by_label("Why").fill("Wrote first, by mail")
    desk.press("Cid: first")
    assert desk.messages == ["Cid is number 1 now."]
    assert desk.page.locator(".desk-people strong").all_inner_texts() == ["Cid", "Ann", "Bea"]

    desk.visit(house.backstage(stage.desk_page, slug=slug))
    assert "2 taken, 0 held or offered, 3 waiting." in desk.words
    desk.fill(capacity="4")
    desk.press("Save and continue editing")
    assert "2 of the 3 who wait are offered seats now, by mail, in their order." in desk.messages
    for address in (cid, ann):
        mail = house.mailbox.wait_for_mail(address, f"A seat opened: {live_session.title}")
        assert f"/sessions/{slug}/offer/" in mail.text
    assert house.backstage(desk_stage.waitlist_of, slug=slug) == {"Ann": "offered", "Bea": "waiting", "Cid": "offered"}
    assert house.mailbox.mails_to(bea) == []
    assert house.backstage(desk_stage.mails_of, kind="waitlist_offer", slug=slug) == ["sent", "sent"]

    desk.visit(house.backstage(desk_stage.page_of, name="desk_roster", slug=slug))
    assert (desk.facts["Going"], desk.facts["Held, offered"], desk.facts["Waiting"]) == ("2 of 4", "0, 2", "1")
    desk.follow("Held or offered (2)")
    assert [(row[2].split()[0], row[5]) for row in desk.rows] == [("Ann", "Offered"), ("Cid", "Offered")]


def test_a_session_is_moved_and_its_attendees_have_the_mail_that_staff_saw_before(desk: Desk, house: House) -> None:
    live_session = house.open_session()
    slug = live_session.slug
    house.backstage(stage.give_seats, slug=slug, count=2)
    three_days_on = (live_session.starts_at + timedelta(days=3)).astimezone(HOUSE_ZONE)
    new_start = three_days_on.replace(hour=14, minute=30, second=0, microsecond=0)

    desk.visit(house.backstage(stage.desk_page, slug=slug))
    desk.follow("Move this session…")
    desk.sees(f"Move “{live_session.title}”")
    desk.fill(day=f"{new_start:%Y-%m-%d}", clock=f"{new_start:%H:%M}", message="The host is traveling.")
    desk.looks_first()
    assert "There is a problem Fill in: Reason" in desk.words
    desk.fill(reason="She asked for it")
    desk.looks_first()
    expect(desk.page.get_by_role("heading", name="What will happen")).to_be_visible()
    assert desk.rows[0] == [house_time(live_session.starts_at), house_time(new_start)]
    assert "2 attendees with a new invitation" in desk.words
    assert "3 mails will be sent." in desk.words
    seen = desk.page.locator("details.desk-mail pre").first.inner_text()
    assert "The host is traveling." in seen
    with desk.page.expect_popup() as opened:
        desk.page.get_by_role("button", name="See it as HTML in a new tab").first.click()
    expect(opened.value.get_by_role("heading", name="A new time for your session")).to_be_visible()
    opened.value.close()

    desk.fill(typed_name="Another one")
    desk.press("Move the session")
    assert "“Another one” is not the session’s name. Nothing was done." in desk.words
    desk.fill(typed_name=f" {live_session.title.lower()}")
    desk.presses_twice("Move the session")
    desk.sees(f"Moved: {live_session.title}")
    desk.sees_change_done()
    assert (desk.facts["Mails owed"], desk.facts["Sent"]) == ("3", "3")
    [moved] = house.backstage(desk_stage.sessions_called, title=live_session.title)
    assert moved.starts_at == new_start
    for number in range(2):
        [mail] = [one for one in house.mailbox.mails_to(f"guest{number}.{slug}@example.com") if "New time" in one.subject]
        assert house_time(new_start) in mail.text
        assert "The host is traveling." in mail.text
        assert f"DTSTART:{new_start.astimezone(UTC):%Y%m%dT%H%M%SZ}" in mail.calendar

    desk.visit(house.backstage(stage.desk_page, slug=slug))
    desk.follow("Move this session…")
    desk.fill(reason="Once more")
    desk.looks_first()
    assert "It stands at this time already." in desk.words


def test_the_hour_on_a_telephone_two_are_checked_in_one_is_found_in_the_report_and_one_did_not_come(
    phone: Desk, house: House
) -> None:
    live_session = house.open_session(starts_in=timedelta(minutes=5))
    slug = live_session.slug
    house.backstage(desk_stage.give_seats_to, slug=slug, names=["Ada Marsh", "Bo Chen", "Cy Doe", "Dee Hart"])
    roster = house.backstage(desk_stage.page_of, name="desk_roster", slug=slug)
    phone.visit(roster)
    phone.follow("Check in")
    phone.sees("Check in")
    assert "0 of 4 are there." in phone.words
    for arrived, name in enumerate(["Bo Chen", "Cy Doe"], 1):
        phone.page.get_by_role("searchbox").fill(name)
        phone.press("Search")
        expect(phone.page.locator(".desk-people li")).to_have_count(1)
        phone.press(f"Check in {name}")
        assert f"{arrived} of 4 are there." in phone.words
        assert "There since" in phone.words
    assert phone.width == PHONE["width"]

    house.backstage(stage.let_the_hour_pass, slug=slug)
    phone.visit(roster)
    assert phone.facts["Attended, no-show"] == "2, 2"
    phone.follow("Import attendance…")
    people = [
        f"Bo C.,bo.chen.{slug}@example.com,10:58,12:01,63,Yes",
        "Mira Lindqvist,mira@redreport.example,10:40,12:02,82,No",
        "By telephone,,11:04,12:00,56,Yes",
    ]
    report = FilePayload(name="participants.csv", mimeType="text/csv", buffer=(ZOOM + "\n".join(people)).encode())
    phone.page.set_input_files("[name=report_file]", report)
    phone.press("Read the file")
    assert "Found on the roster: 1 by e-mail, 0 by name." in phone.words
    assert "Left out, because they run the session: 1 host." in phone.words
    assert "Not found: 1." in phone.words
    phone.page.get_by_label("By telephone").select_option(label="Dee Hart, seat 4")
    phone.looks_first()
    assert phone.column["What will happen"] == ["Changes nothing.", "Checks in 1 attendee."]
    assert phone.width == PHONE["width"]
    phone.presses_twice("Do it")
    phone.sees_job_done()
    assert phone.column["What came of it"] == ["Was there already.", "Checked in."]

    phone.visit(roster)
    assert (phone.facts["Going"], phone.facts["Attended, no-show"]) == ("4 of 8", "3, 1")
    phone.follow("No-show (1)")
    assert [row[2].split(" ada.")[0] for row in phone.rows] == ["Ada Marsh"]
    assert phone.width == PHONE["width"]
    assert house.backstage(desk_stage.states_of, slug=slug) == {
        "Ada Marsh": "no_show",
        "Bo Chen": "attended",
        "Cy Doe": "attended",
        "Dee Hart": "attended",
    }


@pytest.mark.parametrize("scripts", [True, False], ids=["with JavaScript", "without JavaScript"])
def test_who_goes_and_who_waits_are_written_to_from_a_telephone(
    open_browser: Callable[..., Desk], house: House, *, scripts: bool
) -> None:
    phone = open_browser(window=PHONE, scripts=scripts)
    live_session = house.open_session(capacity=2)
    slug, title = live_session.slug, live_session.title
    house.backstage(stage.give_seats, slug=slug, count=2)
    addresses = [f"guest0.{slug}@example.com", f"guest1.{slug}@example.com"]
    addresses += house.backstage(desk_stage.join_waitlist, slug=slug, names=["Wen"])
    subject = f"Before {title}"

    phone.visit(house.backstage(desk_stage.page_of, name="desk_roster", slug=slug))
    phone.follow("Announce…")
    phone.sees(f"Announce to everybody in “{title}”")
    phone.fill(subject=subject, body="Bring the second draft.\n\nIt lies at https://redreport.example/draft.")
    phone.tick("Also to readers on the waitlist")
    assert phone.width == PHONE["width"]
    phone.looks_first()
    assert "2 who have a seat, and 1 who waits for one." in phone.words
    assert phone.page.locator("details.desk-mail").count() == 2
    assert "Bring the second draft." in phone.page.locator("details.desk-mail pre").first.inner_text()
    assert phone.width == PHONE["width"]
    phone.press("Send it")
    assert "Type the session’s name. Nothing was done." in phone.words
    assert house.backstage(desk_stage.mails_of, kind="announcement", slug=slug) == []
    phone.fill(typed_name=title)
    phone.presses_twice("Send it")
    phone.sees_change_done()
    assert (phone.facts["Mails owed"], phone.facts["Sent"]) == ("3", "3")
    assert phone.width == PHONE["width"]

    assert house.backstage(desk_stage.mails_of, kind="announcement", slug=slug) == ["sent"] * 3
    for address in addresses:
        [mail] = [one for one in house.mailbox.mails_to(address) if one.subject == subject]
        assert "Bring the second draft." in mail.text
        assert 'href="https://redreport.example/draft"' in mail.html
