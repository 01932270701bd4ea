"""Clocks that change between booking and session are named, and every time stays the instant that was promised."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest
import time_machine
from django.template import Context, Template
from django.test import Client

from redreport import wording
from redreport.accounts.models import User
from redreport.outbox import kinds
from redreport.outbox.models import OutgoingMail
from sessions_live.models import LiveSession
from tests.canceling import book
from tests.factories import make_credits, make_live_session, make_user
from tests.handing_over import hand_over
from tests.parties import BO

# In 2027 clocks change in New York on 14 March and 7 November, in Europe on 28 March and 31 October.
WINTER = datetime(2027, 2, 1, 17, tzinfo=UTC)
SPRING_BETWEEN = datetime(2027, 3, 17, 15, tzinfo=UTC)
SUMMER = datetime(2027, 6, 2, 15, tzinfo=UTC)
FALL_BETWEEN = datetime(2027, 11, 3, 15, tzinfo=UTC)
NEXT_WINTER = datetime(2027, 12, 1, 16, tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "moment", "zone", "words"),
    [
        (WINTER, SPRING_BETWEEN, "", "Clocks in New York change on 14 March, before this session."),
        (WINTER, SPRING_BETWEEN, "Europe/Brussels", "Clocks in New York change on 14 March, before this session."),
        (
            WINTER,
            SUMMER,
            "Europe/Brussels",
            "Clocks in New York change on 14 March and in Brussels on 28 March, before this session.",
        ),
        (WINTER, SUMMER, "America/Toronto", "Clocks in New York change on 14 March, in Toronto too, before this session."),
        (WINTER, SUMMER, "America/New_York", "Clocks in New York change on 14 March, before this session."),
        (WINTER, SUMMER, "Asia/Taipei", "Clocks in New York change on 14 March, before this session."),
        (WINTER, SUMMER, "Mars/Olympus", "Clocks in New York change on 14 March, before this session."),
        (SUMMER, FALL_BETWEEN, "Europe/London", "Clocks in London change on 31 October, before this session."),
        (
            SUMMER,
            NEXT_WINTER,
            "Europe/London",
            "Clocks in New York change on 7 November and in London on 31 October, before this session.",
        ),
        (WINTER, NEXT_WINTER, "Europe/London", ""),
        (WINTER, WINTER + timedelta(days=14), "Europe/London", ""),
        (SUMMER, WINTER, "Europe/London", ""),
        # To the minute: the last one before the clocks go forward, and the first one after.
        (WINTER, datetime(2027, 3, 14, 6, 59, tzinfo=UTC), "", ""),
        (WINTER, datetime(2027, 3, 14, 7, 0, tzinfo=UTC), "", "Clocks in New York change on 14 March, before this session."),
        (datetime(2027, 3, 14, 7, 0, tzinfo=UTC), SUMMER, "", ""),
        (datetime(2027, 3, 14, 6, 59, tzinfo=UTC), SUMMER, "", "Clocks in New York change on 14 March, before this session."),
        # South of the equator clocks go the other way.
        (
            WINTER,
            SUMMER,
            "Australia/Sydney",
            "Clocks in New York change on 14 March and in Sydney on 4 April, before this session.",
        ),
        # Three changes later the last one counts.
        (WINTER, datetime(2028, 6, 7, 15, tzinfo=UTC), "", "Clocks in New York change on 12 March, before this session."),
    ],
)
def test_clock_change_is_said_of_each_zone_in_which_it_matters(now: datetime, moment: datetime, zone: str, words: str) -> None:
    assert wording.clock_change(moment, now, zone) == words


def test_named_day_is_the_one_on_which_the_clocks_do_change() -> None:
    """In every zone that moves its clocks at a time of its own, against each hour from winter to summer."""
    hours = [WINTER + timedelta(hours=number) for number in range(24 * 121 - 1)]
    seen = set()
    for name in sorted(available_timezones()):
        zone = ZoneInfo(name)
        kind = tuple(day.astimezone(zone).utcoffset() for day in hours[:: 24 * 7])
        if kind in seen or WINTER.astimezone(zone).utcoffset() == SUMMER.astimezone(zone).utcoffset():
            continue
        seen.add(kind)
        there = [hour.astimezone(zone) for hour in hours]
        changes = [later for earlier, later in pairwise(there) if earlier.utcoffset() != later.utcoffset()]
        found = wording._last_change(zone, SUMMER, WINTER)
        assert found is not None
        # Looked at by the hour, a change just before midnight is seen on the next day.
        assert timedelta(0) <= changes[-1].date() - found <= timedelta(days=1), name
    assert len(seen) > 10


@pytest.mark.parametrize("moment", [SPRING_BETWEEN, SUMMER, FALL_BETWEEN, NEXT_WINTER])
@pytest.mark.parametrize("zone", ["Europe/Brussels", "Europe/London", "Asia/Singapore", "Asia/Taipei", "America/New_York"])
def test_printed_time_is_the_instant_in_each_zone(moment: datetime, zone: str) -> None:
    """I14: what is printed for a zone, read back in that zone, is the instant that is stored."""
    printed = wording.time_in_zone(moment, zone).rsplit(" (", 1)[0]
    year, form = moment.astimezone(ZoneInfo(zone)).year, "%a %d %b, %I:%M %p %Y"
    assert datetime.strptime(f"{printed} {year}", form).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC) == moment
    here = wording.house_time(moment)
    assert f"({moment:%H:%M} UTC)" in here


def test_page_says_the_reader_s_own_clock_change_beside_the_houses() -> None:
    reader = User(email="ada@example.com", time_zone="Europe/Brussels")
    with time_machine.travel(WINTER, tick=False):
        said = Template("{% load site %}{% when m %}").render(Context({"m": SUMMER, "user": reader}))
    words = "Clocks in New York change on 14 March and in Brussels on 28 March, before this session."
    assert said.endswith(f'<span class="when-clocks">{words}</span></span>')


@pytest.mark.django_db
def test_seat_booked_in_winter_for_the_summer_says_so_on_its_page_and_in_its_mails() -> None:
    with time_machine.travel(WINTER, tick=False):
        ada = make_user("Ada Reader", email="ada@example.com", time_zone="Europe/Brussels")
        make_credits(ada)
        live_session = make_live_session()
        LiveSession.objects.filter(pk=live_session.pk).update(starts_at=SUMMER)
        seat = book(ada, LiveSession.objects.get(pk=live_session.pk))
        client = Client()
        client.force_login(ada)
        own = "Clocks in New York change on 14 March and in Brussels on 28 March, before this session."
        assert own in client.get(f"/sessions/{live_session.slug}/").text
        confirmed = kinds.find("seat_confirmed").render(OutgoingMail.objects.get(kind="seat_confirmed"))
        for part in (confirmed.text, confirmed.html):
            assert "Wed 2 Jun 2027, 11:00 am ET (15:00 UTC)" in part
            assert "Wed 2 Jun, 5:00 pm (Brussels)" in part
            assert own in part
        hand_over(seat, BO)
        handed = kinds.find("seat_handed_over").render(OutgoingMail.objects.get(kind="seat_handed_over"))
        for part in (handed.text, handed.html):
            assert "Clocks in New York change on 14 March, before this session." in part
            assert "Brussels" not in part
    with time_machine.travel(SUMMER - timedelta(days=1), tick=False):
        assert "Clocks in" not in client.get(f"/sessions/{live_session.slug}/").text
        assert "Clocks in" not in kinds.find("seat_confirmed").render(OutgoingMail.objects.get(kind="seat_confirmed")).text
