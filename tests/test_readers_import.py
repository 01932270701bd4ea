"""Readers who had signed up by mail are imported from a list: checked row by row, shown first, once each."""

import re
import time
from datetime import UTC, datetime
from html import unescape
from typing import Any

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connections
from django.test import Client
from django.test.utils import CaptureQueriesContext

from redreport import clock
from redreport.accounts.models import User
from redreport.accounts.selectors import has_proven_email
from redreport.audit.models import AuditEntry
from redreport.desk.jobs.running import run_job
from redreport.desk.models import Job
from redreport.desk.readers_file import MOST_ROWS, read_readers
from redreport.desk.sheets import Unreadable, decode
from redreport.outbox.deliver import deliver_mail
from redreport.outbox.models import OutgoingMail
from subscriptions.errors import ReaderNotImportable
from subscriptions.models import CreditEntry, CreditGrant, Subscriber
from subscriptions.operations.granting import give_credits
from subscriptions.operations.importing import ReaderToImport, import_reader
from tests.factories import make_staff, make_user
from tests.fixtures_mail import MailServer
from tests.outbox_helpers import kinds_owed_to
from tests.racing import at_once
from tests.staff import desk_of, staff_who_may

pytestmark = pytest.mark.django_db

PAGE = "/admin/desk/readers/import/"
NOW = datetime(2026, 12, 1, 17, tzinfo=UTC)
LIST = (
    "email,name,firm,credits,credits_until,note\n"
    "Ada@Example.com,Ada Okafor,Hill & Co,12,2027-12-31,INV-7\n"
    "bo@example.com,Bo Chen,,,,\n"
)


@pytest.fixture(autouse=True)
def in_december() -> Any:
    with time_machine.travel(NOW, tick=True):
        yield


@pytest.fixture
def desk(client: Client) -> Client:
    client.force_login(make_staff())
    return client


def faults(text: str) -> dict[int, str]:
    """What is to be mended, by the line."""
    return {row.line: row.fault for row in read_readers(text, NOW) if row.fault}


def fault_of(row: str) -> str:
    return faults(f"email,name,firm,credits,credits_until,note\n{row}\n").get(2, "")


def confirmed(desk: Client, text: str = LIST, **sent: Any) -> Any:
    """The list is looked at, and the button below the preview pressed."""
    page = desk.post(PAGE, {"text": text, **sent})
    hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page.content.decode()))
    return desk.post(PAGE, {**{name: unescape(value) for name, value in hidden.items()}, "confirm": "Do it"})


def carried_out(answer: Any) -> list[tuple[str, str]]:
    """What came of the rows of the job that was just begun, once a worker has been there."""
    job = Job.objects.get(public_id=answer.headers["Location"].rstrip("/").rpartition("/")[2])
    assert not run_job(job_id=job.pk, now=clock.now())
    return list(job.items.values_list("state", "outcome"))


def test_list_is_shown_first_then_imported_with_credits_and_one_invitation_each(desk: Client) -> None:
    page = desk.post(PAGE, {"text": LIST}).content.decode()
    assert "Grants 12 credits, opens 2 accounts, sends 2 mails." in page
    assert not User.objects.filter(email="ada@example.com").exists()
    assert carried_out(confirmed(desk)) == [
        ("done", "Account opened, invitation mailed. 12 credits."),
        ("done", "Account opened, invitation mailed."),
    ]
    ada, bo = (User.objects.get(email=f"{name}@example.com") for name in ("ada", "bo"))
    assert (ada.name, ada.firm, ada.has_usable_password(), has_proven_email(ada)) == ("Ada Okafor", "Hill & Co", False, False)
    grant = CreditGrant.objects.get()
    assert (grant.subscriber.user, grant.credits, grant.balance, grant.reason, grant.source) == (ada, 12, 12, "INV-7", "staff")
    # The end of the last day, in New York.
    assert grant.expires_at == datetime(2028, 1, 1, 5, tzinfo=UTC)
    assert [kinds_owed_to(user.email) for user in (ada, bo)] == [["invitation"], ["invitation"]]
    assert AuditEntry.objects.filter(verb="user_added", actor=User.objects.get(is_superuser=True)).count() == 2
    assert not Subscriber.objects.filter(user=bo).exists()


