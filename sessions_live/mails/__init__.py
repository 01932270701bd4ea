"""The mails that come of the schedule and the seats, one module a subject."""

from sessions_live.mails import follow_ups, news, reminders


def register() -> None:
    """Make the kinds known to the outbox."""
    for module in (follow_ups, news, reminders):
        module.register()
