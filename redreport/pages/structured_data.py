"""The house as schema.org describes organizations and sites, for search engines."""

from typing import Any

from django.conf import settings
from django.templatetags.static import static

from subscriptions.structured_data import PUBLISHER, SCHEMA


def house_data() -> dict[str, Any]:
    """Who publishes, and the site on which it holds its hours."""
    home = f"{settings.SITE_URL}/"
    publisher = {
        "@type": "Organization",
        "@id": f"{home}#organization",
        "name": PUBLISHER,
        "url": home,
        "logo": settings.SITE_URL + static("apple-touch-icon.png"),
        "email": settings.MAIL_REPLY_TO,
    }
    site = {"@type": "WebSite", "@id": f"{home}#site", "name": settings.SITE_NAME, "url": home, "inLanguage": "en"}
    return {"@context": SCHEMA, "@graph": [publisher, {**site, "publisher": {"@id": publisher["@id"]}}]}
