"""Times that staff type, in the house's zone."""

from datetime import UTC, date, datetime, time, timedelta

from django.core.exceptions import ValidationError

from redreport import policy, wording


def house_moment(day: date, clock: time) -> datetime:
    """The instant at which the house's clocks show this time on this day, in UTC.

    Refuses with ValidationError a time that they skip that night, and one that they show twice.
    """
    typed = datetime.combine(day, clock)
    try:
        first, second = (typed.replace(tzinfo=policy.HOUSE_ZONE, fold=fold).astimezone(UTC) for fold in (0, 1))
    except OverflowError:
        raise ValidationError("There is no such date.", code="no_such_date") from None
    if first == second:
        return first
    said, night = wording.clock_time(typed), wording.short_day(day)
    if second < first:
        raise ValidationError(
            f"There is no {said} on {night}: clocks in New York go forward that night. Choose another time.", code="skipped"
        )
    apart = wording.span_in_words(timedelta(seconds=(second - first).total_seconds()))
    raise ValidationError(
        f"{said} comes twice on {night}, {apart} apart: clocks in New York go back that night. Choose another time.", code="twice"
    )
