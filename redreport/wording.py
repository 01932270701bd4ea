"""How moments and spans of time are said to readers, on pages and in mails alike."""

import math
from datetime import UTC, date, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from redreport import policy

# What readers call a zone whose abbreviation changes with the season.
ZONE_LABELS = {"America/New_York": "ET"}

ABOUT_AN_HOUR = timedelta(minutes=50)
A_WEEK = timedelta(weeks=1)
A_MINUTE = timedelta(minutes=1)
FEW_SEATS = 3

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
WEEKDAY_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)


def house_time(moment: datetime) -> str:
    """'Wed 6 Jan 2027, 11:00 am ET (16:00 UTC)'; the UTC day is named too where it is another one."""
    here, utc = moment.astimezone(policy.HOUSE_ZONE), moment.astimezone(UTC)
    utc_clock = f"{utc:%H:%M} UTC" if utc.date() == here.date() else f"{utc:%H:%M} UTC {short_day(utc)}"
    return f"{short_day(here)} {here.year}, {clock_time(here)} {zone_label(here)} ({utc_clock})"


def short_house_time(moment: datetime) -> str:
    """'Wed 6 Jan, 11:00 am ET'."""
    return f"{short_day(house_day(moment))}, {house_clock(moment)}"


def house_clock(moment: datetime) -> str:
    """'11:00 am ET'."""
    here = moment.astimezone(policy.HOUSE_ZONE)
    return f"{clock_time(here)} {zone_label(here)}"


def iso_utc(moment: datetime) -> str:
    """'2027-01-06T16:00:00Z', for programs."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def time_in_zone(moment: datetime, zone_name: str) -> str:
    """'Wed 6 Jan, 5:00 pm (Brussels)' in the reader's zone; '' for a zone that is empty or unknown."""
    zone = _zone_named(zone_name)
    if zone is None:
        return ""
    there = moment.astimezone(zone)
    return f"{short_day(there)}, {clock_time(there)} ({_city(zone)})"


def clock_change(moment: datetime, now: datetime, zone_name: str = "") -> str:
    """'Clocks in New York change on 14 March and in Brussels on 28 March, before this session.': for the house's zone and for the
    reader's. '' where clocks stand at `moment` as they do `now`; a zone that is empty or unknown is left out."""
    said = _clocks_said(moment, now, zone_name)
    return f"{said}, before this session." if said else ""


def clocks_between(one: datetime, other: datetime, zone_name: str = "") -> str:
    """As `clock_change`, between two times of a session, whichever comes first: '…, between the two times.'"""
    said = _clocks_said(max(one, other), min(one, other), zone_name)
    return f"{said}, between the two times." if said else ""


def _clocks_said(moment: datetime, now: datetime, zone_name: str) -> str:
    zones = dict.fromkeys([policy.HOUSE_ZONE, _zone_named(zone_name) or policy.HOUSE_ZONE])
    changes = [(zone, day) for zone in zones if (day := _last_change(zone, moment, now))]
    if not changes:
        return ""
    (first, day), *others = changes
    said = f"Clocks in {_city(first)} change on {day.day} {MONTHS[day.month - 1]}"
    for zone, other_day in others:
        same = other_day == day
        said += f", in {_city(zone)} too" if same else f" and in {_city(zone)} on {other_day.day} {MONTHS[other_day.month - 1]}"
    return said


def short_day(day: date) -> str:
    """'Wed 6 Jan'. A datetime is taken as it stands: convert it to the wanted zone first."""
    return f"{WEEKDAYS[day.weekday()]} {day.day} {MONTHS[day.month - 1][:3]}"


def full_day(day: date) -> str:
    """'6 January 2027'."""
    return f"{day.day} {MONTHS[day.month - 1]} {day.year}"


def house_day(moment: date | datetime) -> date:
    """The calendar day in the house's zone; a plain date stays what it is."""
    return moment.astimezone(policy.HOUSE_ZONE).date() if isinstance(moment, datetime) else moment


