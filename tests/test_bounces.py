"""What a mail provider tells us of mails that came back: by its own signed webhooks, to the mail's row and to a person."""

import base64
import hashlib
import hmac
import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from redreport import clock
from redreport.desk.samples.world import build_world
from redreport.outbox.bounces import Returned, note_bounce
from redreport.outbox.deliver import deliver_mail
from redreport.outbox.kinds import Topic
from redreport.outbox.models import MailWish, OutgoingMail
from redreport.outbox.wishes import carry_wishes, say_wish, wants_mail
from subscriptions.models import Case
from subscriptions.tasks import sweep_bounces_task
from tests.factories import make_guest_seat, make_live_session, make_user
from tests.fixtures_mail import MailServer
from tests.outbox_helpers import owe_mail, register_test_kind
from tests.racing import at_once

SECRET = "provider:a-password-of-ours"
SIGNING_KEY = "key-0123456789"
NEWS = Topic("test_news", "News", is_wanted_unasked=True)


@pytest.fixture
def provider(settings: Any) -> Client:
    settings.ANYMAIL = {"WEBHOOK_SECRET": SECRET, "MAILGUN_WEBHOOK_SIGNING_KEY": SIGNING_KEY}
    return Client(headers={"authorization": "Basic " + base64.b64encode(SECRET.encode()).decode()})


@pytest.fixture
def mail(smtp_server: MailServer, transactional_db: None) -> OutgoingMail:
    """A plain mail that the relay took a minute ago."""
    register_test_kind("test_plain")
    return sent()


def sent(**options: Any) -> OutgoingMail:
    mail = owe_mail(**options)
    assert deliver_mail(mail.pk, clock.now()) == "sent"
    mail.refresh_from_db()
    return mail


def mailgun(client: Client, mail: OutgoingMail, event: str = "failed", *, key: str = SIGNING_KEY, **data: Any) -> int:
    """Mailgun keeps our Message-ID and names it without its brackets."""
    timestamp, token = str(int(clock.now().timestamp())), "a" * 50
    signature = hmac.new(key.encode(), f"{timestamp}{token}".encode(), hashlib.sha256).hexdigest()
    payload = {
        "signature": {"timestamp": timestamp, "token": token, "signature": signature},
        "event-data": {
            "event": event,
            "severity": "permanent",
            "timestamp": clock.now().timestamp(),
            "recipient": mail.recipient,
            "message": {"headers": {"message-id": mail.message_id.strip("<>"), "to": mail.recipient}},
            "delivery-status": {"code": 550, "message": "550 5.1.1 No such user here"},
            "reason": "bounce",
            **data,
        },
    }
    return post(client, "mailgun", payload)


def postmark(client: Client, recipient: str, kind: str = "HardBounce", at: datetime | None = None, **data: Any) -> int:
    """Postmark gives each mail an id of its own, and tells of that one and the address."""
    payload = {
        "RecordType": "SpamComplaint" if kind == "SpamComplaint" else "Bounce",
        "ID": 42,
        "Type": kind,
        "MessageID": "883953f4-6105-42a2-a16a-77a8eac79483",
        "Description": "The server was unable to deliver your message (ex: unknown user, mailbox not found).",
        "Details": "smtp;550 5.1.1 The email account that you tried to reach does not exist.",
        "Email": recipient,
        "BouncedAt": (at or clock.now()).isoformat(),
        **data,
    }
    return post(client, "postmark", payload)


def amazon(client: Client, mail: OutgoingMail, kind: str, subtype: str = "General") -> int:
    """Amazon replaces our Message-ID, and lists it among the headers as we sent them."""
    told = {
        "notificationType": "Bounce",
        "mail": {
            "messageId": "00000137860315fd-34208509-5b74-41f3-95c5-22c1edc3c924-000000",
            "destination": [mail.recipient],
            "headers": [{"name": "Message-ID", "value": mail.message_id}],
        },
        "bounce": {"bounceType": kind, "bounceSubType": subtype, "bouncedRecipients": [{"emailAddress": mail.recipient}]},
    }
    notification = {"Type": "Notification", "MessageId": "m", "Message": json.dumps(told), "Timestamp": clock.now().isoformat()}
    headers = {"x-amz-sns-message-type": "Notification", "x-amz-sns-message-id": "m"}
    return post(client, "amazon_ses", notification, headers)


def post(client: Client, name: str, payload: Any, headers: dict[str, str] | None = None) -> int:
    body = json.dumps(payload)
    return client.post(f"/mail/anymail/{name}/tracking/", body, content_type="application/json", headers=headers).status_code


