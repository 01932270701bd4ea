"""The mails of the waitlist: a seat has come free, or none did."""

from datetime import datetime

from redreport.addresses import address_of
from redreport.outbox.kinds import MailKind, RenderedMail, Verdict
from redreport.outbox.kinds import register as register_kind
from redreport.outbox.models import OutgoingMail
from redreport.outbox.render import render_templates
from sessions_live.mails.common import stands_as_told
from sessions_live.models import WaitlistEntry
from sessions_live.selectors import taken_seat
from subscriptions.models import Plan
from subscriptions.selectors import current_prices


def register() -> None:
    """Make the kinds known to the outbox."""
    register_kind(MailKind("waitlist_offer", "offer of a seat", guard=_offer_stands, render=_render_offer))
    register_kind(MailKind("waitlist_closed", "no seat came free", guard=_still_without_seat, render=_render_closed))


def _offer_stands(mail: OutgoingMail, now: datetime) -> Verdict:
    entry = _entry_of(mail)
    if entry.state != WaitlistEntry.State.OFFERED or entry.accepted_at:
        return Verdict.withhold(f"the offer is {'accepted' if entry.accepted_at else entry.state}")
    assert entry.offer_expires_at is not None
    if entry.offer_expires_at <= now:
        return Verdict.miss("the offer has run out")
    # Moved meanwhile, they are written to about that, with the offer.
    return stands_as_told(entry.live_session, mail)


def _still_without_seat(mail: OutgoingMail, now: datetime) -> Verdict:
    entry = _entry_of(mail)
    if taken_seat(user=entry.user, live_session=entry.live_session):
        return Verdict.withhold("the reader has a seat")
    if entry.live_session.starts_at <= now:
        return Verdict.miss("the session has begun")
    return stands_as_told(entry.live_session, mail)


def _render_offer(mail: OutgoingMail) -> RenderedMail:
    entry = _entry_of(mail)
    live_session = entry.live_session
    context = {
        "entry": entry,
        "live_session": live_session,
        "time_zone": entry.user.time_zone,
        "price": current_prices().get(Plan.SINGLE_SEAT),
        "by_credit": entry.pay_by == WaitlistEntry.PayBy.CREDIT,
        "offer_url": address_of("subscriptions:offer", live_session.slug),
        "session_url": address_of("sessions:detail", live_session.slug),
    }
    return render_templates("waitlist_offer", context)


def _render_closed(mail: OutgoingMail) -> RenderedMail:
    entry = _entry_of(mail)
    context = {
        "live_session": entry.live_session,
        "session_url": address_of("sessions:detail", entry.live_session.slug),
        "sessions_url": address_of("sessions:list"),
    }
    return render_templates("waitlist_closed", context)


def _entry_of(mail: OutgoingMail) -> WaitlistEntry:
    return WaitlistEntry.objects.select_related("live_session", "user").get(pk=mail.context["entry_id"])
