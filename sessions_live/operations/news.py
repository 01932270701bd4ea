"""Telling readers who asked for it of new sessions: a season that is published in one go is one mail."""

from datetime import datetime
from functools import partial

from django.db import transaction
from django.db.models import Exists, Max, OuterRef, QuerySet

from redreport import policy
from redreport.accounts.models import User
from redreport.dispatch import hand_to_worker
from redreport.outbox.models import MailWish
from redreport.outbox.queue import OwedMail, queue_mails
from sessions_live.mails.news import NEW_SESSIONS, NEWS
from sessions_live.models import LiveSession, SessionNews

TELL_NEWS = "sessions_live.tell_news"
BATCH = 500


def tell_news(*, now: datetime) -> int:
    """Begin a news if sessions wait for one, and owe the mails of a batch of readers for each that is not finished; returns how
    many mails. After a full batch the next is asked for at once."""
    _begin_news(now)
    unfinished = SessionNews.objects.filter(finished_at__isnull=True).order_by("pk").values_list("pk", flat=True)
    return sum(_tell_batch(news_id, now) for news_id in unfinished)


def _begin_news(now: datetime) -> None:
    """Gather what was published and nobody was told of, once there was no further publication for a while."""
    untold = LiveSession.objects.filter(news__isnull=True, state=LiveSession.State.PUBLISHED, starts_at__gt=now)
    last = untold.aggregate(last=Max("published_at"))["last"]
    if last is None or last > now - policy.NEWS_AFTER_LAST_PUBLICATION:
        return
    with transaction.atomic():
        # Locked by id. The race: two sweeps gather the same sessions; the second finds that they have their news by then.
        gathered = [live_session.pk for live_session in untold.select_for_update(no_key=True).order_by("pk")]
        if gathered:
            news = SessionNews.objects.create(created_at=now)
            LiveSession.objects.filter(pk__in=gathered).update(news=news)


def _tell_batch(news_id: int, now: datetime) -> int:
    with transaction.atomic():
        # The news' lock: of two sweeps one takes this batch, and the other leaves it alone.
        unfinished = SessionNews.objects.select_for_update(skip_locked=True).filter(pk=news_id, finished_at__isnull=True)
        news = unfinished.first()
        if news is None:
            return 0
        readers = list(_readers_who_asked().filter(pk__gt=news.last_user_id).order_by("pk")[:BATCH])
        told = queue_mails(
            [
                OwedMail(NEWS, f"{NEWS}:{news.pk}:{user.pk}", user.email, {"news_id": news.pk, "user_id": user.pk})
                for user in readers
            ],
            now=now,
        )
        if len(readers) == BATCH:
            news.last_user_id = readers[-1].pk
            transaction.on_commit(partial(hand_to_worker, TELL_NEWS))
        else:
            news.finished_at = now
        news.save(update_fields=["last_user_id", "finished_at"])
        return told


def _readers_who_asked() -> QuerySet[User]:
    asked = MailWish.objects.filter(email=OuterRef("email"), topic=NEW_SESSIONS.name, is_wanted=True)
    return User.objects.filter(Exists(asked), is_active=True)
