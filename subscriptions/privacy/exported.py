"""What somebody bought, paid, agreed to and got back, by readable names."""

from typing import Any

from django.db.models import Q

from redreport.accounts.models import User
from redreport.accounts.privacy.exporting import at
from subscriptions.models import AutoBooking, CreditEntry, Dispute, Invoice, Order, Payment, Refund, RenewalNotice, Subscription


def bought_by(user: User) -> dict[str, Any]:
    """Everything that the books have of the account. Stripe's own addresses of invoices and receipts are in it."""
    orders = list(Order.objects.filter(subscriber__user=user).select_related("live_session").order_by("pk"))
    auto_booking = AutoBooking.objects.filter(subscriber__user=user).first()
    of_payments = Q(payment__subscriber__user=user)
    return {
        "orders": [_order(order) for order in orders],
        "consents": [
            {
                "order": order.number,
                "version": order.consent_version,
                "words": order.consent_text,
                "agreed_at": at(order.consented_at),
            }
            for order in orders
            if order.consented_at
        ],
        "payments": [_payment(row) for row in _rows(Payment, Q(subscriber__user=user), "order")],
        "refunds": [_refund(row) for row in _rows(Refund, of_payments, "payment__order")],
        "disputes": [
            {**_amount(row), "status": row.status, "opened_at": at(row.opened_at), "closed_at": at(row.closed_at)}
            for row in _rows(Dispute, of_payments)
        ],
        "invoices": [_invoice(row) for row in _rows(Invoice, Q(subscriber__user=user))],
        "years": [_year(row) for row in _rows(Subscription, Q(subscriber__user=user))],
        "renewal_notices": [
            {"renews_at": at(row.renews_at), "told": row.dossier}
            for row in _rows(RenewalNotice, Q(subscription__subscriber__user=user))
        ],
        "credits": [_credit(row) for row in _rows(CreditEntry, Q(grant__subscriber__user=user), "grant", "seat__live_session")],
        "is_booked_automatically_since": at(auto_booking.since) if auto_booking else None,
    }


def _rows(model: Any, whose: Q, *related: str) -> list[Any]:
    rows = model.objects.filter(whose).order_by("pk")
    return list(rows.select_related(*related) if related else rows)


def _amount(row: Any) -> dict[str, Any]:
    return {"amount_minor": row.amount_minor, "currency": row.currency}


def _order(order: Order) -> dict[str, Any]:
    return {
        "number": order.number,
        "for": order.live_session.title if order.live_session else "a year",
        "quantity": order.quantity,
        **_amount(order),
        "discount_minor": order.discount_minor,
        "tax_minor": order.tax_minor,
        "total_minor": order.total_minor,
        "state": order.state,
        "ordered_at": at(order.created_at),
        "paid_at": at(order.paid_at),
        "receipt": order.receipt_url or None,
        "invoice": order.hosted_invoice_url or None,
    }


def _payment(payment: Payment) -> dict[str, Any]:
    return {
        "order": payment.order.number if payment.order else None,
        **_amount(payment),
        "refunded_minor": payment.refunded_minor,
        "taken_at": at(payment.captured_at),
        "receipt": payment.receipt_url or None,
        "number_at_stripe": payment.stripe_payment_intent_id,
    }


def _refund(refund: Refund) -> dict[str, Any]:
    order = refund.payment.order
    return {
        "order": order.number if order else None,
        **_amount(refund),
        "state": refund.state,
        "why": refund.get_reason_display(),
        "owed_at": at(refund.created_at),
    }


def _invoice(invoice: Invoice) -> dict[str, Any]:
    return {
        "number": invoice.number,
        "status": invoice.status,
        "subtotal_minor": invoice.subtotal_minor,
        "discount_minor": invoice.discount_minor,
        "tax_minor": invoice.tax_minor,
        "total_minor": invoice.total_minor,
        "currency": invoice.currency,
        "made_at": at(invoice.created_at),
        "paid_at": at(invoice.paid_at),
        "page": invoice.hosted_invoice_url or None,
        "pdf": invoice.invoice_pdf_url or None,
    }


def _year(year: Subscription) -> dict[str, Any]:
    return {
        "status": year.status,
        "period_starts_at": at(year.current_period_start),
        "period_ends_at": at(year.current_period_end),
        "renews": year.renews,
        "card": str(year.card) if year.card else None,
        "card_expires": year.card_expires or None,
        "ended_at": at(year.ended_at),
        "number_at_stripe": year.stripe_subscription_id,
    }


def _credit(entry: CreditEntry) -> dict[str, Any]:
    return {
        "at": at(entry.at),
        "what": entry.get_kind_display(),
        "credits": entry.delta,
        "left_of_the_grant": entry.balance_after,
        "good_until": at(entry.grant.expires_at),
        "session": entry.seat.live_session.title if entry.seat else None,
        "why": entry.reason,
    }
