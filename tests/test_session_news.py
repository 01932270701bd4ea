"""New sessions are mailed to who asked for it: a season published in one go is one mail, and nobody gets it twice."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client

from redreport import policy
from redreport.accounts.models import User
from redreport.outbox.deliver import deliver_mail
from redreport.outbox.models import OutgoingMail
from redreport.outbox.wishes import say_wish
from sessions_live.mails.news import NEW_SESSIONS
from sessions_live.models import LiveSession, SessionNews
from sessions_live.operations import news as news_operations
from sessions_live.operations.cancellations import cancel_live_session
from sessions_live.operations.news import tell_news
from sessions_live.operations.schedule import publish_live_session
from tests.factories import make_guest_seat, make_live_session, make_staff, make_user
from tests.fixtures_mail import MailServer, ReceivedMail
from tests.racing import at_once

pytestmark = pytest.mark.django_db(transaction=True)

NOW = datetime.fromisoformat("2027-01-06T19:00:00+00:00")
TOLD_AT = NOW + policy.NEWS_AFTER_LAST_PUBLICATION


@pytest.fixture(autouse=True)
def on_the_day() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


def published_at(moment: datetime, *, starts_in: timedelta = timedelta(days=7)) -> LiveSession:
    live_session = make_live_session(published=False, starts_in=starts_in)
    return publish_live_session(live_session_id=live_session.pk, actor=make_staff(), now=moment)


def reader_who_asked(**fields: Any) -> User:
    user = make_user(**fields)
    say_wish(email=user.email, topic=NEW_SESSIONS, is_wanted=True, now=NOW)
    return user


def told() -> list[str]:
    return sorted(OutgoingMail.objects.filter(kind="session_news").values_list("recipient", flat=True))


def outcome_of(user: User, moment: datetime = TOLD_AT) -> tuple[str, str]:
    mail = OutgoingMail.objects.get(kind="session_news", recipient=user.email)
    deliver_mail(mail.pk, moment)
    mail.refresh_from_db()
    return mail.state, mail.reason


class TestWhen:
    def test_a_season_is_one_mail_half_an_hour_after_its_last_session(self) -> None:
        ada = reader_who_asked()
        published_at(NOW - timedelta(minutes=20))
        published_at(NOW)

        assert [tell_news(now=moment) for moment in (NOW, TOLD_AT - timedelta(seconds=1), TOLD_AT)] == [0, 0, 1]
        assert tell_news(now=TOLD_AT + timedelta(minutes=1)) == 0
        assert told() == [ada.email]
        assert SessionNews.objects.get().live_sessions.count() == 2

    def test_what_is_published_later_is_another_mail(self) -> None:
        ada = reader_who_asked()
        published_at(NOW)
        tell_news(now=TOLD_AT)
        published_at(TOLD_AT)

        assert tell_news(now=TOLD_AT + policy.NEWS_AFTER_LAST_PUBLICATION) == 1
        assert told() == [ada.email, ada.email]

    def test_drafts_and_what_has_begun_are_no_news(self) -> None:
        reader_who_asked()
        make_live_session(published=False)
        published_at(NOW, starts_in=policy.NEWS_AFTER_LAST_PUBLICATION)

        assert tell_news(now=TOLD_AT) == 0
        assert not SessionNews.objects.exists()


class TestWhoGetsIt:
    def test_only_who_asked(self) -> None:
        ada = reader_who_asked()
        make_user()
        ben = make_user()
        say_wish(email=ben.email, topic=NEW_SESSIONS, is_wanted=False, now=NOW)
        gone = reader_who_asked()
        User.objects.filter(pk=gone.pk).update(is_active=False)
        published_at(NOW)
        tell_news(now=TOLD_AT)

        assert told() == [ada.email]

    def test_a_tick_on_the_page_of_mails_is_asking(self, client: Client) -> None:
        ada = make_user()
        client.force_login(ada)
        client.post("/account/mails/", {"new_sessions": "on", "follow_ups": "on"})
        published_at(NOW)
        tell_news(now=TOLD_AT)

        assert told() == [ada.email]

    def test_readers_are_gone_through_in_batches_each_told_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(news_operations, "BATCH", 2)
        readers = [reader_who_asked() for _ in range(5)]
        published_at(NOW)

        assert [tell_news(now=TOLD_AT + timedelta(minutes=minute)) for minute in range(4)] == [2, 2, 1, 0]
        assert told() == sorted(reader.email for reader in readers)

    def test_sweeps_side_by_side_tell_nobody_twice(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(news_operations, "BATCH", 2)
        readers = [reader_who_asked() for _ in range(5)]
        published_at(NOW)
        for _ in range(4):
            outcomes = at_once([lambda: tell_news(now=TOLD_AT)] * 3)
            assert not [outcome for outcome in outcomes if isinstance(outcome, Exception)]

        assert told() == sorted(reader.email for reader in readers)
        assert SessionNews.objects.get().finished_at == TOLD_AT


class TestWhatIsStillTrue:
    def test_a_session_canceled_meanwhile_is_not_announced(self) -> None:
        ada = reader_who_asked()
        live_session = published_at(NOW)
        tell_news(now=TOLD_AT)
        cancel_live_session(live_session_id=live_session.pk, actor=make_staff(), reason="ill", now=TOLD_AT)

        assert outcome_of(ada)[0] == "withheld"

    def test_of_a_season_only_what_is_left_is_announced(self, smtp_server: MailServer) -> None:
        ada = reader_who_asked()
        gone, left = published_at(NOW), published_at(NOW)
        tell_news(now=TOLD_AT)
        cancel_live_session(live_session_id=gone.pk, actor=make_staff(), reason="ill", now=TOLD_AT)

        assert outcome_of(ada) == ("sent", "")
        text = smtp_server.mails[-1].part("text/plain")
        assert left.title in text
        assert gone.title not in text

    def test_who_has_a_seat_in_all_of_it_is_spared(self) -> None:
        ada = reader_who_asked()
        live_session = published_at(NOW)
        tell_news(now=TOLD_AT)
        make_guest_seat(live_session, ada)

        assert outcome_of(ada)[0] == "withheld"

    def test_an_address_given_up_meanwhile_gets_nothing(self) -> None:
        ada = reader_who_asked(email="old@example.com")
        published_at(NOW)
        tell_news(now=TOLD_AT)
        User.objects.filter(pk=ada.pk).update(email="new@example.com")

        mail = OutgoingMail.objects.get(kind="session_news")
        deliver_mail(mail.pk, TOLD_AT)
        mail.refresh_from_db()
        assert mail.state == "withheld"


class TestWhatItSays:
    def send(self, user: User, smtp_server: MailServer) -> ReceivedMail:
        tell_news(now=TOLD_AT)
        assert outcome_of(user) == ("sent", "")
        return smtp_server.mails[-1]

    def test_one_session_names_itself_and_its_day(self, smtp_server: MailServer) -> None:
        ada = reader_who_asked(time_zone="Asia/Singapore")
        live_session = published_at(NOW)
        mail = self.send(ada, smtp_server)

        assert mail.subject == f"{live_session.title}: Wed 13 Jan"
        for part in (mail.part("text/plain"), mail.part("text/html")):
            assert "What did the communiqué leave out?" in part
            assert "Wed 13 Jan 2027, 2:00 pm ET (19:00 UTC)" in part
            assert "(Singapore)" in part
            assert f"http://testserver/sessions/{live_session.slug}/" in part
            assert "Red Report Live, 1 Example Street, New York, NY 10001" in part
            assert "/mail/unsubscribe/" in part

    def test_a_season_lists_its_sessions_by_date(self, smtp_server: MailServer) -> None:
        ada = reader_who_asked()
        later = published_at(NOW, starts_in=timedelta(days=30))
        sooner = published_at(NOW, starts_in=timedelta(days=9))
        mail = self.send(ada, smtp_server)

        assert mail.subject == "2 new sessions, from Fri 15 Jan"
        text = mail.part("text/plain")
        assert text.index(sooner.title) < text.index(later.title)
        assert "http://testserver/sessions/" in text

    def test_its_way_out_ends_it(self, client: Client, smtp_server: MailServer) -> None:
        ada = reader_who_asked()
        published_at(NOW)
        mail = self.send(ada, smtp_server)
        way_out = mail.message["List-Unsubscribe"].strip().strip("<>").removeprefix("http://testserver")

        assert client.post(way_out, {"List-Unsubscribe": "One-Click"}).status_code == 200
        published_at(TOLD_AT)
        assert tell_news(now=TOLD_AT + policy.NEWS_AFTER_LAST_PUBLICATION) == 0


def test_an_empty_schedule_offers_to_tell(client: Client) -> None:
    html = client.get("/sessions/").content.decode()
    assert "Tell me of new sessions" in html
    assert 'href="/account/mails/">Ask for it in your account' in html
