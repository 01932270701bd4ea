"""The home of the desk: one look says whether all is well, and each sees what is theirs to see."""

from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client
from django.test.utils import CaptureQueriesContext

from redreport import clock
from redreport.accounts.models import User
from redreport.outbox.heartbeats import note_heartbeat
from redreport.outbox.models import Heartbeat, OutgoingMail
from sessions_live.models import Host, LiveSession, Seat
from subscriptions.models import Case, Reconciliation, StripeEvent
from tests.factories import make_guest_seat, make_live_session, make_staff, make_user
from tests.outbox_helpers import owe_mail, register_test_kind
from tests.staff import desk_of, staff_who_may
from tests.test_metrics import make_event, make_paid_order

pytestmark = pytest.mark.django_db

MOST_QUERIES = 15


def home(user: User | None = None) -> str:
    answer = desk_of(user).get("/admin/")
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


@pytest.fixture
def healthy() -> None:
    """Workers live, and the last comparison with Stripe found nothing."""
    now = clock.now()
    for queue in settings.CELERY_TASK_QUEUES:
        note_heartbeat(queue=queue, now=now)
    Reconciliation.objects.create(started_at=now, finished_at=now, since=now, endpoint="enabled")


def test_one_line_says_that_all_is_well(healthy: None) -> None:
    page = home()
    assert "<strong>All is well.</strong>" in page
    assert "Not all is well" not in page
    assert "No session is coming" in page
    assert "Sign out" in page or "Log out" in page
    assert "Outgoing mails" in page  # The list of all tables stays below.


def test_before_anything_ever_ran_it_is_not_well() -> None:
    MigrationRecorder.Migration.objects.update(applied=clock.now() - timedelta(minutes=61))
    page = home()
    assert "Nothing runs by itself: the clock (beat), the broker or all workers stand still." in page
    assert "Our books were not compared with Stripe&#x27;s yet." in page


def test_in_the_first_hour_nothing_was_to_be_compared_yet(healthy: None) -> None:
    Reconciliation.objects.all().delete()
    MigrationRecorder.Migration.objects.update(applied=clock.now() - timedelta(minutes=59))
    page = home()
    assert ("All is well." in page, "not yet: it runs each hour" in page) == (True, True)
    assert "were not compared" not in page


def test_worker_that_is_silent_for_more_than_three_minutes_is_named(healthy: None) -> None:
    Heartbeat.objects.filter(queue="mail").update(beaten_at=clock.now() - timedelta(minutes=2, seconds=50))
    assert "All is well" in home()
    Heartbeat.objects.filter(queue="mail").update(beaten_at=clock.now() - timedelta(minutes=12))
    page = home()
    assert "The worker for “mail” was last heard of 12 minutes ago: no mail goes out." in page
    assert page.count("The worker for") == 1


def test_each_thing_that_is_not_well_is_said_with_what_to_do(healthy: None) -> None:
    now = clock.now()
    register_test_kind("test_plain")
    owe_mail(now=now - timedelta(hours=2))
    make_event("received", now - timedelta(hours=1))
    make_event("failed", now - timedelta(days=3))
    Reconciliation.objects.update(started_at=now - timedelta(hours=4), endpoint="disabled")
    type(make_paid_order(now)).objects.update(paid_at=now - timedelta(hours=1))
    for number in range(2):
        Case.objects.create(key=f"case:{number}", kind="refund_failed", summary="A test's", opened_at=now)
    page = home()
    for words in (
        "1 mail waiting to go out, the oldest for 2 hours.",
        "1 event of Stripe&#x27;s not acted on, the oldest for 60 minutes.",
        "1 event of Stripe&#x27;s could not be acted on.",
        "Stripe does not tell us of its events any more: our webhook is switched off there.",
        "Our books were not compared with Stripe&#x27;s for 4 hours.",
        "1 order paid, and not given yet.",
        "2 cases to decide.",
        "Refund failed</a>: 2, since",
    ):
        assert words in page, words
    assert page.index("waiting to go out") < page.index("2 cases to decide")
    assert 'href="/admin/subscriptions/stripeevent/?state__exact=failed"' in page


def test_what_passes_by_itself_is_no_trouble(healthy: None) -> None:
    now = clock.now()
    register_test_kind("test_plain")
    owe_mail(now=now - timedelta(minutes=14))
    owe_mail(key="test_plain:later", now=now, due_at=now + timedelta(days=1))
    make_event("received", now - timedelta(minutes=14))
    make_paid_order(now)
    Case.objects.create(key="1", kind="difference", state="settled", summary="-", opened_at=now, settled_at=now, resolution="-")
    assert "All is well" in home()