def test_the_same_list_again_and_a_longer_one_import_only_what_is_new(desk: Client) -> None:
    carried_out(confirmed(desk))
    page = desk.post(PAGE, {"text": LIST}).content.decode()
    assert "Changes nothing." in page
    assert "was given 12 credits for this note before" in page
    assert carried_out(confirmed(desk)) == [("done", "Nothing to do: it was imported before.")] * 2
    assert carried_out(confirmed(desk, LIST + "cy@example.com,Cy Young,,3,31 Dec 2027,INV-8\n"))[2] == (
        "done",
        "Account opened, invitation mailed. 3 credits.",
    )
    assert list(CreditGrant.objects.order_by("id").values_list("credits", flat=True)) == [12, 3]
    assert OutgoingMail.objects.filter(kind="invitation").count() == 3


def test_the_button_pressed_twice_begins_one_job(desk: Client) -> None:
    page = desk.post(PAGE, {"text": LIST})
    sent = {"text": LIST, "seen": page.context["seen"], "request_id": page.context["request_id"], "confirm": "Do it"}
    first = desk.post(PAGE, sent)
    # A worker may be done before the second click is read.
    carried_out(first)
    assert desk.post(PAGE, sent).headers["Location"] == first.headers["Location"]
    assert Job.objects.count() == 1


def test_killed_after_a_row_and_run_again_it_does_the_others_and_nothing_twice(desk: Client) -> None:
    job = Job.objects.get(public_id=confirmed(desk).headers["Location"].rstrip("/").rpartition("/")[2])
    run_job(job_id=job.pk, now=clock.now(), limit=1)
    job.items.update(state="waiting", done_at=None, outcome="")
    run_job(job_id=job.pk, now=clock.now())
    assert list(job.items.values_list("outcome", flat=True)) == [
        "Nothing to do: it was imported before.",
        "Account opened, invitation mailed.",
    ]
    assert (CreditGrant.objects.get().balance, OutgoingMail.objects.filter(kind="invitation").count()) == (12, 2)


def test_known_account_keeps_its_name_and_firm_and_is_told_of_its_credits(desk: Client) -> None:
    ada = make_user("Ada Lovelace", email="ada@example.com", firm="")
    [first, _] = carried_out(confirmed(desk))
    assert first == ("done", "Credits granted to the account there was. 12 credits.")
    ada.refresh_from_db()
    assert (ada.name, ada.firm, kinds_owed_to(ada.email)) == ("Ada Lovelace", "", ["credits_granted"])


def test_another_note_grants_more_and_the_same_in_other_case_does_not(desk: Client) -> None:
    carried_out(confirmed(desk))
    carried_out(confirmed(desk, LIST.replace("INV-7", "  inv-7 ")))
    assert CreditGrant.objects.count() == 1
    carried_out(confirmed(desk, LIST.replace("INV-7", "INV-9")))
    assert CreditGrant.objects.count() == 2


def test_credits_given_by_hand_for_the_same_reason_are_not_given_again_by_a_list(desk: Client) -> None:
    ada = make_user(email="ada@example.com")
    give_credits(user=ada, credits=5, expires_at=NOW.replace(year=2027), actor=make_staff(), reason="inv-7", now=NOW)
    assert carried_out(confirmed(desk))[0] == ("done", "Nothing to do: it was imported before.")
    assert CreditGrant.objects.get().credits == 5


def test_credits_of_somebody_who_took_another_address_are_not_granted_to_the_old_one(desk: Client) -> None:
    carried_out(confirmed(desk))
    User.objects.filter(email="ada@example.com").update(email="lovelace@example.com")
    page = desk.post(PAGE, {"text": LIST}).content.decode()
    assert "granted before, to the account that is now lovelace@example.com" in page
    with pytest.raises(ReaderNotImportable):
        import_reader(reader=read_readers(LIST, NOW)[0].reader, actor=make_staff(), now=NOW)
    assert not User.objects.filter(email="ada@example.com").exists()


