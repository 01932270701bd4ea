"""Who wants which optional mails, by address; and the link in each of them that ends them with one click."""

from datetime import datetime

from django.core import signing

from redreport.addresses import address_of
from redreport.outbox import kinds
from redreport.outbox.kinds import Topic
from redreport.outbox.models import MailWish

SALT = "outbox.unsubscribe"


def wants_mail(*, email: str, topic: Topic) -> bool:
    """Whether this address wants the topic: what it said last, else the topic's default."""
    said = MailWish.objects.filter(email__iexact=email, topic=topic.name).values_list("is_wanted", flat=True).first()
    return topic.is_wanted_unasked if said is None else said


def say_wish(*, email: str, topic: Topic, is_wanted: bool, now: datetime) -> None:
    """Note what an address wants; saying it again changes nothing. The caller has made sure that the address may speak."""
    MailWish.objects.bulk_create(
        [MailWish(email=email.lower(), topic=topic.name, is_wanted=is_wanted, said_at=now)],
        ignore_conflicts=True,
    )
    changed = MailWish.objects.filter(email__iexact=email, topic=topic.name).exclude(is_wanted=is_wanted, is_bounced=False)
    changed.update(is_wanted=is_wanted, is_bounced=False, said_at=now)


def stop_optional_mails(*, email: str, now: datetime) -> None:
    """Send an address to which mail came back nothing more that its reader need not get, until they say anew that they want it.

    They did not say no: a topic that they wanted is wanted again at the address that they have next.
    """
    for topic in kinds.topics().values():
        if wants_mail(email=email, topic=topic):
            say_wish(email=email, topic=topic, is_wanted=False, now=now)
            MailWish.objects.filter(email__iexact=email, topic=topic.name).update(is_bounced=True)


def carry_wishes(*, from_email: str, to_email: str, now: datetime) -> None:
    """Let what one address said hold for another of the same person; where the other has said something itself, that counts."""
    said = MailWish.objects.filter(email=from_email.lower())
    carried = [
        MailWish(email=to_email.lower(), topic=wish.topic, is_wanted=wish.is_wanted or wish.is_bounced, said_at=now)
        for wish in said
    ]
    MailWish.objects.bulk_create(carried, ignore_conflicts=True)


def unsubscribe_url(*, email: str, topic: Topic) -> str:
    """The address that ends a topic for an address: GET asks, POST does it, as RFC 8058 has mail programs do."""
    return address_of("pages:unsubscribe", _token(email, topic))


def wish_behind(token: str) -> tuple[str, Topic] | None:
    """The address and the topic that an unsubscribe link names; None for one that was forged or whose topic is gone."""
    try:
        topic_name, email = signing.loads(token, salt=SALT)
    except (signing.BadSignature, ValueError):
        return None
    topic = kinds.topics().get(topic_name)
    return (email, topic) if topic else None


def _token(email: str, topic: Topic) -> str:
    return signing.dumps([topic.name, email.lower()], salt=SALT)
