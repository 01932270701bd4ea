"""The last mail to somebody whose account was erased."""

from datetime import datetime

from redreport.accounts.models import Erasure
from redreport.accounts.privacy.erasing import ERASED_MAIL
from redreport.addresses import address_of
from redreport.outbox import kinds
from redreport.outbox.kinds import MailKind, RenderedMail, Verdict
from redreport.outbox.models import OutgoingMail
from redreport.outbox.render import render_templates


def register_kinds() -> None:
    kinds.register(MailKind(ERASED_MAIL, "account erased", guard=_guard, render=_render, private=True))


def _guard(mail: OutgoingMail, now: datetime) -> Verdict:
    is_over = Erasure.objects.filter(pk=mail.context["erasure_id"], finished_at__isnull=False).exists()
    return Verdict.withhold("the address is forgotten") if is_over else Verdict.send()


def _render(mail: OutgoingMail) -> RenderedMail:
    return render_templates("account_erased", {"sessions_url": address_of("sessions:list")})