def test_account_that_is_switched_off_is_not_imported_into(desk: Client) -> None:
    make_user(email="ada@example.com", is_active=False)
    assert "The account of this address is switched off." in desk.post(PAGE, {"text": LIST}).content.decode()
    assert [state for state, _ in carried_out(confirmed(desk))] == ["done"]
    assert not CreditGrant.objects.exists()


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ("ada@example,Ada", "The address is not one that can be written to."),
        (",Ada", "The address is missing."),
        ("ada@example.com,", "The name is missing."),
        (f"ada@example.com,{'x' * 121}", "The name is longer than 120 characters."),
        ("ada@example.com,=cmd()", "The name begins with “=”, as a formula does. Write it without."),
        ("ada@example.com,Ada,@SUM(A1)", "The firm begins with “@”, as a formula does. Write it without."),
        ("ada@example.com,Ada\tOkafor", "The name has a control character in it, such as a tab. Type it anew."),
        ("ada@example.com,Ada,,121,2027-12-31,INV", "Credits is a whole number from 0 to 120."),
        ("ada@example.com,Ada,,-1,2027-12-31,INV", "Credits is a whole number from 0 to 120."),
        ("ada@example.com,Ada,,1.5,2027-12-31,INV", "Credits is a whole number from 0 to 120."),
        ("ada@example.com,Ada,,2,2026-12-01,INV", "credits_until: That day is not in the future."),
        ("ada@example.com,Ada,,2,2127-12-01,INV", "credits_until: That day is more than 10 years away."),
        ("ada@example.com,Ada,,2,12/31/2027,INV", "credits_until: Write it as 2027-12-31 or 31 Dec 2027."),
        ("ada@example.com,Ada,,2,2027-02-30,INV", "credits_until: Write it as 2027-12-31 or 31 Dec 2027."),
        (
            "ada@example.com,Ada,,2,2027-12-31,",
            "Credits need a note, such as the number of the invoice: it keeps them from being granted twice.",
        ),
        (
            "ada@example.com,Ada,,,2027-12-31,",
            "There is a day for credits, and no number of them. Write 0 if there are none.",
        ),
        ("ada@example.com,Ada,,,,,more", "It has 7 cells, and the first line names 6 columns."),
        (
            'ada@example.com,"Ada',
            "The quotation marks do not fit. Each row stands on one line, and no cell has a line break in it.",
        ),
        ("ada@example.com,Ada,,0,2027-12-31,", ""),
        ("ada@example.com,Ada,,2,31 December 2027,INV", ""),
        ('ada@example.com,"Okafor, Ada"', ""),
    ],
)
def test_row_says_what_is_to_be_mended(row: str, fault: str) -> None:
    assert fault_of(row) == fault


def test_one_bad_row_hides_none_of_the_others(desk: Client) -> None:
    text = 'email;name\n"bad\n\nbo@example.com;Bo\nBO@example.com;Bo again\nno;=x\ncy@example.com;Cy\n;\n'
    assert faults(text) == {
        2: "The quotation marks do not fit. Each row stands on one line, and no cell has a line break in it.",
        5: "This address stands on line 4 already: one row for each reader.",
        6: "The address is not one that can be written to. The name begins with “=”, as a formula does. Write it without.",
    }
    assert "3 of 5 cannot be done and are left out." in desk.post(PAGE, {"text": text}).content.decode()
    assert len(carried_out(confirmed(desk, text))) == 2


@pytest.mark.parametrize(
    ("head", "delimiter"),
    [("", ","), ("", ";"), ("", "\t"), ("sep=;\n", ";"), ('"sep=|"\r\n', "|"), ("\ufeff", ","), ("\n\n", "\t")],
)
def test_columns_stand_in_any_order_between_any_of_the_usual_signs(head: str, delimiter: str) -> None:
    rows = [["Note", "Credits until", "NAME", "E-mail", "Credits"], ["INV-7", "2027-12-31", "Ada", "ada@example.com", "2"]]
    [row] = read_readers(head + "\r\n".join(delimiter.join(row) for row in rows), NOW)
    until = datetime(2028, 1, 1, 5, tzinfo=UTC)
    assert (row.fault, row.reader) == ("", ReaderToImport("ada@example.com", "Ada", "", 2, until, "INV-7"))
    # With the line of its own that Excel writes, numbers are still those that a text editor shows.
    assert row.line == 2 + head.count("\n")


