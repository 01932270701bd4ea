"""One address of each kind of page at the desk, with rows behind it that are as unwieldy as rows may be. Runs backstage."""

import uuid
from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.test import Client
from django.urls import NoReverseMatch, URLPattern, reverse

from redreport import clock
from redreport.accounts.models import User
from redreport.desk import urls
from redreport.desk.announcements import announce
from redreport.desk.models import Job
from redreport.desk.samples.previews import all_samples
from redreport.desk.views import roster
from redreport.local.demo_accounts import STAFF_EMAIL
from redreport.text import FIRM_LENGTH, NAME_LENGTH
from sessions_live.models import LiveSession, ScheduleChange, Seat
from sessions_live.operations.seats import Attendee
from subscriptions.operations.comps import give_complimentary_seat
from subscriptions.operations.moves import move_live_session_and_follow

# Files, and a mail's own HTML: nothing of them is laid out by the desk. The rows of the books want a figure to be chosen.
NO_PAGES = {"desk_books_plot", "desk_books_table", "desk_books_rows_file", "desk_mail_preview_html", "desk_books_rows"}

WITH_SEATS = {act.page for act in roster.WITH_SEATS}


def make_unwieldy(*, slug: str) -> None:
    """A guest whose name, firm and address are each one endless word; a move and an announcement of their session."""
    live_session, staff, now = LiveSession.objects.get(slug=slug), User.objects.get(email=STAFF_EMAIL), clock.now()
    guest = Attendee("W" * NAME_LENGTH, f"{'w' * 64}@{'w' * 60}.example", "M" * FIRM_LENGTH)
    give_complimentary_seat(live_session_id=live_session.pk, attendee=guest, actor=staff, reason="R" * 200, now=now)
    move_live_session_and_follow(
        live_session_id=live_session.pk,
        starts_at=live_session.starts_at + timedelta(days=1),
        duration_minutes=live_session.duration_minutes,
        message="",
        reason="R" * 200,
        actor=staff,
        now=now,
    )
    announce(
        live_session_id=live_session.pk,
        request_id=uuid.uuid4(),
        subject="S" * 120,
        body=f"https://redreport.example/{'b' * 500}",
        to_waiting=False,
        actor=staff,
        now=now,
    )


def every_page(*, slug: str) -> list[str]:
    """Of Django admin's own pages one of each model, and all of the desk's own."""
    return [reverse("admin:index"), *_pages_of_models(), *_own_pages(slug)]


def _pages_of_models() -> list[str]:
    found = []
    for model in admin.site._registry:
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        found.append(reverse(f"{name}_changelist"))
        # The newest has the longest words.
        if row := model._default_manager.order_by("-pk").first():
            found += [reverse(f"{name}_change", args=[row.pk]), reverse(f"{name}_history", args=[row.pk])]
        if f"{name}_add" in ("admin:sessions_live_livesession_add", "admin:accounts_user_add"):
            found.append(reverse(f"{name}_add"))
    return found


def _own_pages(slug: str) -> list[str]:
    live_session = LiveSession.objects.get(slug=slug)
    draft = LiveSession.objects.filter(state=LiveSession.State.DRAFTED).order_by("-id").first()
    seat = Seat.objects.filter(live_session=live_session).order_by("-id")[0]
    job = Job.objects.order_by("-id").first()
    mail = all_samples()[0]
    rows: dict[str, dict[str, Any]] = {
        "sessions": {"pk": live_session.pk, "seat_id": seat.pk},
        "seats": {"pk": seat.pk},
        "jobs": {"public_id": job.public_id} if job else {},
        "changes": {"pk": ScheduleChange.objects.get(live_session=live_session).pk},
        "announcements": {"public_id": live_session.announcements.get().public_id},
        "mails": {"kind": mail.kind, "variant": mail.variant},
    }
    found = []
    for pattern in urls.urlpatterns:
        assert isinstance(pattern, URLPattern)
        name, route = str(pattern.name), str(pattern.pattern)
        if name in NO_PAGES:
            continue
        values = rows.get(route.partition("/")[0], {})
        if name == "desk_preview_session" and draft:
            values = {"pk": draft.pk}
        wanted = {key: value for key, value in values.items() if f":{key}>" in route or f"<{key}>" in route}
        try:
            address = reverse(f"admin:{name}", kwargs=wanted)
        except NoReverseMatch:
            raise AssertionError(f"no row is known for {route}") from None
        if _can_be_looked_at(address):
            found.append(f"{address}?seat={seat.pk}" if name in WITH_SEATS else address)
    return found


def _can_be_looked_at(address: str) -> bool:
    """Whether it is a page, and not something that only a button does."""
    answer = Client(headers={"host": "127.0.0.1"}).options(address)
    return "GET" in answer.headers.get("Allow", "GET")
