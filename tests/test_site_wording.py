"""Times, spans and amounts as readers get them, on both sides of a clock change."""

from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.template import Context, Template

from redreport import wording
from redreport.accounts.models import User

WINTER = datetime(2027, 1, 6, 16, tzinfo=UTC)
SUMMER = datetime(2027, 7, 28, 15, tzinfo=UTC)


def rendered(source: str, **context: object) -> str:
    return Template("{% load site %}" + source).render(Context(context))


@pytest.mark.parametrize(
    ("moment", "words"),
    [
        (WINTER, "Wed 6 Jan 2027, 11:00 am ET (16:00 UTC)"),
        (SUMMER, "Wed 28 Jul 2027, 11:00 am ET (15:00 UTC)"),
        # The clocks in New York go forward on 14 March and back on 7 November 2027.
        (datetime(2027, 3, 14, 6, 59, tzinfo=UTC), "Sun 14 Mar 2027, 1:59 am ET (06:59 UTC)"),
        (datetime(2027, 3, 14, 7, 0, tzinfo=UTC), "Sun 14 Mar 2027, 3:00 am ET (07:00 UTC)"),
        (datetime(2027, 11, 7, 5, 30, tzinfo=UTC), "Sun 7 Nov 2027, 1:30 am ET (05:30 UTC)"),
        (datetime(2027, 11, 7, 6, 30, tzinfo=UTC), "Sun 7 Nov 2027, 1:30 am ET (06:30 UTC)"),
        (datetime(2027, 1, 6, 17, tzinfo=UTC), "Wed 6 Jan 2027, 12:00 pm ET (17:00 UTC)"),
        (datetime(2027, 1, 7, 1, tzinfo=UTC), "Wed 6 Jan 2027, 8:00 pm ET (01:00 UTC Thu 7 Jan)"),
        (datetime(2027, 1, 6, 17, tzinfo=ZoneInfo("Europe/Brussels")), "Wed 6 Jan 2027, 11:00 am ET (16:00 UTC)"),
    ],
)
def test_house_time_names_zone_and_utc(moment: datetime, words: str) -> None:
    assert wording.house_time(moment) == words
    assert rendered("{{ moment|house_time }}", moment=moment) == words


def test_short_forms_are_said_in_the_house_zone() -> None:
    late = datetime(2027, 1, 7, 1, tzinfo=UTC)
    assert rendered("{{ m|short_when }}", m=late) == "Wed 6 Jan, 8:00 pm ET"
    assert rendered("{{ m|short_day }}", m=late) == "Wed 6 Jan"
    assert rendered("{{ m|full_day }}", m=late) == "6 January 2027"
    assert rendered("{{ m|full_day }}", m=date(2027, 1, 7)) == "7 January 2027"
    assert rendered("{{ m|house_clock }}", m=late) == "8:00 pm ET"


def test_nothing_is_said_of_a_time_that_is_not_there() -> None:
    for name in ("house_time", "short_when", "short_day", "full_day", "house_clock"):
        assert rendered("{{ m|" + name + " }}", m=None) == ""


@pytest.mark.parametrize(
    ("zone", "words"),
    [
        ("Europe/Brussels", "Wed 6 Jan, 5:00 pm (Brussels)"),
        ("Asia/Singapore", "Thu 7 Jan, 12:00 am (Singapore)"),
        ("America/New_York", "Wed 6 Jan, 11:00 am (New York)"),
        ("", ""),
        ("Mars/Olympus", ""),
        ("../etc/passwd", ""),
    ],
)
def test_readers_zone_is_said_and_an_unknown_one_left_out(zone: str, words: str) -> None:
    assert wording.time_in_zone(WINTER, zone) == words


@time_machine.travel(WINTER - timedelta(days=7))
def test_when_leaves_a_slot_for_the_readers_own_time() -> None:
    assert rendered("{% when m %}", m=WINTER) == (
        '<span class="when"><time datetime="2027-01-06T16:00:00Z">Wed 6 Jan 2027, 11:00 am ET (16:00 UTC)</time>'
        '<span class="when-yours" data-your-time="2027-01-06T16:00:00Z"></span></span>'
    )


@time_machine.travel(SUMMER - timedelta(days=7))
def test_when_prints_the_time_of_a_saved_zone_itself() -> None:
    reader = User(email="ada@example.com", time_zone="Europe/Brussels")
    assert rendered("{% when m %}", m=SUMMER, user=reader) == (
        '<span class="when"><time datetime="2027-07-28T15:00:00Z">Wed 28 Jul 2027, 11:00 am ET (15:00 UTC)</time>'
        '<span class="when-yours">Your time: Wed 28 Jul, 5:00 pm (Brussels)</span></span>'
    )


@pytest.mark.parametrize(
    ("span", "words"),
    [
        (timedelta(minutes=1), "1 minute"),
        (timedelta(minutes=35), "35 minutes"),
        (timedelta(hours=1), "1 hour"),
        (timedelta(minutes=90), "90 minutes"),
        (timedelta(hours=24), "24 hours"),
        (timedelta(hours=48), "48 hours"),
        (timedelta(days=3), "3 days"),
        (timedelta(days=90), "90 days"),
        (timedelta(hours=50), "50 hours"),
    ],
)
def test_spans_are_said_as_the_rules_are(span: timedelta, words: str) -> None:
    assert rendered("{{ span|in_words }}", span=span) == words


@pytest.mark.parametrize(
    ("amount", "currency", "words"),
    [
        (250_00, "usd", "$250"),
        (2_500_00, "usd", "$2,500"),
        (208_33, "usd", "$208.33"),
        (12_50, "chf", "12.50 CHF"),
        (None, "usd", ""),
    ],
)
def test_money_is_printed_without_empty_cents(amount: int | None, currency: str, words: str) -> None:
    assert rendered("{{ amount|money:currency }}", amount=amount, currency=currency) == words


def test_chinese_words_are_marked_and_everything_else_escaped() -> None:
    marked = rendered("{{ title|han }}", title="What 深度求索 & <b>others</b> tell us")
    assert marked == 'What <span lang="zh-Hans">深度求索</span> &amp; &lt;b&gt;others&lt;/b&gt; tell us'


@pytest.mark.parametrize(("left", "words"), [(0, "Sold out"), (1, "1 seat left"), (31, "31 of 40 seats left")])
def test_seats_are_said_in_words_beside_the_bar(left: int, words: str) -> None:
    card = SimpleNamespace(seats_left=left, live_session=SimpleNamespace(capacity=40))
    html = rendered("{% seats_left card %}", card=card)
    assert f">{words}</span>" in html
    assert ("seats-few" in html) == (left == 1)
    assert f'<meter min="0" max="40" value="{left}" aria-hidden="true">' in html


def test_late_reminder_does_not_claim_an_hour() -> None:
    assert wording.how_soon(WINTER, WINTER - timedelta(minutes=60)) == "In one hour"
    assert wording.how_soon(WINTER, WINTER - timedelta(minutes=20)) == "Soon"


def test_clocks_that_change_between_two_times_are_named_whichever_comes_first() -> None:
    february, april = datetime(2027, 2, 10, 16, tzinfo=UTC), datetime(2027, 4, 7, 15, tzinfo=UTC)
    said = "Clocks in New York change on 14 March and in London on 28 March, between the two times."
    assert wording.clocks_between(february, april, "Europe/London") == said
    assert wording.clocks_between(april, february, "Europe/London") == said
    assert wording.clocks_between(april, april, "Europe/London") == ""
