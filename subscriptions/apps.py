from django.apps import AppConfig


class SubscriptionsConfig(AppConfig):
    """Who pays, and for what."""

    name = "subscriptions"

    def ready(self) -> None:
        from subscriptions import mails

        mails.register()
