"""A season: monthly drafts at one wall-clock time of the house, shown with every date, made once and all together."""

import uuid
from datetime import UTC, date, datetime, time
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import Permission
from django.db import connections
from django.test import Client
from django.test.utils import CaptureQueriesContext

from redreport import clock
from redreport.audit.models import AuditEntry
from redreport.desk.jobs import season as season_jobs
from redreport.desk.jobs.running import run_job
from redreport.desk.models import Job
from sessions_live.models import Host, LiveSession
from sessions_live.monthly import Pattern, a_month_later, instant_of, monthly_starts, pattern_in_words
from tests.factories import make_live_session, make_staff, make_user
from tests.racing import at_once

pytestmark = pytest.mark.django_db

PAGE = "/admin/desk/season/"
NOW = datetime(2026, 12, 1, 17, tzinfo=UTC)

# Eleven in the morning in New York on every second Tuesday: 16:00 UTC in winter, 15:00 UTC while clocks are forward. They are
# from 14 March to 7 November 2027 and from 12 March to 5 November 2028.
SECOND_TUESDAYS = [
    "2027-01-12T16",
    "2027-02-09T16",
    "2027-03-09T16",
    "2027-04-13T15",
    "2027-05-11T15",
    "2027-06-08T15",
    "2027-07-13T15",
    "2027-08-10T15",
    "2027-09-14T15",
    "2027-10-12T15",
    "2027-11-09T16",
    "2027-12-14T16",
    "2028-01-11T16",
    "2028-02-08T16",
    "2028-03-14T15",
    "2028-04-11T15",
    "2028-05-09T15",
    "2028-06-13T15",
    "2028-07-11T15",
    "2028-08-08T15",
    "2028-09-12T15",
    "2028-10-10T15",
    "2028-11-14T16",
    "2028-12-12T16",
]
LAST_DAYS = [
    "2027-01-31T16",
    "2027-02-28T16",
    "2027-03-31T15",
    "2027-04-30T15",
    "2027-05-31T15",
    "2027-06-30T15",
    "2027-07-31T15",
    "2027-08-31T15",
    "2027-09-30T15",
    "2027-10-31T15",
    "2027-11-30T16",
    "2027-12-31T16",
    "2028-01-31T16",
    "2028-02-29T16",
    "2028-03-31T15",
    "2028-04-30T15",
    "2028-05-31T15",
    "2028-06-30T15",
    "2028-07-31T15",
    "2028-08-31T15",
    "2028-09-30T15",
    "2028-10-31T15",
    "2028-11-30T16",
    "2028-12-31T16",
]
# The 29th of January 2027 is the fifth Friday of that month.
LAST_FRIDAYS = ["2027-01-29T16", "2027-02-26T16", "2027-03-26T15", "2027-04-30T15", "2027-05-28T15", "2027-06-25T15"]


def hours(starts: list[datetime]) -> list[str]:
    assert {start.minute for start in starts} == {0}
    return [start.astimezone(UTC).strftime("%Y-%m-%dT%H") for start in starts]


def at_eleven(year: int, month: int, day: int) -> datetime:
    return instant_of(date(year, month, day), time(11))


def test_same_weekday_of_the_month_keeps_the_hour_of_the_house_over_every_clock_change() -> None:
    starts = monthly_starts(first=at_eleven(2027, 1, 12), count=24, pattern=Pattern.WEEKDAY)
    assert hours(starts) == SECOND_TUESDAYS


def test_same_day_of_the_month_is_the_last_one_of_shorter_months() -> None:
    assert hours(monthly_starts(first=at_eleven(2027, 1, 31), count=24, pattern=Pattern.DAY)) == LAST_DAYS


def test_fifth_weekday_is_the_last_one_of_each_month() -> None:
    assert hours(monthly_starts(first=at_eleven(2027, 1, 29), count=6, pattern=Pattern.WEEKDAY)) == LAST_FRIDAYS


@pytest.mark.parametrize(
    ("day", "clock_time", "instant"),
    [
        # Clocks go from 2 to 3 in the morning: half past two is half an hour after the change.
        (date(2027, 3, 14), time(2, 30), datetime(2027, 3, 14, 7, 30, tzinfo=UTC)),
        # Clocks show half past one twice: the first time counts.
        (date(2027, 11, 7), time(1, 30), datetime(2027, 11, 7, 5, 30, tzinfo=UTC)),
        (date(2027, 3, 14), time(11), datetime(2027, 3, 14, 15, tzinfo=UTC)),
        (date(2027, 11, 7), time(11), datetime(2027, 11, 7, 16, tzinfo=UTC)),
    ],
)
def test_day_of_a_clock_change_has_one_instant_for_every_time(day: date, clock_time: time, instant: datetime) -> None:
    assert instant_of(day, clock_time) == instant


