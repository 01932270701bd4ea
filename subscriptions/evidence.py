"""The evidence pack of a payment: one file with what was bought, agreed to, mailed, entered and given back, for a bank to read.

Door links and sign-in codes are in none of it: mails that held one are named, and their bodies were not kept.
"""

import io
from collections.abc import Iterable, Iterator
from datetime import datetime
from zipfile import ZIP_DEFLATED, ZipFile

from django.db.models import Model, Q

from redreport.audit.models import AuditEntry
from redreport.money import format_money
from redreport.outbox import kinds
from redreport.outbox.models import OutgoingMail
from redreport.wording import house_time
from sessions_live.models import LiveSession, Seat
from subscriptions.models import Case, CreditGrant, Dispute, Invoice, Order, Payment, Refund

RULER = "-" * 72


class _History:
    """Everything that belongs to one payment."""

    def __init__(self, payment: Payment) -> None:
        self.payment = payment
        self.order: Order | None = payment.order
        invoice_id = payment.stripe_invoice_id or None
        self.invoice = Invoice.objects.filter(stripe_invoice_id=invoice_id).first()
        self.grants = list(CreditGrant.objects.filter(stripe_invoice_id=invoice_id).order_by("id"))
        self.subscription = next((grant.subscription for grant in self.grants if grant.subscription), None)
        self.started_by = Order.objects.filter(subscription=self.subscription).first() if self.subscription else None
        paid_by = Q(coverage__order=self.order) if self.order else Q(pk__in=[])
        booked_by_credit = Q(coverage__credit_entry__grant__in=self.grants)
        seats = (
            Seat.objects.filter(paid_by | booked_by_credit)
            .select_related("live_session", "coverage")
            .prefetch_related("hand_overs")
        )
        self.seats = list(seats.order_by("live_session__starts_at", "id"))
        self.refunds = list(Refund.objects.filter(payment=payment).order_by("created_at", "id"))
        self.disputes = list(Dispute.objects.filter(payment=payment).order_by("opened_at", "id"))

    @property
    def terms(self) -> Order | None:
        """The order whose consent covers this payment: its own, or the one that began the subscription."""
        return next((order for order in (self.order, self.started_by) if order and order.consented_at), None)

    def mails(self) -> list[OutgoingMail]:
        """Mails that speak of any of it, in the order in which they were owed."""
        about = Q(context__seat_id__in=_ids(self.seats)) | Q(context__grant_id__in=_ids(self.grants))
        about |= Q(context__refund_id__in=_ids(self.refunds))
        if self.order:
            about |= Q(context__order_id=self.order.pk)
        if self.invoice:
            about |= Q(context__invoice_id=self.invoice.pk)
        if self.subscription:
            about |= Q(context__subscription_id=self.subscription.pk)
            about |= Q(context__notice_id__in=_ids(self.subscription.renewal_notices.all()))
        return list(OutgoingMail.objects.filter(about).order_by("id"))

    def moves_by_seat(self) -> dict[int, list[tuple[datetime, str]]]:
        """When each seat was moved to another session, and out of which."""
        ids = [str(seat.pk) for seat in self.seats]
        moved = AuditEntry.objects.filter(target_type="sessions_live.seat", target_id__in=ids, verb="moved").order_by("at", "id")
        titles = dict(LiveSession.objects.filter(pk__in=[move.detail["from"] for move in moved]).values_list("pk", "title"))
        moves: dict[int, list[tuple[datetime, str]]] = {}
        for move in moved:
            moves.setdefault(int(move.target_id), []).append((move.at, titles[move.detail["from"]]))
        return moves

    def audit_entries(self) -> list[AuditEntry]:
        """What people and Stripe did to any of it, oldest first."""
        single = [row for row in (self.order, self.payment, self.subscription) if row]
        about = Q()
        for row in (*single, *self.seats, *self.grants, *self.refunds, *self.disputes):
            about |= Q(target_type=row._meta.label_lower, target_id=str(row.pk))
        return list(AuditEntry.objects.filter(about).select_related("actor").order_by("at", "id"))


