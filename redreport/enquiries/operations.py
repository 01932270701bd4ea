"""Taking an enquiry in, and taking it off the desk's pile."""

import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta

from django.db import transaction

from redreport import audit, policy
from redreport.accounts.models import User
from redreport.enquiries.errors import TooManyEnquiries
from redreport.enquiries.mails import queue_arrived, queue_received
from redreport.enquiries.models import Enquiry
from redreport.enquiries.selectors import sent_within
from redreport.transactions import retried

AN_HOUR = timedelta(hours=1)


@retried
def send_enquiry(*, request_id: uuid.UUID, email: str, now: datetime, **written: str) -> Enquiry:
    """Take an enquiry in and owe both mails: to who asks, and to the desk. `written` holds name, firm, need and scope. The same
    words sent again under one `request_id` change nothing and return the enquiry of the first time.

    Refuses with TooManyEnquiries what exceeds `policy.MOST_ENQUIRIES_PER_HOUR` of an address.
    """
    email = email.strip().lower()
    key = _key_of(request_id, {**written, "email": email})
    with transaction.atomic():
        # No lock. Of rivals with one key the second fails on it and begins again; one more of an address does no harm.
        known = Enquiry.objects.filter(key=key).first()
        if known:
            return known
        if sent_within(AN_HOUR, email=email, now=now) >= policy.MOST_ENQUIRIES_PER_HOUR:
            raise TooManyEnquiries
        enquiry = Enquiry.objects.create(key=key, email=email, created_at=now, **written)
        queue_received(enquiry, now=now)
        queue_arrived(enquiry, now=now)
        return enquiry


def mark_enquiry(*, enquiry_id: int, state: str, actor: User, now: datetime) -> bool:
    """Note that an enquiry was answered, closed or, by mistake, neither. False, and nothing written, if it is so already."""
    with transaction.atomic():
        # Locks: the enquiry. Two colleagues who mark it at once are written down one after the other.
        enquiry = Enquiry.objects.select_for_update(no_key=True).get(pk=enquiry_id)
        if enquiry.state == state:
            return False
        is_open = state == Enquiry.State.NEW
        enquiry.state = state
        enquiry.handled_by, enquiry.handled_at = (None, None) if is_open else (actor, now)
        enquiry.save(update_fields=["state", "handled_by", "handled_at"])
        audit.record(actor=actor, verb=f"enquiry_{'opened_again' if is_open else state}", target=enquiry, now=now)
        return True


def _key_of(request_id: uuid.UUID, written: Mapping[str, str]) -> uuid.UUID:
    """Who goes back, changes the text and sends it again, means another enquiry."""
    return uuid.uuid5(request_id, "\x1f".join(f"{name}={written[name]}" for name in sorted(written)))
