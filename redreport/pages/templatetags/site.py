"""What every template may load: money, times, seats, form fields and Chinese words."""

import re
from datetime import date, datetime, timedelta
from math import ceil
from typing import Any

from django import template
from django.template import Context
from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString, mark_safe

from redreport import clock, wording
from redreport.money import format_money
from redreport.pages.house import House, the_house

register = template.Library()

HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u3000-\u303f\uff00-\uffef]+")


BETTER_SAID = {
    "Enter a valid email address.": "Write the e-mail address in full, such as name@example.com",
}


@register.filter
def money(amount_minor: int | None, currency: str) -> str:
    """`{{ order.amount_minor|money:order.currency }}` gives '$2,500'."""
    return "" if amount_minor is None else format_money(amount_minor, currency)


@register.simple_tag(takes_context=True)
def when(context: Context, moment: datetime) -> SafeString:
    """The house's time, then a line with the reader's: printed here for a saved zone, filled by site.js otherwise. Where clocks
    change before then, it says so."""
    instant = wording.iso_utc(moment)
    zone = getattr(context.get("user"), "time_zone", "")
    saved = wording.time_in_zone(moment, zone)
    yours = (
        format_html('<span class="when-yours">Your time: {}</span>', saved)
        if saved
        else format_html('<span class="when-yours" data-your-time="{}"></span>', instant)
    )
    change = wording.clock_change(moment, clock.now(), zone)
    clocks = format_html('<span class="when-clocks">{}</span>', change) if change else ""
    said = wording.house_time(moment)
    return format_html('<span class="when"><time datetime="{}">{}</time>{}{}</span>', instant, said, yours, clocks)


@register.filter
def house_time(moment: datetime | None) -> str:
    """'Wed 6 Jan 2027, 11:00 am ET (16:00 UTC)', as words alone: for mails and sentences."""
    return wording.house_time(moment) if moment else ""


@register.filter
def short_when(moment: datetime | None) -> str:
    """'Wed 6 Jan, 11:00 am ET'."""
    return wording.short_house_time(moment) if moment else ""


@register.filter
def house_clock(moment: datetime | None) -> str:
    """'11:00 am ET'."""
    return wording.house_clock(moment) if moment else ""


@register.filter
def at_clock_or_day(moment: datetime) -> str:
    """'at 11:00 am ET' today, 'Wed 6 Jan, 11:00 am ET' on any other day."""
    today = wording.house_day(moment) == wording.house_day(clock.now())
    return f"at {wording.house_clock(moment)}" if today else wording.short_house_time(moment)


@register.filter
def in_zone(moment: datetime, zone_name: str) -> str:
    """'Wed 6 Jan, 5:00 pm (Brussels)', or nothing where the reader saved no zone."""
    return wording.time_in_zone(moment, zone_name)


@register.filter
def short_day(moment: date | datetime | None) -> str:
    """'Wed 6 Jan', in the house's zone."""
    return wording.short_day(wording.house_day(moment)) if moment else ""


@register.filter
def full_day(moment: date | datetime | None) -> str:
    """'6 January 2027', in the house's zone."""
    return wording.full_day(wording.house_day(moment)) if moment else ""


@register.filter
def iso(moment: date | datetime) -> str:
    """What stands in `<time datetime>`."""
    return wording.iso_utc(moment) if isinstance(moment, datetime) else moment.isoformat()


@register.filter
def in_words(span: timedelta) -> str:
    """'35 minutes', '24 hours', '90 days'."""
    return wording.span_in_words(span)


@register.filter
def seconds_away(moment: datetime) -> int:
    """How many seconds are left until then, by our clock, so that a page need not trust its reader's; at least 1."""
    return max(1, ceil((moment - clock.now()).total_seconds()))


@register.filter
def is_past(moment: datetime | None) -> bool:
    """Whether it is over, so that no page or mail offers what can no longer be had; what has no time is not."""
    return bool(moment and moment <= clock.now())


@register.filter(needs_autoescape=True)
def han(text: str, autoescape: bool = True) -> SafeString:
    """Escapes `text` and marks its Chinese words as Chinese, so that fonts and screen readers follow."""
    escaped = conditional_escape(text) if autoescape else str(text)
    return mark_safe(HAN.sub(lambda run: f'<span lang="zh-Hans">{run.group()}</span>', escaped))


@register.filter
def said_of(error: str, label: str) -> str:
    """Django's stock refusals name no field; in a summary of several they must. Other messages stay as they are."""
    if error == "This field is required.":
        return "Enter the code" if label == "Code" else f"Fill in: {label}"
    return BETTER_SAID.get(error, error)


@register.inclusion_tag("components/seats.html")
def seats_left(availability: Any, *, meter: bool = True) -> dict[str, object]:
    """`availability` has seats_left and live_session.capacity: '3 of 40 seats left' and a bar."""
    left, capacity = availability.seats_left, availability.live_session.capacity
    words = wording.seats_left(left, capacity)
    return {"left": left, "capacity": capacity, "words": words, "few": wording.are_few(left), "meter": meter}


@register.simple_tag
def house() -> House:
    """The house's name, addresses and rules, where no request is at hand: `{% house as house %}` in mails."""
    return the_house()
