"""What programs ask a site for: its map, what they may read of it, how it wants to be kept on a telephone, its icon."""

from collections.abc import Iterable
from datetime import datetime
from xml.etree import ElementTree

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.templatetags.static import static
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from redreport import clock
from redreport.addresses import address_of
from redreport.wording import iso_utc
from sessions_live.selectors import session_pages

# Pages for everybody beside those of the sessions, by the names of their addresses.
PUBLIC_PAGES = ("pages:landing", "sessions:list", "subscriptions:plans")
NAMESPACE = "http://www.sitemaps.org/schemas/sitemap/0.9"
PAPER, RED = "#fbf7f0", "#a6121f"

ROBOTS = """\
# Pages that are somebody's own say 'noindex' themselves, and have to be read for that.
User-agent: *
Disallow: /admin/

Sitemap: {sitemap}
"""


@require_safe
@cache_control(public=True, max_age=3600)
def sitemap(request: HttpRequest) -> HttpResponse:
    """Every page for everybody; of a session also when it last changed. Two queries."""
    pages: list[tuple[str, datetime | None]] = [(address_of(name), None) for name in PUBLIC_PAGES]
    pages += [(address_of("sessions:detail", page.slug), page.changed_at) for page in session_pages(now=clock.now())]
    return HttpResponse(_sitemap_xml(pages), content_type="application/xml")


@require_safe
@cache_control(public=True, max_age=86400)
def robots(request: HttpRequest) -> HttpResponse:
    return HttpResponse(ROBOTS.format(sitemap=address_of("pages:sitemap")), content_type="text/plain; charset=utf-8")


@require_safe
@cache_control(public=True, max_age=86400)
def manifest(request: HttpRequest) -> JsonResponse:
    said = {
        "name": settings.SITE_NAME,
        "short_name": "Red Report",
        "start_url": "/",
        "display": "browser",
        "background_color": PAPER,
        "theme_color": RED,
        "icons": [
            {"src": static("favicon.svg"), "type": "image/svg+xml", "sizes": "any"},
            {"src": static("apple-touch-icon.png"), "type": "image/png", "sizes": "180x180"},
        ],
    }
    return JsonResponse(said, content_type="application/manifest+json")


@require_safe
@cache_control(public=True, max_age=86400)
def favicon(request: HttpRequest) -> HttpResponseRedirect:
    """For programs that ask here without reading a page."""
    return HttpResponseRedirect(static("favicon.ico"))


def _sitemap_xml(pages: Iterable[tuple[str, datetime | None]]) -> bytes:
    urlset = ElementTree.Element("urlset", xmlns=NAMESPACE)
    for address, changed_at in pages:
        url = ElementTree.SubElement(urlset, "url")
        ElementTree.SubElement(url, "loc").text = address
        if changed_at:
            ElementTree.SubElement(url, "lastmod").text = iso_utc(changed_at)
    return ElementTree.tostring(urlset, encoding="utf-8", xml_declaration=True)
