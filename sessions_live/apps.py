from django.apps import AppConfig


class SessionsLiveConfig(AppConfig):
    """The schedule and the seats; knows nothing of money."""

    name = "sessions_live"
    verbose_name = "Live sessions"

    def ready(self) -> None:
        from sessions_live import mails
        from sessions_live.meetings import checks  # noqa: F401

        mails.register()
