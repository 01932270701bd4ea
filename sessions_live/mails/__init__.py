"""The mails that come of the schedule and the seats, one module a subject."""

from sessions_live.mails import cancellations, handover, hosts, moves, reminders


def register() -> None:
    """Make the kinds known to the outbox."""
    for module in (cancellations, handover, hosts, moves, reminders):
        module.register()