def evidence_pack(*, payment: Payment, now: datetime) -> bytes:
    """A ZIP with `evidence.txt`, readable by anybody, and the mails as they were sent, but those with a door or a code."""
    history = _History(payment)
    mails, packed = history.mails(), io.BytesIO()
    with ZipFile(packed, "w", ZIP_DEFLATED) as archive:
        archive.writestr("evidence.txt", "\n".join(_text(history, mails, now)) + "\n")
        for mail in mails:
            if _is_shown(mail):
                archive.writestr(_file_of(mail), bytes(mail.sent_bytes or b""))
    return packed.getvalue()


def _text(history: _History, mails: list[OutgoingMail], now: datetime) -> Iterator[str]:
    yield f"Evidence for payment {history.payment.stripe_payment_intent_id}, put together {house_time(now)}"
    chapters = (
        ("Who paid, and what for", _purchase(history)),
        ("Terms accepted", _terms(history)),
        ("Seats", _seats(history)),
        ("Credits", _credits(history)),
        ("Mails sent", _mails(mails)),
        ("Refunds", _refunds(history)),
        ("Disputes", _disputes(history)),
        ("Who did what", _audit(history)),
    )
    for heading, lines in chapters:
        yield from ("", RULER, heading, RULER)
        yield from list(lines) or ["None."]


def _purchase(history: _History) -> Iterator[str]:
    payment, order, user = history.payment, history.order, history.payment.subscriber.user
    yield f"Buyer: {user.name}, {user.email}{f', {user.firm}' if user.firm else ''}"
    yield f"Account opened: {house_time(user.date_joined)}"
    if order:
        yield f"Order {order.number}: {_what(order)}, {format_money(order.amount_minor, order.currency)}"
        yield f"Ordered: {house_time(order.created_at)}"
        yield f"Paid: {_when(order.paid_at)}; given: {_when(order.fulfilled_at)}"
    elif history.started_by:
        yield f"Renewal of the subscription that order {history.started_by.number} began"
    yield f"Charged: {format_money(payment.amount_minor, payment.currency)} at {house_time(payment.captured_at)}"
    yield f"At Stripe: payment {payment.stripe_payment_intent_id}, charge {payment.stripe_charge_id}"
    if payment.stripe_invoice_id:
        yield f"Invoice: {payment.stripe_invoice_id}{f', number {history.invoice.number}' if history.invoice else ''}"
    for label, url in _papers(history):
        yield f"{label}: {url}"


def _papers(history: _History) -> list[tuple[str, str]]:
    papers, order = history.invoice or history.order, history.order
    receipt = history.payment.receipt_url or (order.receipt_url if order else "")
    found = [("Receipt", receipt)]
    if papers:
        found += [("Invoice online", papers.hosted_invoice_url), ("Invoice as PDF", papers.invoice_pdf_url)]
    return [(label, url) for label, url in found if url]


def _terms(history: _History) -> Iterator[str]:
    order = history.terms
    if order:
        yield f"Version {order.consent_version}, accepted {_when(order.consented_at)} with order {order.number}, by ticking a box"
        yield f"Word for word: {order.consent_text or 'the words of that version'}"


def _seats(history: _History) -> Iterator[str]:
    moves = history.moves_by_seat()
    for seat in history.seats:
        live_session = seat.live_session
        yield f"{live_session.title}, {house_time(live_session.starts_at)}, seat {seat.number}: {seat.state}"
        yield f"  For {seat.attendee_name}, {seat.attendee_email}; paid with: {seat.coverage.get_kind_display()}"
        yield f"  Confirmed: {_when(seat.confirmed_at)}; entered the session: {_entered(seat)}"
        for moved_at, title in moves.get(seat.pk, []):
            yield f"  Moved: {house_time(moved_at)}, out of {title}"
        for hand_over in seat.hand_overs.all():
            yield f"  Handed over: {house_time(hand_over.made_at)}, from {hand_over.from_email} to {hand_over.to_email}"
        if seat.canceled_at:
            yield f"  Canceled: {house_time(seat.canceled_at)} by the {seat.canceled_by}: {seat.canceled_reason}"


