"""The address that Stripe calls: verify, store once, answer 200. Everything else happens in a worker."""

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from redreport import clock
from redreport.dispatch import hand_to_worker
from subscriptions import stripe_gateway as gateway
from subscriptions.errors import BadSignature
from subscriptions.models import Price
from subscriptions.tasks import process_event_task
from subscriptions.webhooks.inbox import store_event

log = structlog.get_logger(__name__)

MOST_BYTES = 512 * 1024


@csrf_exempt
@require_POST
def receive(request: HttpRequest) -> HttpResponse:
    """400 for what Stripe did not sign for us just now, or what is too large; else 200 once the event is stored."""
    payload = request.read(MOST_BYTES + 1)
    if len(payload) > MOST_BYTES:
        return HttpResponse("Too large.", status=400)
    now = clock.now()
    try:
        event = gateway.verify_event(
            payload=payload,
            signature=request.headers.get("Stripe-Signature", ""),
            secrets=settings.STRIPE_WEBHOOK_SECRETS,
            now=now,
        )
    except BadSignature:
        return HttpResponse("Not signed for us, or not now.", status=400)
    if event.livemode != settings.STRIPE_LIVEMODE:
        log.warning("stripe_event_of_other_mode", stripe_event=event.id, livemode=event.livemode)
        return HttpResponse("Not of this mode.", status=400)
    if event.account and not Price.objects.filter(stripe_account_id=event.account).exists():
        log.warning("stripe_event_of_other_account", stripe_event=event.id)
        return HttpResponse("Not of this account.", status=400)
    row, is_new = store_event(event=event, now=now)
    if is_new and row.due_at:
        hand_to_worker(process_event_task, row.pk)
    return HttpResponse("Stored.")
