"""Templates of mails: `<name>.subject.txt`, `<name>.txt` and `<name>.html` in one folder, with the site's own values added."""

from typing import Any

from django.conf import settings
from django.template import Context, engines
from django.template.backends.django import Template

from redreport.addresses import address_of
from redreport.outbox.kinds import CalendarPart, RenderedMail, Topic
from redreport.outbox.models import OutgoingMail
from redreport.outbox.wishes import unsubscribe_url


def render_templates(template: str, context: dict[str, Any], calendar: CalendarPart | None = None) -> RenderedMail:
    """Render the three templates of `templates/emails/<template>`. Only the HTML one escapes."""
    return render_files(
        subject=f"emails/{template}.subject.txt",
        text=f"emails/{template}.txt",
        html=f"emails/{template}.html",
        context=context,
        calendar=calendar,
    )


def render_optional(template: str, context: dict[str, Any], *, mail: OutgoingMail, topic: Topic) -> RenderedMail:
    """
    Render a mail that its reader need not get. Its source ends with `parts/optional_foot.mjml` and its text with
    `emails/_optional_foot.txt`: both say for which choice it comes, how to end that, and where the sender is found.
    """
    foot = {
        "topic": topic,
        "unsubscribe_url": unsubscribe_url(email=mail.recipient, topic=topic),
        "wishes_url": address_of("pages:wishes"),
        "postal_address": settings.POSTAL_ADDRESS,
    }
    return render_templates(template, {**context, **foot})


def render_files(
    *,
    subject: str,
    text: str,
    html: str,
    context: dict[str, Any],
    calendar: CalendarPart | None = None,
) -> RenderedMail:
    """Render three templates by path; the subject is folded into one line, and is what the HTML is called."""
    values = {
        "site_name": settings.SITE_NAME,
        "site_url": settings.SITE_URL,
        "support_email": settings.MAIL_REPLY_TO,
        **context,
    }
    said = " ".join(_render(subject, values, autoescape=False).split())
    return RenderedMail(
        subject=said,
        text=_render(text, values, autoescape=False).strip() + "\n",
        html=_render(html, {**values, "subject": said}, autoescape=True).strip() + "\n",
        calendar=calendar,
    )


def _render(path: str, values: dict[str, Any], *, autoescape: bool) -> str:
    # Django escapes in text templates too, unless the context says otherwise.
    template: Template = engines["django"].get_template(path)  # type: ignore[assignment]
    return template.template.render(Context(values, autoescape=autoescape))
