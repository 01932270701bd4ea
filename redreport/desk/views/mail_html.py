"""The HTML of a mail, to be looked at in a browser as a mail program shows it."""

from django.http import HttpResponse

from redreport.outbox.kinds import RenderedMail

# Mails bring their styles with them. Nothing else is allowed: no script, no picture, no form, and no link leads away.
AS_IN_A_MAIL_PROGRAM = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'"
)


def html_of_mail(rendered: RenderedMail) -> HttpResponse:
    """A page that is the mail's HTML part and nothing else, in a sandbox."""
    return HttpResponse(rendered.html, headers={"Content-Security-Policy": AS_IN_A_MAIL_PROGRAM})
