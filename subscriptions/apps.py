from django.apps import AppConfig


class SubscriptionsConfig(AppConfig):
    """Who pays, and for what."""

    name = "subscriptions"

    def ready(self) -> None:
        from redreport.accounts.privacy import parts
        from subscriptions import mails
        from subscriptions.privacy.part import BuyingPart

        mails.register()
        parts.register(BuyingPart())
