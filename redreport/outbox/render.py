"""Templates of mails: `<name>.subject.txt`, `<name>.txt` and `<name>.html` in one folder, with the site's own values added."""

from typing import Any

from django.conf import settings
from django.template import Context, engines
from django.template.backends.django import Template

from redreport.outbox.kinds import CalendarPart, RenderedMail


def render_templates(template: str, context: dict[str, Any], calendar: CalendarPart | None = None) -> RenderedMail:
    """Render the three templates of `templates/emails/<template>`. Only the HTML one escapes."""
    return render_files(
        subject=f"emails/{template}.subject.txt",
        text=f"emails/{template}.txt",
        html=f"emails/{template}.html",
        context=context,
        calendar=calendar,
    )


def render_files(
    *,
    subject: str,
    text: str,
    html: str,
    context: dict[str, Any],
    calendar: CalendarPart | None = None,
) -> RenderedMail:
    """Render three templates by path; the subject is folded into one line."""
    values = {
        "site_name": settings.SITE_NAME,
        "site_url": settings.SITE_URL,
        "support_email": settings.MAIL_REPLY_TO,
        **context,
    }
    return RenderedMail(
        subject=" ".join(_render(subject, values, autoescape=False).split()),
        text=_render(text, values, autoescape=False).strip() + "\n",
        html=_render(html, values, autoescape=True).strip() + "\n",
        calendar=calendar,
    )


def _render(path: str, values: dict[str, Any], *, autoescape: bool) -> str:
    # Django escapes in text templates too, unless the context says otherwise.
    template: Template = engines["django"].get_template(path)  # type: ignore[assignment]
    return template.template.render(Context(values, autoescape=autoescape))
