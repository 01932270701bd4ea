from django.apps import AppConfig


class SessionsLiveConfig(AppConfig):
    """The schedule and the seats; knows nothing of money."""

    name = "sessions_live"
    verbose_name = "Live sessions"

    def ready(self) -> None:
        from redreport.accounts.privacy import parts
        from sessions_live import mails, privacy
        from sessions_live.meetings import checks  # noqa: F401

        mails.register()
        parts.register(privacy.SeatsPart())
