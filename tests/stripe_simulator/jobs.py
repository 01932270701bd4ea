"""What the clock can bring about, by the name that its timers carry."""

from . import card_troubles, renewals
from .clock import Job
from .resources import checkout, discounts, disputes, promotions, refunds, subscription_pauses, subscriptions

JOBS: dict[str, Job] = {
    "announce_renewal": renewals.announce_when_due,
    "collect_invoice": renewals.collect_when_due,
    "end_discount": discounts.end_when_due,
    "end_subscription": subscriptions.end_when_due,
    "expire_checkout_session": checkout.expire_when_due,
    "follow_payment": card_troubles.follow_when_due,
    "lose_dispute": disputes.lose_when_due,
    "expire_coupon": promotions.expire_coupon_when_due,
    "expire_promotion_code": promotions.expire_code_when_due,
    "renew_subscription": renewals.renew_when_due,
    "resume_collection": subscription_pauses.resume_collection_when_due,
    "settle_refund": refunds.settle_when_due,
}