def test_bounce_that_mailgun_signed_lands_on_the_mail_once(provider: Client, mail: OutgoingMail) -> None:
    another = sent(key="test_plain:2")
    assert [mailgun(provider, mail), mailgun(provider, mail)] == [200, 200]
    mail.refresh_from_db()
    another.refresh_from_db()
    words = "sent back: 550 5.1.1 No such user here"
    assert (mail.state, mail.reason, mail.returned, another.state) == ("bounced", words, words, "sent")
    assert mail.bounced_at is not None
    assert mail.sent_at is not None


def test_bounce_of_a_provider_that_knows_only_the_address_is_the_last_mail_sent_to_it_before(
    provider: Client, mail: OutgoingMail
) -> None:
    later = sent(key="test_plain:2")
    stranger = sent(key="test_plain:3", recipient="another@example.com")
    OutgoingMail.objects.filter(pk=mail.pk).update(sent_at=clock.now() - timedelta(hours=2))
    assert [postmark(provider, "READER@example.com"), postmark(provider, "reader@example.com")] == [200, 200]
    assert [row.state for row in (refreshed(mail), refreshed(later), refreshed(stranger))] == ["sent", "bounced", "sent"]
    assert postmark(provider, "reader@example.com", at=clock.now() - timedelta(hours=1)) == 200
    assert refreshed(mail).state == "bounced"


def test_bounce_that_comes_after_a_week_is_about_no_mail_that_we_could_name(provider: Client, mail: OutgoingMail) -> None:
    OutgoingMail.objects.update(sent_at=clock.now() - timedelta(days=8))
    assert postmark(provider, mail.recipient) == 200
    assert refreshed(mail).state == "sent"


def refreshed(mail: OutgoingMail) -> OutgoingMail:
    mail.refresh_from_db()
    return mail


def test_our_message_id_is_found_wherever_the_provider_puts_it(provider: Client, mail: OutgoingMail) -> None:
    rows = [mail, *(sent(key=f"test_plain:{number}") for number in range(2, 5))]
    assert amazon(provider, rows[0], "Permanent") == 200
    sendgrid = {"event": "bounce", "email": "x@example.com", "smtp-id": rows[1].message_id, "timestamp": 1, "reason": "550 no"}
    assert post(provider, "sendgrid", [sendgrid]) == 200
    assert postmark(provider, "x@example.com", Content=f"Received: ...\nMessage-ID: {rows[2].message_id}\n") == 200
    assert [refreshed(row).state for row in rows] == ["bounced", "bounced", "bounced", "sent"]


@pytest.mark.parametrize("way", ["mailgun", "postmark", "amazon", "code"])
def test_mail_that_is_only_put_off_stays_sent_with_a_note(provider: Client, mail: OutgoingMail, way: str) -> None:
    say_it = {
        "mailgun": lambda: mailgun(provider, mail, severity="temporary"),
        "postmark": lambda: postmark(provider, mail.recipient, "SoftBounce", Details="mailbox full"),
        "amazon": lambda: amazon(provider, mail, "Transient", "MailboxFull"),
        "code": lambda: postmark(provider, mail.recipient, Details="smtp;452 4.2.2 mailbox full"),
    }
    assert say_it[way]() == 200
    assert (refreshed(mail).state, mail.bounced_at, mail.returned.startswith("put off: ")) == ("sent", None, True)
    assert wants_mail(email=mail.recipient, topic=NEWS)
    assert mailgun(provider, mail) == 200
    assert refreshed(mail).state == "bounced"


@pytest.mark.parametrize("event", ["opened", "clicked", "delivered", "unsubscribed"])
def test_news_that_is_no_bounce_changes_nothing(provider: Client, mail: OutgoingMail, event: str) -> None:
    assert mailgun(provider, mail, event) == 200
    assert (refreshed(mail).state, mail.returned, MailWish.objects.count()) == ("sent", "", 0)


def test_bounce_that_is_heard_before_we_wrote_down_the_sending_is_not_lost(
    provider: Client, mail: OutgoingMail, monkeypatch: pytest.MonkeyPatch
) -> None:
    from redreport.outbox import relay

    owed, really_send = owe_mail(key="test_plain:2"), relay.send

    def send_and_bounce(message: Any, now: datetime) -> relay.Reply:
        reply = really_send(message, now)
        assert mailgun(provider, owed) == 200
        return reply

    monkeypatch.setattr(relay, "send", send_and_bounce)
    assert deliver_mail(owed.pk, clock.now()) == "sent"
    assert (refreshed(owed).state, owed.reason) == ("bounced", "sent back: 550 5.1.1 No such user here")