def test_next_session_is_counted_and_the_others_follow(healthy: None) -> None:
    later = make_live_session(starts_in=timedelta(days=40))
    live_session = make_live_session(starts_in=timedelta(minutes=10, seconds=30))
    make_live_session(starts_in=timedelta(days=1), published=False)
    LiveSession.objects.filter(pk=make_live_session(starts_in=timedelta(hours=1)).pk).update(state="canceled")
    seats = [make_guest_seat(live_session) for _ in range(3)]
    held = {"state": "held", "hold_expires_at": clock.now() + timedelta(minutes=5)}
    Seat.objects.filter(pk=seats[2].pk).update(**held)
    page = home()
    assert f"<h2>Next: {live_session.title}</h2>" in page
    assert "<strong>in 10 minutes</strong>" in page
    assert "<dt>Sold</dt><dd>2 of 12</dd>" in page
    assert "<dt>Held or offered</dt><dd>1</dd>" in page
    assert "<dt>Mails that did not arrive</dt><dd>0</dd>" in page
    assert f">{later.title}</a></th>" in page
    assert "in 40 days" in page or "in 39 days" in page
    mail = OutgoingMail.objects.get(context__seat_id=seats[0].pk)
    OutgoingMail.objects.filter(pk=mail.pk).update(state="failed")
    assert "1 mail about the next session did not arrive." in home()


def test_session_that_has_begun_is_the_next_until_it_is_over(healthy: None) -> None:
    live_session = make_live_session(starts_in=timedelta(minutes=-20))
    assert "began 20 minutes ago" in home()
    LiveSession.objects.filter(pk=live_session.pk).update(starts_at=clock.now() - timedelta(minutes=61))
    assert "No session is coming" in home()


def test_host_sees_only_the_sessions_they_host(healthy: None) -> None:
    theirs, others = make_live_session(starts_in=timedelta(days=3)), make_live_session(starts_in=timedelta(days=1))
    host_user = staff_who_may("sessions_live.view_livesession", "sessions_live.view_question")
    theirs.hosts.set([Host.objects.create(name="Ada", user=host_user)])
    Case.objects.create(key="1", kind="difference", summary="A secret of the house", opened_at=clock.now())
    page = home(host_user)
    assert (theirs.title in page, others.title in page) == (True, False)
    assert "Roster and check-in" not in page
    for words in ("Workers", "Stripe", "Cases", "Mails", "well"):
        assert words not in page, words


def test_finance_sees_money_and_no_mails(healthy: None) -> None:
    now = clock.now()
    register_test_kind("test_plain")
    owe_mail(now=now - timedelta(hours=2))
    make_event("failed", now)
    finance = staff_who_may(
        *("subscriptions.view_case", "subscriptions.view_reconciliation", "sessions_live.view_livesession"),
        *("sessions_live.view_seat", "desk.view_rosterseat"),
    )
    page = home(finance)
    assert "1 event of Stripe&#x27;s could not be acted on." in page
    assert "stripeevent" not in page
    assert ("waiting to go out" in page, "Failed within 7 days" in page) == (False, False)


def test_staff_without_any_permission_and_readers_see_nothing_of_it() -> None:
    assert "desk-verdict" not in home(staff_who_may())
    client = Client()
    client.force_login(make_user())
    assert client.get("/admin/").status_code in (302, 403)


def test_home_asks_the_same_number_of_questions_however_much_there_is(healthy: None) -> None:
    staff = staff_who_may(
        *("subscriptions.view_case", "subscriptions.view_reconciliation", "subscriptions.view_stripeevent"),
        *("sessions_live.view_livesession", "sessions_live.view_seat", "outbox.view_outgoingmail", "desk.view_rosterseat"),
    )
    make_live_session()
    assert queries_of_home(staff) <= MOST_QUERIES
    few = queries_of_home(staff)
    now = clock.now()
    for number in range(12):
        session = make_live_session(starts_in=timedelta(days=number + 1))
        make_guest_seat(session)
        make_event("failed", now)
        Case.objects.create(key=f"case:{number}", kind=Case.Kind.values[number], summary="A test's", opened_at=now)
    assert queries_of_home(staff) == few


def queries_of_home(user: User) -> int:
    client = Client()
    client.force_login(user)
    client.get("/admin/")
    with CaptureQueriesContext(connection) as captured:
        assert client.get("/admin/").status_code == 200
    return len(captured)


def test_home_has_no_inline_style_or_script_of_ours(healthy: None) -> None:
    make_live_session()
    page = home()
    ours = page[page.index('<section class="desk-home"') : page.index("</section>")]
    assert ("style=" in ours, "<script" in ours) == (False, False)


def test_events_of_the_inbox_are_reachable_from_home(healthy: None) -> None:
    make_event("failed", clock.now())
    client = Client()
    client.force_login(make_staff())
    answer: Any = client.get("/admin/subscriptions/stripeevent/?state__exact=failed")
    assert (answer.status_code, answer.context["cl"].result_count) == (200, StripeEvent.objects.count())