@pytest.mark.parametrize(
    ("content", "is_guessed"),
    [
        ("Zoë 王\n".encode(), False),
        ("Zoë 王\n".encode("utf-8-sig"), False),
        ("Zoë 王\n".encode("utf-16"), False),
        ("Zoë 王\n".encode("utf-16-le"), False),
        ("Zoë 王\n".encode("utf-16-be"), False),
        ("Zoë €\n".encode("cp1252"), True),
    ],
)
def test_file_is_read_in_the_alphabet_it_was_written_in(content: bytes, is_guessed: bool) -> None:
    text, guessed = decode(content)
    assert (text.lstrip("\ufeff") in ("Zoë 王\n", "Zoë €\n"), guessed) == (True, is_guessed)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "There is nothing in it."),
        ("sep=;", "There is nothing in it."),
        ("email,name", "no row below them"),
        ("ada@example.com,Ada", "it lacks email, name"),
        ("email,name,phone\na@example.com,A,1", "These columns are not known: phone."),
        ("email,name,e-mail\na@example.com,A,b@example.com", "twice: email"),
        ("email,name\n" + "a@example.com,A\n" * (MOST_ROWS + 1), f"It has {MOST_ROWS + 1} rows."),
    ],
)
def test_what_is_no_list_of_readers_says_why(text: str, said: str) -> None:
    with pytest.raises(Unreadable, match=re.escape(said)):
        read_readers(text, NOW)


def test_first_line_of_a_megabyte_is_answered_at_once() -> None:
    began = time.process_time()
    with pytest.raises(Unreadable, match="twice: name"):
        read_readers("email" + ",name" * 40_000 + "\na@example.com,A", NOW)
    assert time.process_time() - began < 5


def upload(content: bytes) -> SimpleUploadedFile:
    return SimpleUploadedFile("readers.csv", content, "text/csv")


def test_uploaded_file_is_carried_through_the_preview_as_text(desk: Client) -> None:
    text = LIST.replace("Bo Chen", '"Bo ""B"" <陈>"')
    page = desk.post(PAGE, {"text": "", "file": upload(text.encode("utf-16"))})
    assert page.context["sent_on"] == [("text", text)]
    assert "Bo &quot;B&quot; &lt;陈&gt;" in page.content.decode()
    carried_out(confirmed(desk, "", file=upload(text.encode("utf-16"))))
    assert User.objects.get(email="bo@example.com").name == 'Bo "B" <陈>'
    changed = desk.post(PAGE, {"text": text, "change": "Change something"}).content.decode()
    assert "Bo &quot;&quot;B&quot;&quot; &lt;陈&gt;" in changed


def test_guessed_alphabet_is_pointed_out(desk: Client) -> None:
    page = desk.post(PAGE, {"text": "", "file": upload("email,name\nzoe@example.com,Zoë\n".encode("cp1252"))}).content.decode()
    assert ("Look whether the names read right" in page, "Zoë" in page) == (True, True)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"PK\x03\x04rest", "This is a workbook."),
        (b"\x81\x8d", "Its letters cannot be read."),
        (b"email,name\n" + b"x" * 1_000_000, "It is larger than 1 MB"),
        # In UTF-8 half as long again.
        (("email,name\n" + "王" * 400_000).encode("utf-16"), "It is larger than 1 MB"),
    ],
)
def test_file_that_cannot_be_used_says_why(desk: Client, content: bytes, said: str) -> None:
    answer = desk.post(PAGE, {"text": "", "file": upload(content)})
    assert (answer.status_code, said in answer.content.decode()) == (400, True)


def test_list_of_nearly_a_megabyte_comes_through_all_steps(desk: Client) -> None:
    rows = [f"reader{number}@example.com,{'王' * 110},{'n' * 120}" for number in range(MOST_ROWS)]
    text = "\r\n".join(["email,name,firm", *rows])
    assert 900_000 < len(text.encode()) < 1_000_000
    answer = confirmed(desk, "", file=upload(text.encode()))
    assert Job.objects.get().items.count() == MOST_ROWS
    assert answer.status_code == 302


