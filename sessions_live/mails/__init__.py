"""The mails that come of the schedule and the seats, one module a subject."""

from sessions_live.mails import cancellations, follow_ups, handover, hosts, moves, news, reminders


def register() -> None:
    """Make the kinds known to the outbox."""
    for module in (cancellations, follow_ups, handover, hosts, moves, news, reminders):
        module.register()
