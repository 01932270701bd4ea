"""Staff give credits to readers: shown with what each has and will have, given once, and the reader hears of it."""

import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import Permission
from django.db import connections
from django.test import Client
from django.test.utils import CaptureQueriesContext

from redreport import clock
from redreport.accounts.models import User
from redreport.audit.models import AuditEntry
from redreport.desk.jobs.running import run_job
from redreport.desk.models import Job
from redreport.outbox.deliver import deliver_mail
from redreport.outbox.models import OutgoingMail
from subscriptions.models import CreditEntry, CreditGrant
from subscriptions.operations.granting import give_credits
from tests.factories import make_credits, make_staff, make_user
from tests.fixtures_mail import MailServer
from tests.outbox_helpers import kinds_owed_to
from tests.racing import at_once

pytestmark = pytest.mark.django_db

PAGE = "/admin/desk/credits/grant/"
NOW = datetime(2026, 12, 1, 17, tzinfo=UTC)


@pytest.fixture(autouse=True)
def in_december() -> Any:
    with time_machine.travel(NOW, tick=True):
        yield


@pytest.fixture
def desk(client: Client) -> Client:
    client.force_login(make_staff())
    return client


def wish(*readers: User | str, **values: Any) -> dict[str, Any]:
    addresses = "\n".join(reader if isinstance(reader, str) else reader.email for reader in readers)
    return {"readers": addresses, "credits": 3, "until": "2027-06-30", "reason": "Paid by wire", **values}


def confirmed(desk: Client, sent: dict[str, Any]) -> Job:
    page = desk.post(PAGE, sent)
    sent = {**sent, "seen": page.context["seen"], "request_id": page.context["request_id"], "confirm": "Do it"}
    assert len({desk.post(PAGE, sent).headers["Location"] for _ in range(2)}) == 1
    return Job.objects.get(public_id=page.context["request_id"])


def test_readers_are_given_credits_once_and_are_told(desk: Client) -> None:
    ada, bo = make_user("Ada", email="ada@example.com"), make_user("Bo", email="bo@example.com")
    make_credits(ada, 2)
    page = desk.post(PAGE, wish("ADA@example.com", bo, ada)).content.decode()
    assert "Grants 6 credits, sends 2 mails." in page
    assert "Ada, ada@example.com: has 2 credits, then 5" in page
    assert "Bo, bo@example.com: has 0 credits, then 3" in page
    assert CreditGrant.objects.count() == 1
    job = confirmed(desk, wish(ada, bo))
    for _ in range(2):
        run_job(job_id=job.pk, now=clock.now())
    assert set(job.items.values_list("state", "outcome")) == {("done", "3 credits granted, and mailed about.")}
    grants = CreditGrant.objects.filter(source="staff").order_by("id")
    assert [(grant.subscriber.user, grant.credits, grant.reason) for grant in grants] == [
        (ada, 3, "Paid by wire"),
        (bo, 3, "Paid by wire"),
    ]
    # The end of the 30th of June in New York.
    assert {grant.expires_at for grant in grants} == {datetime(2027, 7, 1, 4, tzinfo=UTC)}
    assert [kinds_owed_to(user.email) for user in (ada, bo)] == [["credits_granted"], ["credits_granted"]]
    assert AuditEntry.objects.filter(verb="granted", reason="Paid by wire").count() == 2


def test_killed_after_the_grant_and_run_again_grants_nothing_more(desk: Client) -> None:
    ada = make_user()
    job = confirmed(desk, wish(ada))
    run_job(job_id=job.pk, now=clock.now())
    job.items.update(state="waiting", done_at=None)
    Job.objects.update(finished_at=None)
    run_job(job_id=job.pk, now=clock.now())
    assert (CreditGrant.objects.get().balance, CreditEntry.objects.count(), kinds_owed_to(ada.email)) == (
        3,
        1,
        ["credits_granted"],
    )


def test_two_of_staff_who_looked_at_the_same_time_do_not_both_grant_without_another_look(desk: Client) -> None:
    ada, colleague = make_user("Ada", email="ada@example.com"), Client()
    colleague.force_login(make_staff())
    seen_by_colleague = colleague.post(PAGE, wish(ada)).context
    run_job(job_id=confirmed(desk, wish(ada)).pk, now=clock.now())
    shown, number = seen_by_colleague["seen"], seen_by_colleague["request_id"]
    page = colleague.post(PAGE, {**wish(ada), "seen": shown, "request_id": number, "confirm": "Do it"}).content.decode()
    assert "Something has changed since you looked" in page
    assert "has 3 credits, then 6" in page
    assert (Job.objects.count(), CreditGrant.objects.count()) == (1, 1)