def test_nothing_to_read_and_an_endless_body_are_refused(desk: Client) -> None:
    assert "Choose a file, or paste the rows." in desk.post(PAGE, {"text": " "}).content.decode()
    assert desk.post(PAGE, {"text": "", "file": upload(b"x" * 2_200_000)}).status_code == 413


def test_list_takes_the_same_queries_however_long_it_is(desk: Client) -> None:
    def queries(rows: int) -> int:
        text = "email,name,credits,credits_until,note\n"
        text += "".join(f"r{number}@example.com,R,1,2027-12-31,INV\n" for number in range(rows))
        with CaptureQueriesContext(connections["default"]) as asked:
            assert desk.post(PAGE, {"text": text}).status_code == 200
        return len(asked)

    desk.post(PAGE, {"text": LIST})
    assert queries(2) == queries(300)


def test_staff_need_the_permission_for_accounts_and_for_credits_the_other_one() -> None:
    assert desk_of(staff_who_may("subscriptions.add_creditgrant")).get(PAGE).status_code == 403
    helper = desk_of(staff_who_may("accounts.add_user"))
    assert helper.get(PAGE).status_code == 200
    assert "you may not grant any" in helper.post(PAGE, {"text": LIST, "confirm": "Do it"}).content.decode()
    without = "email,name\nada@example.com,Ada\n"
    assert confirmed(helper, without).status_code == 302
    assert (Job.objects.count(), desk_of(staff_who_may()).post(PAGE, {"text": without}).status_code) == (1, 403)


@pytest.mark.django_db(transaction=True)
def test_two_imports_of_one_reader_at_once_make_one_account_with_its_credits_once() -> None:
    reader, staff = read_readers(LIST, NOW)[0].reader, make_staff()
    now = clock.now()
    plans: list[Any] = at_once([lambda: import_reader(reader=reader, actor=staff, now=now)] * 4)
    assert sorted(plan.credits for plan in plans) == [0, 0, 0, 12]
    assert (CreditGrant.objects.count(), CreditEntry.objects.count()) == (1, 1)
    assert kinds_owed_to("ada@example.com") == ["invitation"]


def invitation(server: MailServer) -> OutgoingMail:
    mail = OutgoingMail.objects.get(kind="invitation")
    deliver_mail(mail.pk, clock.now())
    mail.refresh_from_db()
    return mail


def test_invitation_says_what_waits_and_how_one_signs_in_and_holds_no_secret(smtp_server: MailServer) -> None:
    import_reader(reader=read_readers(LIST, NOW)[0].reader, actor=make_staff(), now=clock.now())
    assert invitation(smtp_server).state == "sent"
    [mail] = smtp_server.mails
    assert (mail.recipients, mail.subject) == (["ada@example.com"], "Your Red Report Live account")
    for part in (mail.part("text/plain"), mail.part("text/html")):
        assert "12 credits" in part
        assert "good for sessions that start before 1 January 2028" in part
        assert "http://testserver/accounts/login/" in part
        assert "INV-7" not in part


def test_invitation_to_a_mistyped_address_that_was_corrected_is_withheld(smtp_server: MailServer) -> None:
    import_reader(reader=read_readers(LIST, NOW)[0].reader, actor=make_staff(), now=clock.now())
    User.objects.filter(email="ada@example.com").update(email="ada@example.org")
    mail = invitation(smtp_server)
    assert (mail.state, mail.reason, smtp_server.mails) == ("withheld", "the address was corrected", [])


def test_imported_reader_signs_in_by_code(client: Client) -> None:
    import_reader(reader=read_readers(LIST, NOW)[0].reader, actor=make_staff(), now=clock.now())
    client.post("/accounts/login/", {"login": "ada@example.com"})
    client.post("/accounts/login/code/confirm/", {"code": OutgoingMail.objects.latest("pk").read_secret()["code"]})
    assert client.get("/account/").status_code == 200
    assert has_proven_email(User.objects.get(email="ada@example.com"))
