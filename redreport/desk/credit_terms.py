"""Until when credits that staff give may be good, as days that staff write."""

import re
from datetime import date, datetime, time, timedelta

from redreport import policy
from redreport.wording import MONTHS, house_day

# A day further away than this is a slip of the finger.
MOST_YEARS = 10
_ISO_DAY = re.compile(r"(\d{4})-(\d{2})-(\d{2})")
_SPOKEN_DAY = re.compile(r"(\d{1,2}) ([A-Za-z]{3,9}) (\d{4})")
_MONTHS = {name: number for number, month in enumerate(MONTHS, 1) for name in (month.lower(), month[:3].lower())}


def day_written(text: str) -> date | None:
    """The day that '2027-12-31', '31 Dec 2027' or '31 December 2027' names; None for anything else."""
    iso, spoken = _ISO_DAY.fullmatch(text), _SPOKEN_DAY.fullmatch(" ".join(text.split()))
    try:
        if iso:
            return date(*(int(part) for part in iso.groups()))
        if spoken and spoken[2].lower() in _MONTHS:
            return date(int(spoken[3]), _MONTHS[spoken[2].lower()], int(spoken[1]))
    except ValueError:
        pass
    return None


def fault_of_day(day: date, now: datetime) -> str:
    """Why credits cannot be good until this day, in words; '' where they can."""
    today = house_day(now)
    if day <= today:
        return "That day is not in the future."
    return f"That day is more than {MOST_YEARS} years away." if day.year > today.year + MOST_YEARS else ""


def good_until(day: date) -> datetime:
    """The instant before which a session must start: the end of that day in the zone of the house."""
    return datetime.combine(day + timedelta(days=1), time(), policy.HOUSE_ZONE)
