"""What staff ask for in bulk: shown first, done once row by row, gone on with after a crash, and what failed is listed."""

import uuid
from datetime import datetime
from typing import Any

import pytest
from django import forms
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext
from django.urls import include, path

from redreport import clock, urls
from redreport.accounts.models import User
from redreport.audit.models import AuditEntry
from redreport.desk.jobs import kinds
from redreport.desk.jobs.effects import Effects
from redreport.desk.jobs.kinds import Draft, JobKind, Refused, Wishes
from redreport.desk.jobs.planning import plan_job
from redreport.desk.jobs.running import BATCH, UNEXPECTED, run_job, start_job, try_failed_again
from redreport.desk.models import Job, JobItem
from redreport.desk.tasks import sweep_jobs_task
from redreport.desk.views.asking import Question, ask
from redreport.desk.views.common import desk_page
from redreport.desk.views.jobs import ROWS_ON_A_PAGE
from tests.factories import make_staff, make_user

pytestmark = pytest.mark.django_db

DONE: list[str] = []


def plan(draft: Draft, wishes: Wishes, now: datetime) -> Effects:
    if draft.about == "refused":
        raise Refused("It is not theirs.")
    return Effects(mails=1)


def carry_out(item: JobItem, now: datetime) -> str:
    if item.about == "refused meanwhile":
        raise Refused("It was canceled meanwhile.")
    if item.about == "broken":
        raise RuntimeError("a fault in the program")
    DONE.append(item.about)
    return "Written to."


KIND = JobKind("test_letters", "Write letters", "accounts.view_user", plan, carry_out)


@pytest.fixture(autouse=True)
def kind_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(kinds._KINDS, KIND.name, KIND)
    DONE.clear()


def begin(*whom: str, actor: User | None = None, request_id: uuid.UUID | None = None) -> Job:
    return start_job(
        kind=KIND,
        drafts=[Draft(about) for about in whom],
        wishes={"reason": "They asked."},
        preview="Sends 2 mails.",
        request_id=request_id or uuid.uuid4(),
        live_session=None,
        actor=actor or make_staff(),
        now=clock.now(),
    )


def states(job: Job) -> list[tuple[str, str]]:
    return list(job.items.values_list("state", "outcome"))


def test_each_row_is_done_once_and_says_what_came_of_it() -> None:
    job = begin("Ada", "Bo")
    assert [run_job(job_id=job.pk, now=clock.now()) for _ in range(2)] == [False, False]
    assert (DONE, states(job)) == (["Ada", "Bo"], [("done", "Written to.")] * 2)
    job.refresh_from_db()
    assert job.finished_at is not None


def test_the_same_form_sent_twice_is_one_job_with_one_trace() -> None:
    request_id, staff = uuid.uuid4(), make_staff()
    assert begin("Ada", actor=staff, request_id=request_id) == begin("Ada", actor=staff, request_id=request_id)
    assert (JobItem.objects.count(), AuditEntry.objects.filter(verb="asked", reason="They asked.").count()) == (1, 1)


def test_what_fails_keeps_nobody_else_from_being_done_and_is_tried_again_when_asked() -> None:
    job = begin("refused meanwhile", "broken", "Ada")
    run_job(job_id=job.pk, now=clock.now())
    assert states(job) == [("failed", "It was canceled meanwhile."), ("failed", UNEXPECTED), ("done", "Written to.")]
    assert try_failed_again(job_id=job.pk, actor=make_staff(), now=clock.now()) == 2
    run_job(job_id=job.pk, now=clock.now())
    assert DONE == ["Ada"]


def test_a_long_job_is_done_in_batches_and_taken_up_by_the_sweep() -> None:
    job = begin(*(f"Reader {number}" for number in range(BATCH + 1)))
    assert run_job(job_id=job.pk, now=clock.now())
    assert (len(DONE), sweep_jobs_task()) == (BATCH, 1)
    assert not run_job(job_id=job.pk, now=clock.now())
    assert (len(DONE), sweep_jobs_task()) == (BATCH + 1, 0)


@pytest.mark.parametrize(
    ("effects", "sentence"),
    [
        (Effects(), "Changes nothing."),
        (
            Effects(seats_canceled=3, refunds=(("usd", 50000),), credits_returned=1, mails=3, offers=2),
            "Cancels 3 seats, refunds $500, returns 1 credit, sends 3 mails. 2 on the waitlist will be offered a seat.",
        ),
        (Effects(credits_granted=1, unchanged=2), "Grants 1 credit. Leaves 2 as they are."),
    ],
)
def test_effects_are_said_in_one_sentence(effects: Effects, sentence: str) -> None:
    assert effects.sentence() == sentence


def test_effects_of_several_rows_add_up_by_currency() -> None:
    both = Effects(refunds=(("usd", 25000),), mails=1) + Effects(refunds=(("eur", 100), ("usd", 1)), mails=1)
    assert both == Effects(refunds=(("eur", 100), ("usd", 25001)), mails=2)


class LetterForm(forms.Form):
    reason = forms.CharField()


@desk_page("accounts.view_user")
def letters(request: HttpRequest) -> HttpResponse:
    whom = request.POST.getlist("whom") or ["Ada", "refused"]
    question = Question(
        kind=KIND,
        title="Write letters",
        form=LetterForm(request.POST or None),
        drafts=lambda form: [Draft(about) for about in whom],
        wishes=lambda form: dict(form.cleaned_data),
        carried=[("whom", about) for about in whom],
    )
    return ask(request, question)


urlpatterns = [path("letters/", letters), path("", include(urls.urlpatterns))]
with_letters = override_settings(ROOT_URLCONF=__name__)


