"""Which address of Stripe's API is answered by which function, and checked against which of the SDK's typed params."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .errors import ApiError
from .jsontypes import Json
from .resources import (
    account,
    catalog,
    checkout,
    credit_notes,
    customers,
    disputes,
    endpoints,
    event_log,
    fraud_warnings,
    invoice_actions,
    invoice_payments,
    invoices,
    payments,
    portal,
    promotions,
    refunds,
    subscription_pauses,
    subscriptions,
    tax_ids,
    taxes,
    upcoming,
)

if TYPE_CHECKING:
    from .simulator import Simulator

Act = Callable[["Simulator", Any], Json]


@dataclass(frozen=True)
class Route:
    method: str
    pattern: re.Pattern[str]
    params: str
    act: Act


def route(address: str, params: str, act: Act) -> Route:
    method, _, path = address.partition(" ")
    return Route(method, re.compile("^" + re.sub(r"\{\w+\}", r"([^/]+)", path) + "$"), params, act)


ROUTES = [
    route("GET /v1/account", "AccountRetrieveCurrentParams", account.retrieve),
    route("POST /v1/billing_portal/configurations", "billing_portal.ConfigurationCreateParams", portal.create_configuration),
    route("GET /v1/billing_portal/configurations", "billing_portal.ConfigurationListParams", portal.list_configurations),
    route(
        "GET /v1/billing_portal/configurations/{id}", "billing_portal.ConfigurationRetrieveParams", portal.retrieve_configuration
    ),
    route("POST /v1/billing_portal/configurations/{id}", "billing_portal.ConfigurationUpdateParams", portal.update_configuration),
    route("POST /v1/billing_portal/sessions", "billing_portal.SessionCreateParams", portal.create_session),
    route("GET /v1/charges", "ChargeListParams", payments.list_charges),
    route("GET /v1/charges/{id}", "ChargeRetrieveParams", payments.retrieve_charge),
    route("POST /v1/checkout/sessions", "checkout.SessionCreateParams", checkout.create),
    route("GET /v1/checkout/sessions", "checkout.SessionListParams", checkout.list_sessions),
    route("GET /v1/checkout/sessions/{id}", "checkout.SessionRetrieveParams", checkout.retrieve),
    route("POST /v1/checkout/sessions/{id}/expire", "checkout.SessionExpireParams", checkout.expire),
    route("GET /v1/checkout/sessions/{id}/line_items", "checkout.SessionListLineItemsParams", checkout.list_line_items),
    route("POST /v1/credit_notes", "CreditNoteCreateParams", credit_notes.create),
    route("GET /v1/credit_notes", "CreditNoteListParams", credit_notes.list_credit_notes),
    route("GET /v1/credit_notes/{id}", "CreditNoteRetrieveParams", credit_notes.retrieve),
    route("GET /v1/credit_notes/{id}/lines", "CreditNoteLineItemListParams", credit_notes.list_lines),
    route("POST /v1/coupons", "CouponCreateParams", promotions.create_coupon),
    route("GET /v1/coupons", "CouponListParams", promotions.list_coupons),
    route("GET /v1/coupons/{id}", "CouponRetrieveParams", promotions.retrieve_coupon),
    route("POST /v1/coupons/{id}", "CouponUpdateParams", promotions.update_coupon),
    route("POST /v1/customers", "CustomerCreateParams", customers.create),
    route("GET /v1/customers", "CustomerListParams", customers.list_customers),
    route("GET /v1/customers/{id}", "CustomerRetrieveParams", customers.retrieve),
    route("POST /v1/customers/{id}", "CustomerUpdateParams", customers.update),
    route("DELETE /v1/customers/{id}", "CustomerDeleteParams", customers.delete),
    route("GET /v1/disputes", "DisputeListParams", disputes.list_disputes),
    route("GET /v1/disputes/{id}", "DisputeRetrieveParams", disputes.retrieve),
    route("POST /v1/disputes/{id}", "DisputeUpdateParams", disputes.update),
    route("POST /v1/disputes/{id}/close", "DisputeCloseParams", disputes.close),
    route("POST /v1/customers/{id}/tax_ids", "CustomerTaxIdCreateParams", tax_ids.create),
    route("GET /v1/customers/{id}/tax_ids", "CustomerTaxIdListParams", tax_ids.list_tax_ids),
    route("GET /v1/customers/{id}/tax_ids/{tax_id}", "CustomerTaxIdRetrieveParams", tax_ids.retrieve),
    route("DELETE /v1/customers/{id}/tax_ids/{tax_id}", "CustomerTaxIdDeleteParams", tax_ids.delete),
    route("GET /v1/events", "EventListParams", event_log.list_events),
    route("GET /v1/events/{id}", "EventRetrieveParams", event_log.retrieve),
    route("GET /v1/invoice_payments", "InvoicePaymentListParams", invoice_payments.list_payments),
    route("GET /v1/invoice_payments/{id}", "InvoicePaymentRetrieveParams", invoice_payments.retrieve_payment),
    route("GET /v1/invoices", "InvoiceListParams", invoices.list_invoices),
    route("POST /v1/invoices/create_preview", "InvoiceCreatePreviewParams", upcoming.create_preview),
    route("GET /v1/invoices/{id}", "InvoiceRetrieveParams", invoices.retrieve),
    route("GET /v1/invoices/{id}/lines", "InvoiceListLinesParams", invoices.list_lines),
    route("POST /v1/invoices/{id}/mark_uncollectible", "InvoiceMarkUncollectibleParams", invoice_actions.mark_uncollectible),
    route("POST /v1/invoices/{id}/pay", "InvoicePayParams", invoice_actions.pay),
    route("POST /v1/invoices/{id}/void", "InvoiceVoidInvoiceParams", invoice_actions.void),
    route("GET /v1/payment_intents", "PaymentIntentListParams", payments.list_payment_intents),
    route("GET /v1/payment_intents/{id}", "PaymentIntentRetrieveParams", payments.retrieve_payment_intent),
    route("GET /v1/payment_methods", "PaymentMethodListParams", payments.list_payment_methods),
    route("GET /v1/payment_methods/{id}", "PaymentMethodRetrieveParams", payments.retrieve_payment_method),
    route("POST /v1/prices", "PriceCreateParams", catalog.create_price),
    route("GET /v1/prices", "PriceListParams", catalog.list_prices),
    route("GET /v1/prices/{id}", "PriceRetrieveParams", catalog.retrieve_price),
    route("POST /v1/prices/{id}", "PriceUpdateParams", catalog.update_price),
    route("POST /v1/products", "ProductCreateParams", catalog.create_product),
    route("GET /v1/products", "ProductListParams", catalog.list_products),
    route("GET /v1/products/{id}", "ProductRetrieveParams", catalog.retrieve_product),
    route("POST /v1/products/{id}", "ProductUpdateParams", catalog.update_product),
    route("GET /v1/radar/early_fraud_warnings", "radar.EarlyFraudWarningListParams", fraud_warnings.list_warnings),
    route("GET /v1/radar/early_fraud_warnings/{id}", "radar.EarlyFraudWarningRetrieveParams", fraud_warnings.retrieve),
    route("POST /v1/promotion_codes", "PromotionCodeCreateParams", promotions.create_code),
    route("GET /v1/promotion_codes", "PromotionCodeListParams", promotions.list_codes),
    route("GET /v1/promotion_codes/{id}", "PromotionCodeRetrieveParams", promotions.retrieve_code),
    route("POST /v1/promotion_codes/{id}", "PromotionCodeUpdateParams", promotions.update_code),
    route("POST /v1/refunds", "RefundCreateParams", refunds.create),
    route("GET /v1/refunds", "RefundListParams", refunds.list_refunds),
    route("GET /v1/refunds/{id}", "RefundRetrieveParams", refunds.retrieve),
    route("POST /v1/refunds/{id}", "RefundUpdateParams", refunds.update),
    route("POST /v1/refunds/{id}/cancel", "RefundCancelParams", refunds.cancel),
    route("GET /v1/subscriptions", "SubscriptionListParams", subscriptions.list_subscriptions),
    route("GET /v1/subscriptions/{id}", "SubscriptionRetrieveParams", subscriptions.retrieve),
    route("POST /v1/subscriptions/{id}", "SubscriptionUpdateParams", subscriptions.update),
    route("DELETE /v1/subscriptions/{id}", "SubscriptionCancelParams", subscriptions.cancel),
    route("POST /v1/subscriptions/{id}/pause", "SubscriptionPauseParams", subscription_pauses.pause),
    route("POST /v1/subscriptions/{id}/resume", "SubscriptionResumeParams", subscription_pauses.resume),
    route("GET /v1/tax_rates/{id}", "TaxRateRetrieveParams", taxes.retrieve_rate),
    route("POST /v1/webhook_endpoints", "WebhookEndpointCreateParams", endpoints.create),
    route("GET /v1/webhook_endpoints", "WebhookEndpointListParams", endpoints.list_endpoints),
    route("GET /v1/webhook_endpoints/{id}", "WebhookEndpointRetrieveParams", endpoints.retrieve),
    route("POST /v1/webhook_endpoints/{id}", "WebhookEndpointUpdateParams", endpoints.update),
    route("DELETE /v1/webhook_endpoints/{id}", "WebhookEndpointDeleteParams", endpoints.delete),
]


def find_route(method: str, path: str) -> tuple[Route, tuple[str, ...]]:
    """The route of this address and the ids in it; unknown addresses are refused."""
    for candidate in ROUTES:
        match = candidate.pattern.match(path) if candidate.method == method else None
        if match:
            return candidate, match.groups()
    raise ApiError(
        404,
        "invalid_request_error",
        f"Unrecognized request URL ({method}: {path}). Please see https://stripe.com/docs or we can help at "
        "https://support.stripe.com/.",
    )
