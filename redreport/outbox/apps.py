from django.apps import AppConfig


class OutboxConfig(AppConfig):
    name = "redreport.outbox"
    verbose_name = "Outbox"