def test_mail_we_do_not_know_is_answered_200_and_logged_without_its_address(
    provider: Client, mail: OutgoingMail, caplog: pytest.LogCaptureFixture
) -> None:
    stranger = OutgoingMail(recipient="stranger@example.com", message_id="<11111111-2222-3333-4444-555555555555@testserver>")
    assert mailgun(provider, stranger) == 200
    assert postmark(provider, "stranger@example.com") == 200
    assert (caplog.text.count("bounce_of_unknown_mail"), "stranger" in caplog.text) == (2, False)
    assert refreshed(mail).state == "sent"


def test_nobody_but_the_provider_is_believed(provider: Client, mail: OutgoingMail, settings: Any) -> None:
    nobody = Client()
    assert [mailgun(nobody, mail), postmark(nobody, mail.recipient)] == [400, 400]
    assert mailgun(provider, mail, key="another key") == 400
    assert provider.get("/mail/anymail/postmark/tracking/").status_code == 405
    assert [post(provider, "postmark", "no object"), post(provider, "mailgun", []), post(provider, "sendgrid", [{}])] == [400] * 3
    assert refreshed(mail).state == "sent"
    # A provider that signs, and whose key we do not have; mail that comes in is no business of ours.
    assert post(provider, "postal", {}) == 404
    assert provider.post("/mail/anymail/postmark/inbound/", {}).status_code == 404


def test_without_a_secret_the_addresses_are_closed(provider: Client, mail: OutgoingMail, settings: Any) -> None:
    settings.ANYMAIL = {"WEBHOOK_SECRET": ""}
    assert [mailgun(provider, mail), postmark(provider, mail.recipient), amazon(provider, mail, "Permanent")] == [404] * 3
    assert refreshed(mail).state == "sent"


@pytest.mark.parametrize("kind", ["HardBounce", "SpamComplaint"])
def test_address_that_bounced_or_complained_gets_no_optional_mail_any_more(
    provider: Client, mail: OutgoingMail, kind: str, settings: Any
) -> None:
    settings.POSTAL_ADDRESS = "1 Example Street"
    register_test_kind("test_news", topic=NEWS)
    assert postmark(provider, mail.recipient, kind) == 200
    news = owe_mail("test_news", "test_news:1")
    assert deliver_mail(news.pk, clock.now()) == "withheld"
    say_wish(email=mail.recipient, topic=NEWS, is_wanted=True, now=clock.now())
    wanted_again = owe_mail("test_news", "test_news:2")
    assert deliver_mail(wanted_again.pk, clock.now()) == "sent"


def test_reader_whose_address_bounced_still_wants_what_they_wanted_at_the_next_one(mail: OutgoingMail) -> None:
    register_test_kind("test_news", topic=NEWS)
    other = Topic("test_other", "Other", is_wanted_unasked=True)
    register_test_kind("test_other", topic=other)
    now = clock.now()
    say_wish(email=mail.recipient, topic=other, is_wanted=False, now=now)
    note(mail)
    assert not wants_mail(email=mail.recipient, topic=NEWS)
    carry_wishes(from_email=mail.recipient, to_email="new@example.com", now=now)
    assert wants_mail(email="new@example.com", topic=NEWS)
    assert not wants_mail(email="new@example.com", topic=other)
    say_wish(email=mail.recipient, topic=NEWS, is_wanted=False, now=now)
    carry_wishes(from_email=mail.recipient, to_email="third@example.com", now=now)
    assert not wants_mail(email="third@example.com", topic=NEWS)


def note(mail: OutgoingMail, returned: Returned = Returned.BOUNCED, at: datetime | None = None) -> None:
    now = at or clock.now()
    note_bounce(returned=returned, message_id=mail.message_id, recipient="", said="550 No such user", happened_at=now, now=now)


def test_mail_that_was_never_sent_cannot_come_back(mail: OutgoingMail) -> None:
    for state in ("failed", "withheld", "missed"):
        row = owe_mail(key=f"test_plain:{state}")
        OutgoingMail.objects.filter(pk=row.pk).update(state=state, reason="as it was")
        note(row)
        assert (refreshed(row).state, row.reason) == (state, "as it was")


def confirmation(name: str = "Ada Reader") -> OutgoingMail:
    """The confirmation of a seat, which the relay took."""
    seat = make_guest_seat(make_live_session(), make_user(name))
    mail = OutgoingMail.objects.get(kind="seat_confirmed", context__seat_id=seat.pk)
    assert deliver_mail(mail.pk, clock.now()) == "sent"
    return mail


