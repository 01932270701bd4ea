from django.apps import AppConfig


class OutboxConfig(AppConfig):
    name = "redreport.outbox"
    verbose_name = "Outbox"

    def ready(self) -> None:
        from redreport.outbox import checks, provider  # noqa: F401

        provider.listen()
