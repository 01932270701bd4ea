"""What every page is given."""

from django.conf import settings
from django.http import HttpRequest

from redreport.pages.house import the_house
from sessions_live.models import LiveSession


def site(request: HttpRequest) -> dict[str, object]:
    """The house in words, the sections of its report, and whether this is a local copy whose mails can be read in the browser."""
    house = the_house()
    return {
        "site_name": house.name,
        "site_url": house.site_url,
        "support_email": house.support_email,
        "rules": house.rules,
        "report_sections": LiveSession.Section.choices,
        "request_id": getattr(request, "request_id", ""),
        "debug_mail": bool(settings.LOCAL_MAIL_DIR),
    }