def confirmed(desk: Client, **changes: str) -> Any:
    """The preview is asked for, and its button pressed."""
    page = desk.post("/letters/", {"reason": "They asked."})
    plan_shown, number = page.context["seen"], page.context["request_id"]
    sent = {"reason": "They asked.", "whom": ["Ada", "refused"], "seen": plan_shown, "request_id": number, "confirm": "Do it"}
    return desk.post("/letters/", {**sent, **changes})


@with_letters
def test_staff_see_what_would_happen_to_each_row_and_only_the_button_does_it(client: Client) -> None:
    client.force_login(make_staff())
    assert "See what will happen" in client.get("/letters/").content.decode()
    page = client.post("/letters/", {"reason": "They asked."}).content.decode()
    assert "Sends 1 mail." in page
    assert "Nothing: It is not theirs." in page
    assert not Job.objects.exists()
    answer = confirmed(client)
    job = Job.objects.get()
    assert answer.headers["Location"] == f"/admin/desk/jobs/{job.public_id}/"
    assert (job.preview, [item.about for item in job.items.all()]) == ("Sends 1 mail.", ["Ada"])


@with_letters
def test_what_is_confirmed_after_it_changed_is_shown_again_and_not_done(client: Client) -> None:
    client.force_login(make_staff())
    page = confirmed(client, seen="another digest").content.decode()
    assert "Something has changed since you looked" in page
    assert not Job.objects.exists()


@with_letters
def test_a_form_without_its_reason_says_so_and_plans_nothing(client: Client) -> None:
    client.force_login(make_staff())
    answer = client.post("/letters/", {"reason": ""})
    assert (answer.status_code, "Fill in: Reason" in answer.content.decode()) == (400, True)


@with_letters
def test_staff_without_the_permission_are_refused_and_readers_led_to_sign_in(client: Client) -> None:
    client.force_login(make_user(is_staff=True))
    assert [client.get("/letters/").status_code, confirmed_without_looking(client)] == [403, 403]
    assert not Job.objects.exists()
    client.force_login(make_user())
    assert client.get("/letters/").status_code in (302, 403)


def plan_digest() -> str:
    return plan_job(kind=KIND, drafts=[Draft("Ada"), Draft("refused")], wishes={}, now=clock.now()).digest


def confirmed_without_looking(desk: Client) -> int:
    return desk.post("/letters/", {"reason": "x", "confirm": "Do it", "seen": plan_digest()}).status_code


def test_every_job_is_found_again_with_how_it_stands(client: Client) -> None:
    client.force_login(make_staff())
    for whom in (["Ada"], ["refused meanwhile"]):
        run_job(job_id=begin(*whom).pk, now=clock.now())
    waiting = begin("Bo")
    with CaptureQueriesContext(connection) as captured:
        page = client.get("/admin/desk/jobs/").content.decode()
    assert f"/admin/desk/jobs/{waiting.public_id}/" in page
    assert [page.count(words) for words in ("under way", "1 failed", "<td>done</td>")] == [1, 1, 1]
    assert len(captured) <= 6


def test_the_page_of_a_job_shows_progress_and_goes_on_by_itself_until_it_is_finished(client: Client) -> None:
    client.force_login(make_staff())
    job = begin("Ada", "refused meanwhile")
    address = f"/admin/desk/jobs/{job.public_id}/"
    assert '<meta http-equiv="refresh"' in client.get(address).content.decode()
    run_job(job_id=job.pk, now=clock.now())
    page = client.get(address).content.decode()
    assert '<meta http-equiv="refresh"' not in page
    assert ("Try what failed again" in page, "It was canceled meanwhile." in page) == (True, True)
    client.post(f"{address}try-again/")
    assert states(job)[1] == ("waiting", "")


def test_a_job_of_a_kind_that_the_program_has_no_more_is_still_readable_and_cannot_be_tried_again(client: Client) -> None:
    client.force_login(make_staff())
    job = begin("refused meanwhile")
    run_job(job_id=job.pk, now=clock.now())
    Job.objects.update(kind="of_last_year")
    address = f"/admin/desk/jobs/{job.public_id}/"
    page = client.get(address).content.decode()
    assert ("It was canceled meanwhile." in page, "Try what failed again" in page) == (True, False)
    assert client.post(f"{address}try-again/").status_code == 404
    assert states(job) == [("failed", "It was canceled meanwhile.")]


def test_a_long_job_is_shown_page_by_page_with_what_failed_first(client: Client) -> None:
    client.force_login(make_staff())
    job = begin(*(f"Reader {number}" for number in range(1, ROWS_ON_A_PAGE + 1)), "refused meanwhile")
    while run_job(job_id=job.pk, now=clock.now()):
        pass
    address = f"/admin/desk/jobs/{job.public_id}/"
    first, second = (client.get(address, {"page": page}) for page in (1, 2))
    assert [item.about for item in first.context["items"]][:2] == ["refused meanwhile", "Reader 1"]
    assert [item.about for item in second.context["items"]] == [f"Reader {ROWS_ON_A_PAGE}"]
    assert (first.context["done"], first.context["failed"], first.context["number"]) == (ROWS_ON_A_PAGE, 1, ROWS_ON_A_PAGE + 1)
    assert "?page=2" in first.content.decode()


def test_what_was_shown_is_told_apart_by_its_rows_although_the_sums_are_the_same() -> None:
    plans = [
        plan_job(kind=KIND, drafts=drafts, wishes={}, now=clock.now())
        for drafts in (
            [Draft("Ada: has 0 credits"), Draft("refused")],
            [Draft("Ada: has 3 credits"), Draft("refused")],
        )
    ]
    assert plans[0].effects.sentence() == plans[1].effects.sentence()
    assert plans[0].digest != plans[1].digest
