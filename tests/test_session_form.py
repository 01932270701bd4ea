"""The form of a session: few fields, an address that makes itself, and each change says and does what it comes to."""

from datetime import date, time, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import connections
from django.test import Client
from django.test.utils import CaptureQueriesContext
from icalendar import Calendar

from redreport import clock
from redreport.accounts.models import User
from redreport.audit.models import AuditEntry
from redreport.outbox.models import OutgoingMail
from sessions_live.models import CalendarFeed, LiveSession, Seat
from sessions_live.monthly import instant_of
from sessions_live.operations.drafts import duplicate_live_session
from tests.desk_actions import session_form
from tests.factories import make_guest_seat, make_live_session, make_staff, make_user
from tests.racing import at_once
from tests.waiting import sold_out_session, states, sweep_waitlist, waits

pytestmark = pytest.mark.django_db

LIST = "/admin/sessions_live/livesession/"


@pytest.fixture
def staff() -> User:
    return make_staff()


@pytest.fixture
def desk(client: Client, staff: User) -> Client:
    client.force_login(staff)
    return client


def form_like(live_session: LiveSession, **values: Any) -> dict[str, Any]:
    same = ("title", "section", "question", "description", "capacity", "meeting_url", "duration_minutes")
    hosts = list(live_session.hosts.values_list("pk", flat=True))
    return session_form(**{name: getattr(live_session, name) for name in same}, hosts=hosts) | values


def change(desk: Client, live_session: LiveSession, **values: Any) -> str:
    """What the desk says after this change; the form is sent as it stands but for that."""
    page = desk.post(f"{LIST}{live_session.pk}/change/", form_like(live_session, **values), follow=True)
    live_session.refresh_from_db()
    return str(page.content.decode())


def page_of(desk: Client, live_session: LiveSession) -> str:
    return desk.get(f"{LIST}{live_session.pk}/change/").content.decode()


def test_new_session_needs_no_address_and_gets_one_of_its_title(desk: Client) -> None:
    page = desk.get(f"{LIST}add/").content.decode()
    for heading in ("What readers read", "When, and for how many", "Where it meets"):
        assert heading in page
    assert 'name="slug"' not in page
    desk.post(f"{LIST}add/", session_form())
    desk.post(f"{LIST}add/", session_form(starts_at_0="2099-08-05"))
    assert list(LiveSession.objects.order_by("id").values_list("slug", flat=True)) == [
        "after-the-plenum",
        "after-the-plenum-2099-08-05",
    ]


def test_session_that_was_just_written_down_is_not_written_down_again(desk: Client) -> None:
    desk.post(f"{LIST}add/", session_form())
    assert "There is a session of this title at this time already." in desk.post(f"{LIST}add/", session_form()).content.decode()
    assert LiveSession.objects.count() == 1


def test_address_follows_the_title_of_a_draft_and_stays_once_it_is_published(desk: Client) -> None:
    desk.post(f"{LIST}add/", session_form(meeting_url="https://meet.example.com/x"))
    draft = LiveSession.objects.get()
    change(desk, draft, title="Before the plenum")
    assert draft.slug == "before-the-plenum"
    LiveSession.objects.update(state="published", published_at=clock.now())
    change(desk, draft, title="Beside the plenum")
    assert (draft.title, draft.slug) == ("Beside the plenum", "before-the-plenum")


@pytest.mark.django_db(transaction=True)
def test_two_copies_at_once_are_one_and_other_titles_get_addresses_of_their_own() -> None:
    live_session, staff, now = make_live_session(), make_staff(), clock.now()
    made: list[Any] = at_once([lambda: duplicate_live_session(live_session_id=live_session.pk, actor=staff, now=now)] * 4)
    assert sorted(is_new for _, is_new in made) == [False, False, False, True]
    assert LiveSession.objects.count() == 2


def duplicate(desk: Client, live_session: LiveSession) -> LiveSession:
    answer = desk.post(f"/admin/desk/sessions/{live_session.pk}/duplicate/")
    return LiveSession.objects.get(pk=answer.headers["Location"].split("/")[-3])


def test_copy_is_a_draft_a_month_later_with_the_texts_hosts_and_capacity_and_no_meeting(desk: Client, staff: User) -> None:
    live_session = make_live_session(starts_in=instant_of(date(2099, 3, 3), time(11)) - clock.now(), capacity=17)
    LiveSession.objects.update(starts_at=instant_of(date(2099, 3, 3), time(11)), description="What it is about")
    copies = [duplicate(desk, live_session) for _ in range(2)]
    assert copies[0] == copies[1]
    [copy, _] = copies
    assert (copy.title, copy.question, copy.description, copy.section) == (
        *(live_session.title, live_session.question),
        *("What it is about", live_session.section),
    )
    assert (copy.state, copy.capacity, copy.meeting_url, copy.published_at) == ("drafted", 17, "", None)
    assert list(copy.hosts.all()) == list(live_session.hosts.all())
    # The first Tuesday, at eleven in New York, where clocks have gone forward since.
    assert copy.starts_at.isoformat() == "2099-04-07T15:00:00+00:00"
    assert copy.slug == f"{live_session.slug}-2099-04-07"
    entry = AuditEntry.objects.get(verb="created", target_id=str(copy.pk))
    assert (entry.actor, entry.detail) == (staff, {"copy_of": str(live_session.pk)})


