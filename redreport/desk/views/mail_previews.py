"""Every mail with sample data: subject, text, HTML and what a calendar would do with it."""

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from redreport.desk.samples.previews import Preview, all_samples, preview
from redreport.desk.views.common import desk_page, render_page

# The mail's own inline styles and nothing else: no script, no form, no frame, nothing fetched from anywhere.
CSP_OF_A_MAIL = "; ".join(
    (
        *("default-src 'none'", "style-src 'unsafe-inline'", "img-src data:", "sandbox"),
        *("frame-ancestors 'none'", "form-action 'none'", "base-uri 'none'"),
    )
)


@require_safe
@desk_page("outbox.view_outgoingmail")
def previews(request: HttpRequest) -> HttpResponse:
    """The list of all kinds, by the name that staff know."""
    return render_page(request, "mail_previews.html", {"title": "What each mail looks like", "samples": all_samples()})


@require_safe
@desk_page("outbox.view_outgoingmail")
def mail_preview(request: HttpRequest, kind: str, variant: str) -> HttpResponse:
    """One sample: subject, text, calendar part, and the way to its HTML."""
    return render_page(request, "mail_preview.html", {"title": (found := _found(kind, variant)).title, "preview": found})


@require_safe
@desk_page("outbox.view_outgoingmail")
def mail_preview_html(request: HttpRequest, kind: str, variant: str) -> HttpResponse:
    """The HTML part alone, under a policy of its own."""
    found = _found(kind, variant)
    if found.mail is None:
        raise Http404
    return HttpResponse(found.mail.html, headers={"Content-Security-Policy": CSP_OF_A_MAIL, "Referrer-Policy": "no-referrer"})


def _found(kind: str, variant: str) -> Preview:
    try:
        return preview(kind, variant)
    except LookupError:
        raise Http404 from None