def _credits(history: _History) -> Iterator[str]:
    for grant in history.grants:
        span = f"good from {house_time(grant.valid_from)} until {house_time(grant.expires_at)}"
        yield f"{grant.credits} credits ({grant.get_source_display()}), {span}, {grant.balance} left"
        for entry in grant.entries.select_related("seat__live_session"):
            session = f" for {entry.seat.live_session.title}" if entry.seat else ""
            yield f"  {house_time(entry.at)}: {entry.get_kind_display()} {entry.delta:+d}{session}, {entry.balance_after} left"


def _mails(mails: Iterable[OutgoingMail]) -> Iterator[str]:
    for mail in mails:
        yield f"{kinds.label_of(mail.kind)} to {mail.recipient}: {mail.state}{f' ({mail.reason})' if mail.reason else ''}"
        if mail.sent_at:
            yield f"  Sent {house_time(mail.sent_at)}, subject: {mail.subject}"
            yield f"  Message-ID {mail.message_id}, SHA-256 of what was sent: {mail.sent_sha256 or 'not kept'}"
            yield (
                f"  As sent: {_file_of(mail)}"
                if _is_shown(mail)
                else "  Its body holds a personal link or code, and is not kept."
            )


def _refunds(history: _History) -> Iterator[str]:
    for refund in history.refunds:
        amount = format_money(refund.amount_minor, refund.currency)
        yield f"{house_time(refund.created_at)}: {amount}, {refund.state}: {refund.note or refund.get_reason_display()}"
        yield f"  At Stripe: {refund.stripe_refund_id or 'not there'}; credit note: {refund.stripe_credit_note_id or 'none'}"
    paid_back = Case.objects.filter(payment=history.payment, outcome=Case.Outcome.PAID_BACK).order_by("settled_at", "id")
    for case in paid_back:
        amount = format_money(case.paid_back_minor or 0, case.paid_back_currency)
        yield f"{_when(case.settled_at)}: {amount} past Stripe: {case.resolution}"


def _disputes(history: _History) -> Iterator[str]:
    for dispute in history.disputes:
        amount = format_money(dispute.amount_minor, dispute.currency)
        yield f"{house_time(dispute.opened_at)}: {dispute.stripe_dispute_id}, {amount}, {dispute.reason}: {dispute.status}"
        yield f"  Evidence due: {_when(dispute.evidence_due_at)}; closed: {_when(dispute.closed_at)}"


def _audit(history: _History) -> Iterator[str]:
    for entry in history.audit_entries():
        who = str(entry.actor) if entry.actor else entry.actor_label
        yield f"{house_time(entry.at)}: {who} {entry.verb} {entry.target_type} {entry.target_id} {entry.reason}".rstrip()


def _is_shown(mail: OutgoingMail) -> bool:
    return mail.sent_bytes is not None and not kinds.is_private(mail.kind)


def _file_of(mail: OutgoingMail) -> str:
    return f"mails/{mail.pk}-{mail.kind}.eml"


def _what(order: Order) -> str:
    if order.live_session is None:
        return "a year"
    seats = "a seat" if order.quantity == 1 else f"{order.quantity} seats"
    return f"{seats} in {order.live_session.title}"


def _entered(seat: Seat) -> str:
    if seat.state == Seat.State.ATTENDED and seat.entered_at is None:
        return "was there, as staff noted"
    return _when(seat.entered_at)


def _when(moment: datetime | None) -> str:
    return house_time(moment) if moment else "not"


def _ids(rows: Iterable[Model]) -> list[int]:
    return [row.pk for row in rows]
