"""What was asked for, and a job's page: how far it has come, what came of each row, and another try for what failed."""

import uuid

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Case, Count, Q, When
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from redreport import clock
from redreport.accounts.selectors import signed_in
from redreport.desk.jobs import kinds
from redreport.desk.jobs.running import try_failed_again
from redreport.desk.models import Job, JobItem
from redreport.desk.views.common import desk_page, render_page, require
from redreport.wording import counted

ROWS_ON_A_PAGE = 200
JOBS_ON_A_PAGE = 50


@require_safe
@desk_page("desk.view_job")
def jobs(request: HttpRequest) -> HttpResponse:
    """Every job, the last first: whoever closed the page of one finds it again."""
    failed = Count("items", filter=Q(items__state=JobItem.State.FAILED))
    asked_for = Job.objects.select_related("made_by", "live_session").annotate(failed=failed).order_by("-made_at", "-id")
    page = Paginator(asked_for, JOBS_ON_A_PAGE).get_page(request.GET.get("page"))
    labels = {found.kind: kind.label for found in page if (kind := kinds.known(found.kind))}
    rows = [(found, labels.get(found.kind, found.kind)) for found in page]
    return render_page(request, "jobs.html", {"title": "Jobs", "page": page, "rows": rows})


@require_safe
@desk_page("desk.view_job")
def job(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """What became so far of a job; the page asks for itself again while a worker is at it."""
    found = get_object_or_404(Job.objects.select_related("made_by", "live_session"), public_id=public_id)
    kind = kinds.known(found.kind)
    counts = found.items.aggregate(
        number=Count("pk"),
        done=Count("pk", filter=Q(state=JobItem.State.DONE)),
        failed=Count("pk", filter=Q(state=JobItem.State.FAILED)),
    )
    rows = found.items.order_by(Case(When(state=JobItem.State.FAILED, then=0), default=1), "number")
    context = {
        "title": f"Job: {kind.label if kind else found.kind}",
        "job": found,
        "items": Paginator(rows, ROWS_ON_A_PAGE).get_page(request.GET.get("page")),
        **counts,
        "may_try_again": kind is not None and signed_in(request).has_perm(kind.permission),
    }
    return render_page(request, "job.html", context)


@require_POST
@desk_page("desk.view_job")
def try_again(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """Have what failed tried again."""
    found = get_object_or_404(Job, public_id=public_id)
    kind = kinds.known(found.kind)
    if kind is None:
        raise Http404
    require(request, kind.permission)
    items = try_failed_again(job_id=found.pk, actor=signed_in(request), now=clock.now())
    if items:
        messages.success(request, f"{counted(items, 'row')} tried again.")
    return HttpResponseRedirect(reverse("admin:desk_job", args=[public_id]))
