from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class DeskConfig(AppConfig):
    """What staff use that spans both apps."""

    name = "redreport.desk"
    verbose_name = "Desk"

    def ready(self) -> None:
        """Make the desk's jobs and mails known."""
        from redreport.desk import announcements
        from redreport.desk.jobs import (
            attendance,
            granting,
            readers,
            season,
            seats_cancel,
            seats_give,
            seats_hand_over,
            seats_move,
            seats_resend,
            seats_restore,
        )

        for module in (
            announcements,
            attendance,
            granting,
            readers,
            season,
            seats_cancel,
            seats_give,
            seats_hand_over,
            seats_move,
            seats_resend,
            seats_restore,
        ):
            module.register()


class DeskAdminConfig(AdminConfig):
    """Django admin with the desk's site as the one that every admin registers with."""

    default_site = "redreport.desk.site.DeskSite"
