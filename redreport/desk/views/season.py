"""Making a season: a form, then its dates, of which any can be unticked, then all the drafts at once."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from redreport import clock
from redreport.desk.forms.season import SeasonForm
from redreport.desk.jobs.planning import plan_job
from redreport.desk.jobs.running import run_job
from redreport.desk.jobs.season import MAKE_SEASON, SeasonDate, draft_of, season_dates
from redreport.desk.models import JobItem
from redreport.desk.views.common import GET_OR_POST, desk_page, render_page
from redreport.desk.views.confirming import begin_job, begun_before, has_seen, is_confirmed, to_confirm
from sessions_live.monthly import Pattern, pattern_in_words

CHANGED = "The schedule has changed since you looked: this is how the dates stand now. Nothing was made."
NONE_TICKED = "No date is ticked, so there is nothing to make."


@GET_OR_POST
@desk_page(MAKE_SEASON.permission)
def season(request: HttpRequest) -> HttpResponse:
    """Ask for a season, show its dates in the house's zone and in UTC, and make its drafts once."""
    form = SeasonForm(request.POST if request.method == "POST" else None, now=clock.now())
    if not form.is_bound or "change" in request.POST or not form.is_valid():
        return render_page(request, "season.html", {"title": MAKE_SEASON.label, "form": form}, 400 if form.errors else 200)
    dates = season_dates(form.cleaned_data["title"], form.starts)
    if begun_before(request):
        # A second click: by now the schedule has what the first one made.
        return _make(request, form, form.starts)
    if not is_confirmed(request):
        # A day that has a session already is pointed out, and left out unless somebody ticks it.
        return _dates_page(request, form, dates, [date.starts_at for date in dates if not date.others])
    ticked = [date.starts_at for date in dates if _key(date.starts_at) in request.POST.getlist("date")]
    if not has_seen(request, _seen(dates), otherwise=CHANGED):
        return _dates_page(request, form, dates, ticked)
    if not ticked:
        messages.error(request, NONE_TICKED)
        return _dates_page(request, form, dates, ticked)
    return _make(request, form, ticked)


def _make(request: HttpRequest, form: SeasonForm, ticked: Sequence[datetime]) -> HttpResponse:
    now = clock.now()
    plan = plan_job(kind=MAKE_SEASON, drafts=[draft_of(ticked)], wishes=form.wishes, now=now)
    job = begin_job(request, kind=MAKE_SEASON, plan=plan, wishes=form.wishes, now=now)
    # It takes no time, so it is done at once; a worker that was told of it too finds it done.
    run_job(job_id=job.pk, now=now)
    item = job.items.get()
    if item.state != JobItem.State.DONE:
        return HttpResponseRedirect(reverse("admin:desk_job", args=[job.public_id]))
    messages.success(request, f"{item.outcome} Nobody sees them until each is published.")
    return HttpResponseRedirect(f"{reverse('admin:sessions_live_livesession_changelist')}?state__exact=drafted&o=3")


def _dates_page(request: HttpRequest, form: SeasonForm, dates: Sequence[SeasonDate], ticked: Sequence[datetime]) -> HttpResponse:
    pattern = Pattern(form.cleaned_data["pattern"])
    context: dict[str, Any] = {
        "title": MAKE_SEASON.label,
        "form": form,
        "pattern": pattern_in_words(form.starts[0], pattern),
        "rows": [(_key(date.starts_at), date, date.starts_at in ticked) for date in dates],
        **to_confirm(form, _seen(dates)),
    }
    return render_page(request, "season_dates.html", context)


def _key(starts_at: datetime) -> str:
    return starts_at.strftime("%Y-%m-%dT%H:%MZ")


def _seen(dates: Sequence[SeasonDate]) -> str:
    """The dates and what stands on their days: what staff decide upon."""
    return " ".join(f"{_key(date.starts_at)}/{'/'.join(str(other.pk) for other in date.others)}" for date in dates)