@pytest.mark.parametrize(
    ("moment", "now", "then"),
    [
        (at_eleven(2027, 1, 12), NOW, "2027-02-09T16"),
        (at_eleven(2027, 3, 9), NOW, "2027-04-13T15"),
        (at_eleven(2027, 12, 14), NOW, "2028-01-11T16"),
        # A session of long ago is copied into the future.
        (at_eleven(2026, 1, 13), datetime(2027, 3, 9, 16, tzinfo=UTC), "2027-04-13T15"),
    ],
)
def test_a_month_later_is_the_same_weekday_of_the_next_month_that_lies_ahead(moment: datetime, now: datetime, then: str) -> None:
    assert hours([a_month_later(moment, now=now)]) == [then]


def test_pattern_is_said_in_words() -> None:
    assert [
        pattern_in_words(at_eleven(2027, 1, 12), Pattern.WEEKDAY),
        pattern_in_words(at_eleven(2027, 1, 29), Pattern.WEEKDAY),
        pattern_in_words(at_eleven(2027, 1, 12), Pattern.DAY),
        pattern_in_words(at_eleven(2027, 1, 31), Pattern.DAY),
    ] == [
        "every month on the second Tuesday",
        "every month on the last Friday",
        "every month on day 12",
        "every month on day 31, or on the last day of a shorter month",
    ]


@pytest.fixture(autouse=True)
def in_december() -> Any:
    with time_machine.travel(NOW, tick=True):
        yield


@pytest.fixture
def desk(client: Client) -> Client:
    client.force_login(make_staff())
    return client


def wish(**values: Any) -> dict[str, Any]:
    host, _ = Host.objects.get_or_create(name="Mei Lin")
    return {
        "title": "Reading the month {number}: {month} {year}",
        "section": "zhongnanhai",
        "question": "What did {month} bring?",
        "hosts": [host.pk],
        "first_on": "2027-01-12",
        "begins_at": "11:00",
        "pattern": "weekday",
        "count": 24,
        "duration_minutes": 60,
        "capacity": 40,
        "meeting_url": "",
        **values,
    }


