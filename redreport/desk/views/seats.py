"""What staff do with the seats they ticked on a session's roster, each with a preview of what will happen to which of them."""

from collections.abc import Callable, Sequence

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import get_object_or_404
from django.urls import NoReverseMatch, reverse
from django.views.decorators.http import require_http_methods

from redreport.desk.jobs.kinds import JobKind, Wishes
from redreport.desk.jobs.seats import MOST_SEATS, drafts_of
from redreport.desk.jobs.seats_cancel import CANCEL
from redreport.desk.jobs.seats_give import COMP, OFFLINE, guest_draft
from redreport.desk.jobs.seats_move import MOVE
from redreport.desk.seat_forms import CancelSeatsForm, GuestsForm, MoveSeatsForm, OfflinePaymentForm
from redreport.desk.views.asking import Question, ask
from redreport.desk.views.common import desk_page
from redreport.wording import counted, house_time
from sessions_live.models import LiveSession, Seat

GET_OR_POST = require_http_methods(["GET", "HEAD", "POST"])


@GET_OR_POST
@desk_page(CANCEL.permission)
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    """Cancel the ticked seats."""
    return _about_ticked(request, pk, CANCEL, CancelSeatsForm(sent(request, "reason")))


@GET_OR_POST
@desk_page(MOVE.permission)
def move(request: HttpRequest, pk: int) -> HttpResponse:
    """Move the ticked seats to another session."""
    form = MoveSeatsForm(sent(request, "reason", "to"), out_of=get_object_or_404(LiveSession, pk=pk))
    return _about_ticked(
        request, pk, MOVE, form, lambda form: {"to": form.cleaned_data["to"].pk, "reason": form.cleaned_data["reason"]}
    )


@GET_OR_POST
@desk_page(COMP.permission)
def comp(request: HttpRequest, pk: int) -> HttpResponse:
    """Give seats to guests of the house."""
    live_session, form = get_object_or_404(LiveSession, pk=pk), GuestsForm(sent(request, "guests", "reason"))
    question = Question(
        kind=COMP,
        title=COMP.label,
        form=form,
        drafts=lambda form: [guest_draft(live_session, guest) for guest in form.cleaned_data["guests"]],
        wishes=lambda form: {"reason": form.cleaned_data["reason"]},
        live_session=live_session,
        back_to=roster_of(live_session),
        about=_room_in(live_session),
    )
    return ask(request, question)


@GET_OR_POST
@desk_page(OFFLINE.permission)
def offline(request: HttpRequest, pk: int) -> HttpResponse:
    """Give a seat for money that came past Stripe."""
    live_session, form = get_object_or_404(LiveSession, pk=pk), OfflinePaymentForm(sent(request, "amount", "reason"))
    question = Question(
        kind=OFFLINE,
        title=OFFLINE.label,
        form=form,
        drafts=lambda _: [guest_draft(live_session, form.attendee)],
        wishes=_offline_wishes,
        live_session=live_session,
        back_to=roster_of(live_session),
        about=_room_in(live_session),
    )
    return ask(request, question)


def sent(request: HttpRequest, *names: str) -> QueryDict | None:
    """What a form of these fields was sent; None where the roster's ticks alone led here."""
    return request.POST if request.method == "POST" and any(name in request.POST for name in names) else None


def roster_of(live_session: LiveSession) -> str:
    """The address of a session's roster."""
    try:
        return reverse("admin:desk_roster", args=[live_session.pk])
    except NoReverseMatch:
        return f"{reverse('admin:desk_rosterseat_changelist')}?live_session__id__exact={live_session.pk}"


def _offline_wishes(form: forms.Form) -> Wishes:
    given = form.cleaned_data
    return {
        "amount_minor": given["amount"],
        "currency": given["currency"],
        "paid_on": given["paid_on"].isoformat(),
        "reference": given["reference"],
        "reason": given["reason"],
    }


def _room_in(live_session: LiveSession) -> list[str]:
    """When it is, and how many places are left; readers who wait for one are passed over."""
    active = Seat.objects.filter(live_session=live_session, state__in=Seat.ACTIVE).count()
    left = max(0, live_session.capacity - active)
    return [
        f"{live_session.title}, {house_time(live_session.starts_at)}",
        f"{counted(left, 'place')} of {live_session.capacity} left",
    ]


def _as_filled_in(form: forms.Form) -> Wishes:
    return dict(form.cleaned_data)


def _about_ticked(
    request: HttpRequest,
    pk: int,
    kind: JobKind,
    form: forms.Form,
    wishes: Callable[[forms.Form], Wishes] = _as_filled_in,
) -> HttpResponse:
    live_session = get_object_or_404(LiveSession, pk=pk)
    seat_ids = _ticked(request)
    if not 1 <= len(seat_ids) <= MOST_SEATS:
        messages.warning(request, f"Tick up to {MOST_SEATS} seats." if seat_ids else "Tick the seats first.")
        return HttpResponseRedirect(roster_of(live_session))
    drafts = drafts_of(live_session, seat_ids)
    question = Question(
        kind=kind,
        title=f"{kind.label}: {counted(len(seat_ids), 'seat')} ticked",
        form=form,
        drafts=lambda _: drafts,
        wishes=wishes,
        live_session=live_session,
        carried=[("seat", str(seat_id)) for seat_id in seat_ids],
        back_to=roster_of(live_session),
        about=[draft.about for draft in drafts],
    )
    return ask(request, question)


def _ticked(request: HttpRequest) -> Sequence[int]:
    """The ids of the ticked seats, each once; what is no number is no seat."""
    ticked = request.POST.getlist("seat") or request.GET.getlist("seat")
    return list(dict.fromkeys(int(value) for value in ticked if value.isdecimal() and len(value) < 19))