def clock_time(moment: datetime) -> str:
    """'11:00 am', '12:30 pm'."""
    return f"{moment.hour % 12 or 12}:{moment:%M} {'am' if moment.hour < 12 else 'pm'}"


def zone_label(moment: datetime) -> str:
    """'ET' in the house's zone all year round; elsewhere the zone's own abbreviation."""
    zone: tzinfo | None = moment.tzinfo
    return ZONE_LABELS.get(str(zone)) or moment.tzname() or ""


def wait_in_words(wait: timedelta) -> str:
    """'40 seconds', '2 minutes', '3 hours', rounded up: who waits so long is not sent away again."""
    seconds = max(1, math.ceil(wait.total_seconds()))
    for unit, size in (("second", 1), ("minute", 60), ("hour", 3600)):
        if seconds <= 90 * size or unit == "hour":
            return counted(math.ceil(seconds / size), unit)
    raise AssertionError


def span_in_words(span: timedelta) -> str:
    """'35 minutes', '1 hour', '24 hours', '90 days'; hours are kept up to two days because rules are stated in them."""
    minutes = round(span.total_seconds() / 60)
    if minutes < 60 or minutes % 60:
        return counted(minutes, "minute")
    hours = minutes // 60
    if hours <= 48 or hours % 24:
        return counted(hours, "hour")
    return counted(hours // 24, "day")


def roughly(span: timedelta) -> str:
    """'10 minutes', '3 hours', '12 days': the largest unit of which there are two, rounded down."""
    minutes = max(0, int(span.total_seconds() // 60))
    if minutes < 120:
        return counted(minutes, "minute")
    return counted(minutes // 60, "hour") if minutes < 48 * 60 else counted(minutes // (24 * 60), "day")


def _zone_named(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError):
        return None


def _city(zone: ZoneInfo) -> str:
    return str(zone).rsplit("/", 1)[-1].replace("_", " ")


def _last_change(zone: ZoneInfo, moment: datetime, now: datetime) -> date | None:
    """The day, there, of the last change of the clocks between `now` and `moment`; None if they stand then as they do now."""
    then = moment.astimezone(zone).utcoffset()
    if moment <= now or now.astimezone(zone).utcoffset() == then:
        return None
    # Weeks back, then halves: a zone's table of changes is not to be had. No zone changes its clocks and back within a week.
    after, before = moment, moment - A_WEEK
    while before > now and before.astimezone(zone).utcoffset() == then:
        after, before = before, before - A_WEEK
    before = max(before, now)
    while after - before > A_MINUTE:
        middle = before + (after - before) / 2
        if middle.astimezone(zone).utcoffset() == then:
            after = middle
        else:
            before = middle
    return after.astimezone(zone).date()


def how_soon(moment: datetime, now: datetime) -> str:
    """What a reminder begins with: 'In one hour', or 'Soon' where it comes late."""
    return "In one hour" if moment - now >= ABOUT_AN_HOUR else "Soon"


def which_day(moment: datetime, now: datetime) -> str:
    """'Today' or 'Tomorrow' by the calendar of the house, or the day itself: 'Sat 13 Mar'."""
    day = house_day(moment)
    return {0: "Today", 1: "Tomorrow"}.get((day - house_day(now)).days) or short_day(day)


def seats_left(left: int, capacity: int) -> str:
    """'3 of 40 seats left', '1 seat left', 'Sold out'."""
    if left == 0:
        return "Sold out"
    return "1 seat left" if left == 1 else f"{left} of {capacity} seats left"


def are_few(left: int) -> bool:
    """Whether so few seats are left that a page stresses it."""
    return 0 < left <= FEW_SEATS


def counted(number: int, noun: str, nouns: str = "") -> str:
    """'1 seat', '3 seats'; with `nouns` where an 's' does not do it: '3 enquiries'."""
    return f"{number} {noun}" if number == 1 else f"{number} {nouns or noun + 's'}"
