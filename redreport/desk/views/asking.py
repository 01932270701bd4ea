"""How staff ask for a job: a form, then what it would do to each row, then the confirmation, then its page.

The preview is planned anew when it is confirmed; if it says something else by then it is shown again, and nothing is done.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from redreport import clock
from redreport.desk.jobs.kinds import Draft, JobKind, Wishes
from redreport.desk.jobs.planning import Plan, plan_job
from redreport.desk.models import Job
from redreport.desk.views.common import render_page, require
from redreport.desk.views.confirming import begin_job, begun_before, has_seen, is_confirmed, to_confirm
from sessions_live.models import LiveSession


@dataclass(frozen=True)
class Question:
    """What one page asks for: a kind of job, the form with the wishes, and the rows it is about.

    `drafts` and `wishes` are made of a form that was found right; `carried` are the hidden values (such as the ticked rows) that
    each step of the page sends on beside the form's own.
    """

    kind: JobKind
    title: str
    form: forms.Form
    drafts: Callable[[forms.Form], Sequence[Draft]]
    wishes: Callable[[forms.Form], Wishes]
    live_session: LiveSession | None = None
    carried: Sequence[tuple[str, str]] = ()
    back_to: str = ""
    # Whom it is about, shown above the form while nothing is planned yet.
    about: Sequence[str] = ()


def ask(request: HttpRequest, question: Question) -> HttpResponse:
    """The page of a question at whichever step the request is; `question.form` is bound where something was sent.

    Staff without the kind's permission are refused.
    """
    require(request, question.kind.permission)
    begun = begun_before(request)
    if begun:
        # A second click. By now its job may have changed what the form is compared with: that is no reason to say 'not done'.
        return _to_job(begun)
    if not question.form.is_bound or "change" in request.POST or not question.form.is_valid():
        return _page(request, question, "ask.html", status=400 if question.form.errors else 200)
    now = clock.now()
    drafts, wishes = question.drafts(question.form), question.wishes(question.form)
    plan = plan_job(kind=question.kind, drafts=drafts, wishes=wishes, now=now)
    can_be_done = len(plan.refused) < len(plan.rows)
    if not (is_confirmed(request) and can_be_done and has_seen(request, plan.digest)):
        return _preview(request, question, plan)
    job = begin_job(request, kind=question.kind, plan=plan, wishes=wishes, live_session=question.live_session, now=now)
    return _to_job(job)


def _to_job(job: Job) -> HttpResponse:
    return HttpResponseRedirect(reverse("admin:desk_job", args=[job.public_id]))


def _preview(request: HttpRequest, question: Question, plan: Plan) -> HttpResponse:
    context = {"plan": plan, "sentence": plan.effects.sentence(), **to_confirm(question.form, plan.digest)}
    context["sent_on"] += question.carried
    return _page(request, question, "preview.html", context)


def _page(
    request: HttpRequest, question: Question, template: str, context: dict[str, Any] | None = None, status: int = 200
) -> HttpResponse:
    return render_page(request, template, {"title": question.title, "question": question, **(context or {})}, status)
