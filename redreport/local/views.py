"""Development only: the mails that the local stack would have sent, and the design system. Elsewhere none of it exists."""

from pathlib import Path

from csp.decorators import csp, csp_update
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_safe

from redreport import clock
from redreport.local import style_samples, tokens
from redreport.local.mailbox import CaughtMail, find_mail, newest_mails


def mail_folder() -> Path:
    if not settings.LOCAL_MAIL_DIR:
        raise Http404("mails are caught by the local stack only")
    return Path(settings.LOCAL_MAIL_DIR)


def caught_mail(name: str) -> CaughtMail:
    mail = find_mail(mail_folder(), name)
    if mail is None:
        raise Http404("no such mail")
    return mail


@require_safe
def style(request: HttpRequest) -> HttpResponse:
    """Every token and every component in its states, as the stylesheet and the templates have them at this moment."""
    mail_folder()
    colors = tokens.colors()
    context = {
        "colors": colors.values(),
        "pairs": tokens.pairs(),
        "measures": {name: value for name, value in tokens.tokens().items() if name not in colors},
        "cards": style_samples.sample_cards(),
        "now": clock.now(),
        **style_samples.sample_forms(),
        **style_samples.sample_prices(),
    }
    return render(request, "local/style.html", context)


@require_safe
def mails(request: HttpRequest) -> HttpResponse:
    return render(request, "local/mails.html", {"mails": newest_mails(mail_folder())})


@require_safe
@csp_update({"frame-src": ["'self'"]})  # type: ignore[arg-type]  # its annotation knows only views without arguments
def mail(request: HttpRequest, name: str) -> HttpResponse:
    return render(request, "local/mail.html", {"mail": caught_mail(name)})


@require_safe
@xframe_options_sameorigin
@csp(  # type: ignore[arg-type]
    {
        "default-src": ["'none'"],
        "style-src": ["'unsafe-inline'"],
        "img-src": ["data:"],
        "frame-ancestors": ["'self'"],
        "sandbox": ["allow-popups", "allow-popups-to-escape-sandbox"],
    }
)
def mail_html(request: HttpRequest, name: str) -> HttpResponse:
    """The mail's HTML as a mail program would show it: without scripts, forms or anything from elsewhere; links open a tab."""
    return HttpResponse(f'<base target="_blank">{caught_mail(name).html}')
