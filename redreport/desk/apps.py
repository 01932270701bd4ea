from django.apps import AppConfig


class DeskConfig(AppConfig):
    """What staff use that spans both apps."""

    name = "redreport.desk"
    verbose_name = "Desk"