def test_copying_is_a_post_of_who_may_add_sessions(client: Client, desk: Client) -> None:
    address = f"/admin/desk/sessions/{make_live_session().pk}/duplicate/"
    assert desk.get(address).status_code == 405
    editor = make_user(is_staff=True)
    editor.user_permissions.add(*Permission.objects.filter(codename__in=["view_livesession", "change_livesession"]))
    client.force_login(editor)
    assert client.post(address).status_code == 403
    assert "Copy to the next month" not in client.get(f"{LIST}{LiveSession.objects.get().pk}/change/").content.decode()
    assert LiveSession.objects.count() == 1


def test_form_says_what_a_capacity_and_a_title_come_to_before_they_are_changed(desk: Client) -> None:
    live_session = sold_out_session(capacity=2)
    waits(live_session)
    page = page_of(desk, live_session)
    assert "2 taken, 0 held or offered, 1 waiting." in page
    assert "Below 2 nobody loses a seat, and nothing more is sold." in page
    assert "Each seat above 2 is offered to the one who waits, by mail and at once; the rest goes on sale." in page
    assert "2 seats taken: who subscribes to their private calendar sees a new title there within hours." in page


def test_capacity_below_what_is_sold_takes_no_seat_and_says_so(desk: Client) -> None:
    live_session = sold_out_session(capacity=3)
    said = change(desk, live_session, capacity=1)
    assert "3 seats are taken or held, more than the 1 there are now. Nobody loses one" in said
    assert (live_session.capacity, Seat.objects.filter(state="confirmed").count()) == (1, 3)
    entry = AuditEntry.objects.get(verb="changed")
    assert entry.detail == {"fields": ["capacity"], "capacity": [3, 1]}


@pytest.mark.parametrize(("capacity", "said"), [(2, "1 of the 3 who wait is offered a seat now"), (9, "3 of the 3 who wait are")])
def test_raised_capacity_says_how_many_offers_it_makes_and_makes_them(desk: Client, capacity: int, said: str) -> None:
    live_session = sold_out_session(capacity=1)
    for _ in range(3):
        waits(live_session)
    assert said in change(desk, live_session, capacity=capacity)
    sweep_waitlist(now=clock.now())
    assert states(live_session).count("offered") == min(3, capacity - 1)


def test_capacity_raised_in_the_last_hour_promises_no_offers(desk: Client) -> None:
    live_session = sold_out_session(capacity=1)
    waits(live_session)
    LiveSession.objects.filter(pk=live_session.pk).update(starts_at=clock.now() + timedelta(minutes=30))
    assert "it is too late for offers" in page_of(desk, live_session)
    assert "offered a seat now" not in change(desk, live_session, capacity=2)


def entry_in_feed(user: User) -> tuple[str, int]:
    """Title and SEQUENCE of the one entry in the reader's private calendar."""
    key = CalendarFeed.objects.get_or_create(user=user, defaults={"made_at": clock.now()})[0].key
    calendar = Calendar.from_ical(Client().get(f"/calendar/{key}.ics").content)
    [event] = calendar.walk("VEVENT")
    return str(event["SUMMARY"]), int(str(event["SEQUENCE"]))


def test_new_title_reaches_the_private_calendars_of_who_has_a_seat_and_mails_nobody(desk: Client) -> None:
    live_session, ada = make_live_session(), make_user()
    seat = make_guest_seat(live_session, ada)
    before = OutgoingMail.objects.count()
    assert entry_in_feed(ada) == (f"Red Report Live: {live_session.title}", 0)
    change(desk, live_session, title="Another title")
    assert entry_in_feed(ada) == ("Red Report Live: Another title", 1)
    assert OutgoingMail.objects.count() == before
    change(desk, live_session, question="Another question?")
    seat.refresh_from_db()
    assert (seat.calendar_sequence, seat.door_version) == (1, 0)


def test_form_sent_after_a_publication_moves_nobody(desk: Client, staff: User) -> None:
    from sessions_live.operations.schedule import change_live_session

    live_session = make_live_session()
    old = LiveSession.objects.get(pk=live_session.pk)
    old.starts_at += timedelta(days=1)
    change_live_session(live_session=old, changed=["starts_at", "duration_minutes"], actor=staff, now=clock.now())
    assert LiveSession.objects.get().starts_at == live_session.starts_at


def listed(desk: Client, **chosen: str) -> list[str]:
    return [live_session.title for live_session in desk.get(LIST, chosen).context["cl"].result_list]


def test_list_shows_seats_and_finds_what_is_full_waited_for_or_over(desk: Client) -> None:
    free, full, over = make_live_session(), sold_out_session(), sold_out_session(capacity=2)
    waits(full)
    LiveSession.objects.filter(pk=over.pk).update(capacity=1)
    past = make_live_session(starts_in=timedelta(hours=1))
    LiveSession.objects.filter(pk=past.pk).update(starts_at=clock.now() - timedelta(hours=1))
    assert set(listed(desk, seats="left")) == {free.title, past.title}
    assert set(listed(desk, seats="full")) == {full.title, over.title}
    assert (listed(desk, seats="over"), listed(desk, seats="waited_for")) == ([over.title], [full.title])
    assert (listed(desk, time="past"), len(listed(desk, time="coming"))) == ([past.title], 3)
    row = desk.get(LIST, {"seats": "waited_for"}).content.decode()
    for column, number in (("taken", 1), ("held", 0), ("waiting", 1), ("capacity", 1)):
        assert f'<td class="field-{column}">{number}</td>' in row


def test_list_takes_the_same_queries_however_many_sessions(desk: Client) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connections["default"]) as asked:
            desk.get(LIST)
        return len(asked)

    make_guest_seat(make_live_session())
    queries()
    few = queries()
    for _ in range(8):
        make_guest_seat(make_live_session())
    assert queries() == few
