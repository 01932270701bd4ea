"""What is not well, in words, and what to do about it. No queries here: all is gathered before."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.urls import reverse

from redreport import policy
from redreport.desk.home.health import CaseCount, Machines, Mails, Webhooks
from redreport.desk.home.sessions import ComingSession
from redreport.enquiries.models import Enquiry
from redreport.enquiries.selectors import OpenEnquiries
from redreport.outbox.heartbeats import is_silent
from redreport.wording import counted, roughly
from subscriptions.models import Reconciliation, StripeEvent

TOO_LONG = timedelta(minutes=15)
# The comparison runs each hour and may take most of one.
NOT_COMPARED_FOR = timedelta(hours=3)
# Just deployed: it was not to be compared before.
FIRST_COMPARED_WITHIN = timedelta(hours=1)
TELL = "Tell whoever runs the program."
WAITS_IN = {
    "mail": "no mail goes out",
    "stripe": "payments are confirmed late, refunds and renewals wait",
    "celery": "reminders, the waitlist and jobs of the desk wait",
}


@dataclass(frozen=True)
class Trouble:
    """One thing that is not well."""

    words: str
    advice: str
    address: str = ""
    # Who may not see what stands at the address is not led there.
    permission: str = ""


def find_troubles(
    *,
    next_session: ComingSession | None,
    cases: Sequence[CaseCount] | None,
    enquiries: OpenEnquiries | None,
    webhooks: Webhooks | None,
    mails: Mails | None,
    machines: Machines | None,
    now: datetime,
) -> list[Trouble]:
    """The gravest first; none where all is well."""
    troubles: list[Trouble] = []
    if machines:
        troubles += _of_machines(machines, now)
    if webhooks:
        troubles += _of_webhooks(webhooks, now)
    if mails:
        troubles += _of_mails(mails, now)
    if next_session:
        troubles += _of_session(next_session)
    if cases:
        troubles += _of_cases(cases)
    if enquiries and enquiries.oldest:
        troubles.append(_of_enquiries(enquiries.number, now - enquiries.oldest))
    return troubles


def _of_machines(machines: Machines, now: datetime) -> Iterator[Trouble]:
    silent = {queue: at for queue, at in machines.heartbeats.items() if is_silent(at, now)}
    if len(silent) == len(machines.heartbeats):
        yield Trouble(
            "Nothing runs by itself: the clock (beat), the broker or all workers stand still.",
            f"Seats are still sold, and nothing is lost; mails and all else wait until it runs again. {TELL}",
        )
        return
    for queue, at in silent.items():
        heard = f"was last heard of {roughly(now - at)} ago" if at else "was never heard of"
        yield Trouble(f"The worker for “{queue}” {heard}: {WAITS_IN.get(queue, 'its tasks wait')}.", TELL)


def _of_webhooks(webhooks: Webhooks, now: datetime) -> Iterator[Trouble]:
    events = reverse("admin:subscriptions_stripeevent_changelist")
    last_run, run_address = webhooks.last_run, reverse("admin:subscriptions_reconciliation_changelist")
    if last_run and last_run.endpoint in (Reconciliation.Endpoint.DISABLED, Reconciliation.Endpoint.MISSING):
        yield Trouble(
            "Stripe does not tell us of its events any more: our webhook is switched off there.",
            f"Nothing is lost, since each hour all is compared; but news comes late. {TELL} (Running stripe_setup mends it.)",
            run_address,
        )
    if webhooks.oldest_waiting and webhooks.oldest_waiting < now - TOO_LONG:
        yield Trouble(
            f"{counted(webhooks.waiting, 'event')} of Stripe's not acted on, the oldest for "
            f"{roughly(now - webhooks.oldest_waiting)}.",
            f"They are tried again by themselves. If it goes on: {TELL.lower()}",
            f"{events}?state__exact={StripeEvent.State.RECEIVED}",
            "subscriptions.view_stripeevent",
        )
    if webhooks.failed:
        yield Trouble(
            f"{counted(webhooks.failed, 'event')} of Stripe's could not be acted on.",
            "Open it, see what stood in the way, and press Replay once that is mended.",
            f"{events}?state__exact={StripeEvent.State.FAILED}",
            "subscriptions.view_stripeevent",
        )
    if webhooks.paid_not_given:
        yield Trouble(
            f"{counted(webhooks.paid_not_given, 'order')} paid, and not given yet.",
            f"It is tried each minute. Look again in some minutes, and under Cases; if it stays: {TELL.lower()}",
            reverse("admin:subscriptions_order_changelist"),
            "subscriptions.view_order",
        )
    is_new = webhooks.began_at is not None and webhooks.began_at > now - FIRST_COMPARED_WITHIN
    if not is_new and (last_run is None or last_run.started_at < now - NOT_COMPARED_FOR):
        when = f"for {roughly(now - last_run.started_at)}" if last_run else "yet"
        yield Trouble(f"Our books were not compared with Stripe's {when}.", TELL, run_address)


def _of_mails(mails: Mails, now: datetime) -> Iterator[Trouble]:
    if mails.oldest_waiting and mails.oldest_waiting < now - TOO_LONG:
        yield Trouble(
            f"{counted(mails.waiting, 'mail')} waiting to go out, the oldest for {roughly(now - mails.oldest_waiting)}.",
            "They go out by themselves once the mail server takes them; the list says what it answers.",
            f"{reverse('admin:outbox_outgoingmail_changelist')}?state__exact=queued",
        )


def _of_session(coming: ComingSession) -> Iterator[Trouble]:
    if coming.undelivered:
        yield Trouble(
            f"{counted(coming.undelivered, 'mail')} about the next session did not arrive.",
            "Its roster says whose. Ask for the right address and hand the seat over to it.",
        )


def _of_cases(cases: Sequence[CaseCount]) -> Iterator[Trouble]:
    number = sum(count.number for count in cases)
    yield Trouble(
        f"{counted(number, 'case')} to decide.",
        "Each says what happened and what we propose.",
        reverse("admin:subscriptions_case_changelist"),
    )


def _of_enquiries(number: int, waited: timedelta) -> Trouble:
    words = "enquiry" if number == 1 else "enquiries"
    return Trouble(
        f"{number} {words} of institutions to answer, the oldest for {roughly(waited)}.",
        f"We promise a reply within {counted(policy.ENQUIRY_REPLY_BUSINESS_DAYS, 'business day')}. Mark it in the list then.",
        f"{reverse('admin:enquiries_enquiry_changelist')}?state__exact={Enquiry.State.NEW}",
    )
