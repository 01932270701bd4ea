"""The two mails about an enquiry. Only the desk is told what was typed: anybody can put anybody's address into the form."""

from dataclasses import replace
from datetime import datetime

from django.conf import settings

from redreport import policy
from redreport.addresses import address_of
from redreport.enquiries.models import Enquiry
from redreport.outbox import kinds
from redreport.outbox.kinds import MailKind, RenderedMail, Verdict, always
from redreport.outbox.models import OutgoingMail
from redreport.outbox.queue import queue_mail
from redreport.outbox.render import render_templates

RECEIVED, ARRIVED = "enquiry_received", "enquiry_arrived"


def register_kinds() -> None:
    kinds.register(MailKind(RECEIVED, "enquiry received", guard=always, render=_render_received))
    kinds.register(MailKind(ARRIVED, "enquiry for the desk", guard=_guard_arrived, render=_render_arrived))


def queue_received(enquiry: Enquiry, *, now: datetime) -> None:
    """Owe who asked the mail that says that we have it."""
    _queue(RECEIVED, enquiry, enquiry.email, now)


def queue_arrived(enquiry: Enquiry, *, now: datetime) -> None:
    """Owe the desk the enquiry itself."""
    _queue(ARRIVED, enquiry, settings.MAIL_REPLY_TO, now)


def _queue(kind: str, enquiry: Enquiry, recipient: str, now: datetime) -> None:
    queue_mail(kind=kind, key=f"{kind}:{enquiry.pk}", recipient=recipient, context={"enquiry_id": enquiry.pk}, now=now)


def _guard_arrived(mail: OutgoingMail, now: datetime) -> Verdict:
    """Not once somebody has seen it in the desk's list and answered."""
    return Verdict.send() if _enquiry_of(mail).state == Enquiry.State.NEW else Verdict.withhold("handled_already")


def _render_received(mail: OutgoingMail) -> RenderedMail:
    enquiry = _enquiry_of(mail)
    return render_templates(
        "enquiry_received",
        {
            "enquiry": enquiry,
            "business_days": policy.ENQUIRY_REPLY_BUSINESS_DAYS,
            "enquiry_url": address_of("enquiries:thanks", enquiry.reference),
        },
    )


def _render_arrived(mail: OutgoingMail) -> RenderedMail:
    """Whoever answers this mail answers who asked."""
    enquiry = _enquiry_of(mail)
    rendered = render_templates(
        "enquiry_arrived",
        {
            "enquiry": enquiry,
            "business_days": policy.ENQUIRY_REPLY_BUSINESS_DAYS,
            "desk_url": address_of("admin:enquiries_enquiry_change", enquiry.pk),
        },
    )
    return replace(rendered, reply_to=enquiry.email)


def _enquiry_of(mail: OutgoingMail) -> Enquiry:
    return Enquiry.objects.get(pk=mail.context["enquiry_id"])