@pytest.mark.django_db(transaction=True)
def test_asked_for_four_times_at_once_they_are_granted_once() -> None:
    ada, staff, request_id, now = make_user(), make_staff(), uuid.uuid4(), clock.now()

    def give() -> CreditGrant:
        expires_at = now.replace(year=2027)
        return give_credits(
            user=ada, credits=3, expires_at=expires_at, actor=staff, reason="Wire", request_id=request_id, now=now
        )

    grants: list[Any] = at_once([give] * 4)
    assert len({grant.pk for grant in grants}) == 1
    assert (CreditEntry.objects.count(), OutgoingMail.objects.count()) == (1, 1)


def test_who_has_no_account_or_a_closed_one_is_left_out_and_the_others_are_not(desk: Client) -> None:
    ada, gone = make_user(), make_user(is_active=False)
    page = desk.post(PAGE, wish(ada, gone, "nobody@example.com")).content.decode()
    assert "Nothing: No account has this address." in page
    assert "Nothing: The account of this address is switched off." in page
    job = confirmed(desk, wish(ada, gone, "nobody@example.com"))
    run_job(job_id=job.pk, now=clock.now())
    assert CreditGrant.objects.get().subscriber.user == ada


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"credits": 0}, "greater than or equal to 1"),
        ({"credits": 121}, "less than or equal to 120"),
        ({"until": "2026-12-01"}, "That day is not in the future."),
        ({"until": "2126-12-01"}, "more than 10 years away"),
        ({"reason": ""}, "Fill in: Why"),
        ({"readers": " , "}, "Write at least one address."),
        ({"readers": " ".join(f"r{number}@example.com" for number in range(101))}, "At most 100 readers at once."),
    ],
)
def test_what_cannot_be_granted_is_refused_in_words(desk: Client, values: dict[str, Any], said: str) -> None:
    answer = desk.post(PAGE, {**wish(make_user()), **values})
    assert (answer.status_code, said in answer.content.decode()) == (400, True)


def test_a_year_and_the_readers_one_comes_from_are_suggested(desk: Client) -> None:
    ada = make_user(email="ada@example.com")
    page = desk.get(PAGE, {"reader": [str(ada.pk), "x", "9" * 30]}).content.decode()
    assert ("ada@example.com" in page, 'value="2027-12-01"' in page) == (True, True)


def test_page_asks_the_same_of_the_database_however_many_readers(desk: Client) -> None:
    readers = [make_user() for _ in range(30)]

    def queries(count: int) -> int:
        with CaptureQueriesContext(connections["default"]) as asked:
            desk.post(PAGE, wish(*readers[:count]))
        return len(asked)

    queries(1)
    assert queries(2) == queries(30)


def test_staff_without_the_permission_grant_nothing(client: Client) -> None:
    helper = make_user(is_staff=True)
    helper.user_permissions.add(*Permission.objects.filter(codename__in=["view_creditgrant", "add_user"]))
    client.force_login(helper)
    sent = {**wish(make_user()), "confirm": "Do it", "request_id": str(uuid.uuid4())}
    assert [client.get(PAGE).status_code, client.post(PAGE, sent).status_code] == [403, 403]
    assert not Job.objects.exists()


def test_mail_says_how_many_until_when_and_not_why(smtp_server: MailServer) -> None:
    ada = make_user()
    make_credits(ada, 2)
    give_credits(user=ada, credits=1, expires_at=datetime(2027, 7, 1, 4, tzinfo=UTC), actor=make_staff(), reason="Wire", now=NOW)
    deliver_mail(OutgoingMail.objects.get(kind="credits_granted").pk, clock.now())
    [mail] = smtp_server.mails
    assert mail.subject == "You have 1 new credit"
    for part in (mail.part("text/plain"), mail.part("text/html")):
        assert "good for sessions that start before 1 July 2027" in part
        assert "With those you had, 3 are left." in part
        assert "Wire" not in part


def test_mail_about_credits_that_have_expired_is_missed(smtp_server: MailServer) -> None:
    give_credits(
        user=make_user(), credits=1, expires_at=datetime(2026, 12, 2, tzinfo=UTC), actor=make_staff(), reason="x", now=NOW
    )
    mail = OutgoingMail.objects.get(kind="credits_granted")
    deliver_mail(mail.pk, datetime(2026, 12, 3, tzinfo=UTC))
    mail.refresh_from_db()
    assert (mail.state, mail.reason) == ("missed", "the credits have expired")
