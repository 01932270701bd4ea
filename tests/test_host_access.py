"""Hosts in the admin: their own sessions with questions and ratings, and nothing of anybody else, no addresses, no money."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from redreport import clock
from redreport.accounts.models import User
from sessions_live.models import Feedback, Host, LiveSession, Question, Seat
from tests.factories import make_guest_seat, make_live_session, make_user
from tests.staff import make_member

pytestmark = pytest.mark.django_db

SESSIONS, QUESTIONS, FEEDBACK = (f"/admin/sessions_live/{model}/" for model in ("livesession", "question", "feedback"))


@pytest.fixture
def host(client: Client) -> User:
    """Signed in, and no session is theirs yet."""
    member = make_member("host")
    client.force_login(member)
    Host.objects.create(name="Mei of the admin", user=member)
    return member


def session_with_words(host: User | None, title: str) -> LiveSession:
    """A session with a question and a rating, by a reader who is called as it is."""
    live_session = make_live_session(starts_in=timedelta(days=1))
    LiveSession.objects.filter(pk=live_session.pk).update(title=title)
    live_session.hosts.set([host.host] if host else live_session.hosts.all())
    seat = make_guest_seat(live_session, make_user(f"Asker of {title}", email=f"{title.lower()}@example.com"))
    Question.objects.create(seat=seat, text=f"Who signs in {title}?", asked_at=clock.now())
    Feedback.objects.create(seat=seat, rating=4, comment=f"Good hour, {title}.", given_at=clock.now())
    live_session.refresh_from_db()
    return live_session


def test_host_sees_own_sessions_their_questions_and_ratings(client: Client, host: User) -> None:
    own, foreign = session_with_words(host, "Mine"), session_with_words(None, "Foreign")
    for address, words in ((SESSIONS, "Mine"), (QUESTIONS, "Who signs in Mine?"), (FEEDBACK, "Good hour, Mine.")):
        page = client.get(address).content.decode()
        assert (words in page, "Foreign" in page, "@example.com" in page.replace(host.email, "")) == (True, False, False)
    seat = own.seats.get()
    for address in (
        f"{SESSIONS}{own.pk}/change/",
        f"{QUESTIONS}{seat.questions.get().pk}/change/",
        f"{FEEDBACK}{seat.feedback.pk}/change/",
    ):
        page = client.get(address).content.decode()
        assert ("Mine" in page, "mine@example.com" in page, 'name="_save"' in page) == (True, False, False), address
    assert foreign.title == "Foreign"


def test_sessions_of_others_are_as_if_they_were_not_there(client: Client, host: User) -> None:
    foreign = session_with_words(None, "Foreign")
    seat = foreign.seats.get()
    for base, pk in ((SESSIONS, foreign.pk), (QUESTIONS, seat.questions.get().pk), (FEEDBACK, seat.feedback.pk)):
        unknown = client.get(f"{base}{pk}/change/")
        nothing = client.get(f"{base}999999/change/")
        assert (unknown.status_code, unknown["Location"]) == (nothing.status_code, nothing["Location"]) == (302, "/admin/")


def test_ratings_do_not_tell_who_gave_them(client: Client, host: User) -> None:
    own = session_with_words(host, "Mine")
    seat = own.seats.get()
    for address in (FEEDBACK, f"{FEEDBACK}{seat.feedback.pk}/change/"):
        assert "Asker" not in client.get(address).content.decode()
    # The list of questions has names and seats: the two must not be put together.
    for lookup in ("seat", "seat__id__exact", "seat_id", "seat__in", "seat__attendee_name__startswith"):
        answer = client.get(FEEDBACK, {lookup: seat.pk})
        assert (answer.status_code, "Good hour" in answer.content.decode()) == (400, False), lookup


@pytest.mark.parametrize("lookup", ["seat__attendee_email__startswith", "seat__booked_by__email__startswith"])
def test_addresses_are_not_to_be_guessed_by_filters(client: Client, host: User, lookup: str) -> None:
    session_with_words(host, "Mine")
    assert client.get(QUESTIONS, {lookup: "mine"}).status_code == 400


def test_search_finds_names_and_words_and_no_addresses(client: Client, host: User) -> None:
    session_with_words(host, "Mine")

    def found(words: str) -> bool:
        return "Who signs" in client.get(QUESTIONS, {"q": words}).content.decode()

    assert (found("signs"), found("Asker"), found("mine@example")) == (True, True, False)
    client.force_login(make_member("desk"))
    assert found("mine@example")


def test_host_without_an_account_of_their_own_sees_nothing(client: Client) -> None:
    client.force_login(make_member("host"))
    session_with_words(None, "Foreign")
    for address in (SESSIONS, QUESTIONS, FEEDBACK):
        answer = client.get(address)
        assert (answer.status_code, "Foreign" in answer.content.decode()) == (200, False)


def test_host_who_is_taken_off_a_session_no_longer_sees_it(client: Client, host: User) -> None:
    own = session_with_words(host, "Mine")
    own.hosts.clear()
    assert client.get(f"{SESSIONS}{own.pk}/change/").status_code == 302


@pytest.mark.parametrize("action", ["publish", "release", "delete_selected"])
def test_host_changes_nothing(client: Client, host: User, action: str) -> None:
    own = session_with_words(host, "Mine")
    LiveSession.objects.filter(pk=own.pk).update(state="drafted")
    client.post(SESSIONS, {"action": action, "_selected_action": [own.pk], "post": "yes"})
    for address in ("add/", f"{own.pk}/change/", f"{own.pk}/delete/"):
        assert client.post(SESSIONS + address, {"title": "Taken over", "post": "yes"}).status_code == 403
    own.refresh_from_db()
    assert (own.state, own.title, own.materials_released_at) == ("drafted", "Mine", None)


def test_history_with_the_addresses_of_colleagues_is_not_for_hosts(client: Client, host: User) -> None:
    own = session_with_words(host, "Mine")
    assert client.get(f"{SESSIONS}{own.pk}/history/").status_code == 403


def test_choices_of_sessions_are_own_ones(client: Client, host: User) -> None:
    session_with_words(host, "Mine")
    session_with_words(None, "Foreign")
    query = {"app_label": "sessions_live", "model_name": "material", "field_name": "live_session", "term": ""}
    assert [row["text"] for row in client.get("/admin/autocomplete/", query).json()["results"]] == ["Mine"]


def test_no_list_leads_a_host_to_a_roster(client: Client, host: User) -> None:
    session_with_words(host, "Mine")
    assert "roster" not in client.get(SESSIONS).content.decode().lower()
    assert client.get("/admin/desk/rosterseat/").status_code == 403


@pytest.mark.parametrize("role", ["desk", "finance"])
def test_desk_and_finance_see_every_session(client: Client, role: str) -> None:
    client.force_login(make_member(role))
    session_with_words(None, "Foreign")
    assert "Foreign" in client.get(SESSIONS).content.decode()


def test_host_who_is_at_the_desk_too_sees_all(client: Client) -> None:
    client.force_login(make_member("host", "desk"))
    session_with_words(None, "Foreign")
    assert "Foreign" in client.get(SESSIONS).content.decode()


def test_lists_of_a_host_take_as_many_queries_however_many_rows(client: Client, host: User) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    def queries(address: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            client.get(address)
        return len(captured)

    session_with_words(host, "First")
    before: dict[str, Any] = {address: queries(address) for address in (SESSIONS, QUESTIONS, FEEDBACK)}
    for number in range(3):
        session_with_words(host, f"More{number}")
    assert {address: queries(address) for address in before} == before
    assert Seat.objects.count() == 4