def test_confirmation_that_came_back_opens_one_case_that_says_what_to_do(mail: OutgoingMail) -> None:
    returned = confirmation()
    note(returned)
    assert [sweep_bounces_task(), sweep_bounces_task()] == [1, 0]
    case = Case.objects.get()
    assert (case.kind, case.state, case.mail_id) == ("mail_bounced", "opened", returned.pk)
    assert case.seat_id == returned.context["seat_id"]
    assert case.summary.startswith("Not delivered: confirmation for Ada Reader in “Reading the plenum")
    assert case.summary.endswith("(sent back: 550 No such user)")
    assert "hand the seat over" in case.proposal


def test_one_address_has_one_case_at_a_time(mail: OutgoingMail) -> None:
    first = confirmation()
    second = sent(key="test_plain:again", recipient=first.recipient)
    note(first)
    note(second)
    assert sweep_bounces_task() == 1
    Case.objects.update(state="settled", settled_at=clock.now(), resolution="Asked the booker")
    assert sweep_bounces_task() == 0
    third = sent(key="test_plain:third", recipient=first.recipient)
    note(third, at=clock.now() + timedelta(minutes=1))
    assert sweep_bounces_task() == 1
    assert Case.objects.filter(state="opened").get().mail == third


def test_optional_mails_and_codes_that_come_back_open_no_case(mail: OutgoingMail, settings: Any) -> None:
    settings.POSTAL_ADDRESS = "1 Example Street"
    register_test_kind("test_news", topic=NEWS)
    reader = make_user()
    Client().post("/accounts/login/", {"login": reader.email})
    code = OutgoingMail.objects.get(kind="account_mail")
    assert deliver_mail(code.pk, clock.now()) == "sent"
    for row in (code, sent(kind="test_news", key="test_news:1")):
        note(row)
        assert refreshed(row).state == "bounced"
    assert sweep_bounces_task() == 0


def test_mail_refused_for_good_opens_a_case_and_settles_it_when_it_is_sent_after_all(
    mail: OutgoingMail, smtp_server: MailServer
) -> None:
    smtp_server.answer(550, "No such user", stage="recipient")
    owed = owe_mail(key="test_plain:refused", recipient="typo@example.com")
    assert deliver_mail(owed.pk, clock.now()) == "failed"
    assert sweep_bounces_task() == 1
    smtp_server.accept()
    OutgoingMail.objects.filter(pk=owed.pk).update(state="queued", due_at=clock.now())
    assert sweep_bounces_task() == 0
    assert Case.objects.get().state == "opened"
    deliver_mail(owed.pk, clock.now())
    sweep_bounces_task()
    case = Case.objects.get()
    assert (case.state, case.settled_by, case.resolution) == ("settled", None, "The mail is sent by now.")


@pytest.mark.django_db
@pytest.mark.parametrize("state", ["bounced", "failed"])
def test_renewal_notice_that_did_not_arrive_is_a_case_about_the_notice(state: str) -> None:
    now = clock.now()
    notice = build_world(now).notice
    notice.mail = owe_mail("renewal_notice", "renewal_notice:1", context={"notice_id": notice.pk})
    notice.save()
    sent = {"sent_at": now, "bounced_at": now} if state == "bounced" else {}
    OutgoingMail.objects.filter(key="renewal_notice:1").update(state=state, reason="refused for good", **sent)
    assert [sweep_bounces_task(), sweep_bounces_task()] == [1, 0]
    case = Case.objects.get()
    assert (case.kind, case.subscription, case.mail_id) == ("renewal_notice", notice.subscription, notice.mail_id)
    assert case.summary.endswith("did not arrive: refused for good")
    assert "write to the reader in another way" in case.proposal


@pytest.mark.django_db(transaction=True)
def test_two_sweeps_at_once_open_one_case() -> None:
    seat = make_guest_seat(make_live_session())
    OutgoingMail.objects.filter(context__seat_id=seat.pk).update(state="failed", reason="refused for good")
    assert sorted(map(str, at_once([sweep_bounces_task for _ in range(3)]))) == ["0", "0", "1"]
    assert Case.objects.count() == 1


def test_address_longer_than_any_that_we_write_to_is_nobodys(provider: Client, mail: OutgoingMail) -> None:
    assert postmark(provider, f"{'a' * 300}@example.com") == 200
    assert not MailWish.objects.exists()