def shown(desk: Client, sent: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """The page of the dates, and what its button sends."""
    page = desk.post(PAGE, sent)
    assert page.status_code == 200, page.content.decode()
    ticked = [value for value, _, is_ticked in page.context["rows"] if is_ticked]
    return page, {
        **sent,
        **{"date": ticked, "seen": page.context["seen"], "request_id": page.context["request_id"], "confirm": "Make the drafts"},
    }


def test_season_is_shown_date_by_date_and_made_as_drafts(desk: Client) -> None:
    page, sent = shown(desk, wish())
    text = page.content.decode()
    assert "24 dates, every month on the second Tuesday." in text
    assert "Tue 9 Mar 2027, 11:00 am ET (16:00 UTC)" in text
    assert "Tue 13 Apr 2027, 11:00 am ET (15:00 UTC)" in text
    assert not LiveSession.objects.exists()
    answer = desk.post(PAGE, sent, follow=True)
    assert "24 drafts made. Nobody sees them until each is published." in answer.content.decode()
    made = list(LiveSession.objects.order_by("starts_at"))
    assert hours([live_session.starts_at for live_session in made]) == SECOND_TUESDAYS
    first = made[0]
    assert (first.title, first.slug) == ("Reading the month 1: January 2027", "reading-the-month-1-january-2027")
    assert (first.question, first.section, first.capacity, first.duration_minutes) == (
        *("What did January bring?", "zhongnanhai"),
        *(40, 60),
    )
    assert {live_session.state for live_session in made} == {"drafted"}
    assert [host.name for host in made[23].hosts.all()] == ["Mei Lin"]
    assert AuditEntry.objects.filter(verb="created").count() == 24
    assert Client().get(f"/sessions/{first.slug}/").status_code == 404


def test_unticked_dates_are_left_out_and_numbers_count_what_stays(desk: Client) -> None:
    _, sent = shown(desk, wish(count=4))
    desk.post(PAGE, {**sent, "date": [sent["date"][0], sent["date"][3], "2031-01-01T00:00Z"]})
    titles = list(LiveSession.objects.order_by("starts_at").values_list("title", flat=True))
    assert titles == ["Reading the month 1: January 2027", "Reading the month 2: April 2027"]


def test_button_pressed_twice_makes_one_season(desk: Client) -> None:
    _, sent = shown(desk, wish(count=3))
    answers = [desk.post(PAGE, sent, follow=True).content.decode() for _ in range(2)]
    assert ["3 drafts made." in answer for answer in answers] == [True, True]
    assert (LiveSession.objects.count(), Job.objects.count()) == (3, 1)


@pytest.mark.django_db(transaction=True)
def test_worker_beside_the_page_makes_nothing_twice(client: Client) -> None:
    client.force_login(make_staff())
    _, sent = shown(client, wish(count=3))
    client.post(PAGE, sent)
    # A crash before the mark is impossible: drafts and mark are one commit. So are two who do it at once.
    LiveSession.hosts.through.objects.all().delete()
    LiveSession.objects.all().delete()
    job = Job.objects.get()
    job.items.update(state="waiting", done_at=None, outcome="")
    Job.objects.update(finished_at=None)
    at_once([lambda: run_job(job_id=job.pk, now=clock.now())] * 4)
    assert LiveSession.objects.count() == 3
    assert job.items.get().outcome == "3 drafts made."


def test_season_that_fails_half_way_leaves_nothing(desk: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []

    def fail_at_third(*, live_session: LiveSession, **options: Any) -> None:
        made.append(live_session.title)
        if len(made) == 3:
            raise RuntimeError("the database went away")
        draft(live_session=live_session, **options)

    draft = season_jobs.draft_live_session
    monkeypatch.setattr(season_jobs, "draft_live_session", fail_at_third)
    _, sent = shown(desk, wish(count=3))
    assert desk.post(PAGE, sent).headers["Location"].startswith("/admin/desk/jobs/")
    assert (len(made), LiveSession.objects.count(), Job.objects.get().items.get().state) == (3, 0, "failed")


def test_day_that_has_a_session_is_pointed_out_and_left_unticked(desk: Client) -> None:
    # In New York still the 9th of February, in UTC the 10th already.
    evening = instant_of(date(2027, 2, 9), time(22))
    other = make_live_session(starts_in=evening - NOW, published=False, now=NOW)
    canceled = make_live_session(starts_in=at_eleven(2027, 3, 9) - NOW, now=NOW)
    LiveSession.objects.filter(pk=canceled.pk).update(state="canceled")
    page, sent = shown(desk, wish(count=3))
    assert [bool(date.others) for _, date, _ in page.context["rows"]] == [False, True, False]
    assert (other.title in page.content.decode(), canceled.title in page.content.decode()) == (True, False)
    desk.post(PAGE, sent)
    assert LiveSession.objects.filter(title__startswith="Reading the month").count() == 2
    desk.post(PAGE, {**shown(desk, wish(count=2))[1], "date": ["2027-02-09T16:00Z"]})
    assert LiveSession.objects.filter(title="Reading the month 1: February 2027").exists()


def test_schedule_that_changed_meanwhile_is_shown_again_and_nothing_made(desk: Client) -> None:
    _, sent = shown(desk, wish(count=2))
    make_live_session(starts_in=at_eleven(2027, 2, 9) - NOW, published=False, now=NOW)
    page = desk.post(PAGE, sent).content.decode()
    assert "The schedule has changed since you looked" in page
    assert LiveSession.objects.count() == 1


def test_titles_without_a_number_get_addresses_of_their_own(desk: Client) -> None:
    _, sent = shown(desk, wish(count=3, title="读月"))
    desk.post(PAGE, sent)
    assert list(LiveSession.objects.order_by("starts_at").values_list("slug", flat=True)) == [
        "session-2027-01-12",
        "session-2027-02-09",
        "session-2027-03-09",
    ]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"count": 25}, "less than or equal to 24"),
        ({"count": 0}, "greater than or equal to 1"),
        ({"title": "Month {n}"}, "Nothing can be filled in for {n}."),
        ({"title": "x" * 151 + " {month}"}, "Filled in, it is longer than 160 characters."),
        ({"first_on": "2026-12-01"}, "The first date and time lie in the past."),
        ({"first_on": "2099-12-01"}, "That is too far away."),
        ({"hosts": []}, "Fill in: Hosts"),
    ],
)
def test_what_makes_no_season_is_refused_in_words(desk: Client, values: dict[str, Any], said: str) -> None:
    answer = desk.post(PAGE, {**wish(), **values})
    assert (answer.status_code, said in answer.content.decode()) == (400, True)


def test_nothing_ticked_makes_nothing(desk: Client) -> None:
    _, sent = shown(desk, wish(count=2))
    assert "No date is ticked" in desk.post(PAGE, {**sent, "date": []}).content.decode()
    assert not Job.objects.exists()


def test_dates_take_the_same_queries_however_many(desk: Client) -> None:
    def queries(count: int) -> int:
        with CaptureQueriesContext(connections["default"]) as asked:
            shown(desk, wish(count=count))
        return len(asked)

    queries(1)
    assert queries(2) == queries(24)


def test_staff_who_may_not_add_sessions_make_no_season(client: Client) -> None:
    looker = make_user(is_staff=True)
    looker.user_permissions.add(*Permission.objects.filter(codename__in=["view_livesession", "change_livesession"]))
    client.force_login(looker)
    sent = {**wish(), "confirm": "x", "request_id": str(uuid.uuid4())}
    assert [client.get(PAGE).status_code, client.post(PAGE, sent).status_code] == [403, 403]
    assert "Make a season" not in client.get("/admin/sessions_live/livesession/").content.decode()
