from importlib import import_module

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig

# Each registers what it brings: a job that staff can ask for, or a mail.
REGISTERING = [
    "announcements",
    "forgetting",
    "jobs.attendance",
    "jobs.granting",
    "jobs.host_doors",
    "jobs.readers",
    "jobs.season",
    "jobs.seats_cancel",
    "jobs.seats_give",
    "jobs.seats_hand_over",
    "jobs.seats_move",
    "jobs.seats_resend",
    "jobs.seats_restore",
    "jobs.seats_goodwill",
]


class DeskConfig(AppConfig):
    """What staff use that spans both apps."""

    name = "redreport.desk"
    verbose_name = "Desk"

    def ready(self) -> None:
        """Make the desk's jobs and mails known."""
        for module in REGISTERING:
            import_module(f"{self.name}.{module}").register()


class DeskAdminConfig(AdminConfig):
    """Django admin with the desk's site as the one that every admin registers with."""

    default_site = "redreport.desk.site.DeskSite"
