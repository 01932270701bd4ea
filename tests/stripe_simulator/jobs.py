"""What the clock can bring about, by the name that its timers carry."""

from .clock import Job
from .resources import checkout, refunds, subscriptions

JOBS: dict[str, Job] = {
    "end_subscription": subscriptions.end_when_due,
    "expire_checkout_session": checkout.expire_when_due,
    "settle_refund": refunds.settle_when_due,
}
