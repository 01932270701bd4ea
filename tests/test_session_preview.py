"""A draft as readers will see it, for staff alone; and published from there."""

from datetime import timedelta

import pytest
from django.test import Client

from redreport import clock
from redreport.accounts.models import User
from redreport.audit.models import AuditEntry
from sessions_live.models import LiveSession
from tests.factories import make_live_session, make_price, make_staff, make_user
from tests.staff import desk_of, staff_who_may

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff() -> User:
    return make_staff()


@pytest.fixture
def desk(client: Client, staff: User) -> Client:
    client.force_login(staff)
    return client


@pytest.fixture
def draft() -> LiveSession:
    live_session = make_live_session(published=False, capacity=7)
    LiveSession.objects.update(description="What 中南海 decided.\n\nAnd what it did not.")
    live_session.refresh_from_db()
    return live_session


def preview(client: Client, live_session: LiveSession) -> str:
    return client.get(f"/admin/desk/sessions/{live_session.pk}/preview/").content.decode()


def publish_address(live_session: LiveSession) -> str:
    return f"/admin/desk/sessions/{live_session.pk}/publish/"


def test_preview_is_the_readers_page_with_a_banner_and_nothing_to_buy(desk: Client, draft: LiveSession) -> None:
    make_price()
    page = preview(desk, draft)
    for shown in (
        "Preview: this session is not published.",
        draft.title,
        draft.question,
        'What <span lang="zh-Hans">中南海</span> decided.',
        "Mei Lin",
        "7 of 7 seats left",
        "Good to know",
        "Reserve a seat: $250",
    ):
        assert shown in page
    assert f"/sessions/{draft.slug}/" not in page
    assert draft.meeting_url not in page
    draft.refresh_from_db()
    assert (draft.state, draft.published_at) == ("drafted", None)


def test_preview_and_page_of_one_session_differ_in_nothing_but_banner_and_booking(desk: Client, draft: LiveSession) -> None:
    before = preview(desk, draft)
    desk.post(publish_address(draft))
    after = Client().get(f"/sessions/{draft.slug}/").content.decode()
    for heading in ("about", "authors", "good-to-know"):
        section = after.split(f'aria-labelledby="{heading}"')[1].split("</section>")[0]
        assert section.partition('<p class="small add-to-calendar">')[0].strip() in before


def test_published_from_the_preview_it_is_on_sale_and_a_second_click_changes_nothing(
    desk: Client, draft: LiveSession, staff: User
) -> None:
    assert publish_address(draft) in preview(desk, draft)
    for _ in range(2):
        assert "is published: readers see it" in desk.post(publish_address(draft), follow=True).content.decode()
    draft.refresh_from_db()
    assert draft.state == "published"
    assert AuditEntry.objects.get(verb="published").actor == staff
    answer = desk.get(f"/admin/desk/sessions/{draft.pk}/preview/")
    assert answer.headers["Location"] == f"/sessions/{draft.slug}/"


def test_what_is_missing_stands_there_and_keeps_it_from_being_published(desk: Client, draft: LiveSession) -> None:
    LiveSession.objects.update(meeting_url="", starts_at=clock.now() - timedelta(minutes=1))
    draft.hosts.clear()
    missing = "Its start lies in the past. It has no host. It has no meeting address, so its door would lead nowhere."
    page = preview(desk, draft)
    assert (missing in page, publish_address(draft) in page) == (True, False)
    assert missing in desk.post(publish_address(draft), follow=True).content.decode()
    draft.refresh_from_db()
    assert draft.state == "drafted"


def test_readers_see_no_draft_anywhere(draft: LiveSession) -> None:
    for client in (Client(), Client()):
        assert client.get(f"/sessions/{draft.slug}/").status_code == 404
        for address in ("/", "/sessions/", "/calendar.ics", "/api/sessions.json"):
            assert draft.title not in client.get(address).content.decode()
        answer = client.get(f"/admin/desk/sessions/{draft.pk}/preview/")
        assert (answer.status_code in (302, 403), draft.title in answer.content.decode()) == (True, False)
        client.force_login(make_user())


def test_staff_who_may_look_see_it_and_who_may_not_do_not(draft: LiveSession) -> None:
    looker = desk_of(staff_who_may("sessions_live.view_livesession", "sessions_live.view_seat"))
    page = preview(looker, draft)
    assert (draft.title in page, publish_address(draft) in page) == (True, False)
    assert looker.post(publish_address(draft)).status_code == 403
    assert desk_of(staff_who_may("desk.view_rosterseat")).get(f"/admin/desk/sessions/{draft.pk}/preview/").status_code == 403
    assert desk_of(staff_who_may("sessions_live.change_livesession")).get(publish_address(draft)).status_code == 405
    draft.refresh_from_db()
    assert draft.state == "drafted"


def test_preview_is_kept_by_no_cache(desk: Client, draft: LiveSession) -> None:
    answer = desk.get(f"/admin/desk/sessions/{draft.pk}/preview/")
    assert "no-store" in answer.headers["Cache-Control"]
    assert desk.get("/admin/desk/sessions/999999/preview/").status_code == 404


def test_list_and_form_lead_to_what_can_be_done(desk: Client, draft: LiveSession) -> None:
    address = f"/admin/desk/sessions/{draft.pk}/preview/"
    for page in ("", f"{draft.pk}/change/"):
        assert address in desk.get(f"/admin/sessions_live/livesession/{page}").content.decode()
    desk.post(publish_address(draft))
    form = desk.get(f"/admin/sessions_live/livesession/{draft.pk}/change/").content.decode()
    assert (address in form, f"/sessions/{draft.slug}/" in form) == (False, True)
