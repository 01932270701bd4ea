"""What staff do with the seats they ticked on a session's roster, each with a preview of what will happen to which of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import get_object_or_404
from django.urls import reverse

from redreport.accounts.selectors import signed_in
from redreport.desk.forms.seats import (
    CancelSeatsForm,
    GuestsForm,
    HandOverForm,
    MoveSeatsForm,
    OfflinePaymentForm,
    ReasonForm,
)
from redreport.desk.jobs.host_doors import HOST_DOORS, drafts_of_hosts
from redreport.desk.jobs.kinds import Draft, JobKind, Wishes
from redreport.desk.jobs.seats import MOST_SEATS, drafts_of
from redreport.desk.jobs.seats_cancel import CANCEL
from redreport.desk.jobs.seats_give import COMP, OFFLINE, guest_draft, paid_draft
from redreport.desk.jobs.seats_goodwill import GOODWILL
from redreport.desk.jobs.seats_hand_over import HAND_OVER, to_attendee
from redreport.desk.jobs.seats_move import MOVE
from redreport.desk.jobs.seats_resend import RESEND
from redreport.desk.jobs.seats_restore import RESTORE
from redreport.desk.views.asking import Question, ask
from redreport.desk.views.common import GET_OR_POST, desk_page
from redreport.wording import counted, house_time
from sessions_live.models import LiveSession, Seat
from subscriptions.forms import NothingToAskForm


def _as_filled_in(form: forms.Form) -> Wishes:
    return dict(form.cleaned_data)


def _as_it_is(draft: Draft) -> Draft:
    return draft


@dataclass(frozen=True)
class Ticked:
    """What is asked about ticked seats: `wishes` of a form that was found right, and each seat's row as that form refines it."""

    kind: JobKind
    form: forms.Form
    wishes: Callable[[forms.Form], Wishes] = _as_filled_in
    refine: Callable[[Draft], Draft] = _as_it_is
    most: int = MOST_SEATS


@GET_OR_POST
@desk_page(CANCEL.permission)
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    """Cancel the ticked seats."""
    return _about_ticked(request, pk, Ticked(CANCEL, CancelSeatsForm(_sent(request, "reason"))))


@GET_OR_POST
@desk_page(MOVE.permission)
def move(request: HttpRequest, pk: int) -> HttpResponse:
    """Move the ticked seats to another session."""
    form = MoveSeatsForm(_sent(request, "reason", "to"), out_of=get_object_or_404(LiveSession, pk=pk))
    return _about_ticked(request, pk, Ticked(MOVE, form, wishes=_where_to))


@GET_OR_POST
@desk_page(COMP.permission)
def comp(request: HttpRequest, pk: int) -> HttpResponse:
    """Give seats to guests of the house."""
    live_session, form = get_object_or_404(LiveSession, pk=pk), GuestsForm(_sent(request, "guests", "reason"))
    question = Question(
        kind=COMP,
        title=COMP.label,
        form=form,
        drafts=lambda form: [guest_draft(live_session, guest) for guest in form.cleaned_data["guests"]],
        wishes=lambda form: {"reason": form.cleaned_data["reason"]},
        live_session=live_session,
        back_to=_roster_of(live_session),
        about=_room_in(live_session),
    )
    return ask(request, question)


@GET_OR_POST
@desk_page(OFFLINE.permission)
def offline(request: HttpRequest, pk: int) -> HttpResponse:
    """Give a seat for money that came past Stripe."""
    live_session, form = get_object_or_404(LiveSession, pk=pk), OfflinePaymentForm(_sent(request, "amount", "reason"))
    question = Question(
        kind=OFFLINE,
        title=OFFLINE.label,
        form=form,
        drafts=lambda form: [paid_draft(live_session, form.attendee, form.cleaned_data["reference"])],  # type: ignore[attr-defined]
        wishes=_offline_wishes,
        live_session=live_session,
        back_to=_roster_of(live_session),
        about=_room_in(live_session),
    )
    return ask(request, question)


@GET_OR_POST
@desk_page(HAND_OVER.permission)
def hand_over(request: HttpRequest, pk: int) -> HttpResponse:
    """Give the one ticked seat to somebody else."""
    form, by = HandOverForm(_sent(request, "email", "reason")), signed_in(request).pk
    return _about_ticked(
        request,
        pk,
        Ticked(
            HAND_OVER,
            form,
            wishes=lambda form: {"reason": form.cleaned_data["reason"], "by": by},
            refine=lambda draft: to_attendee(draft, form.attendee),
            most=1,
        ),
    )


@GET_OR_POST
@desk_page(RESEND.permission)
def resend(request: HttpRequest, pk: int) -> HttpResponse:
    """Mail the confirmations of the ticked seats once more."""
    return _about_ticked(request, pk, Ticked(RESEND, NothingToAskForm(request.POST if request.method == "POST" else None)))


@GET_OR_POST
@desk_page(HOST_DOORS.permission)
def host_doors(request: HttpRequest, pk: int) -> HttpResponse:
    """Mail the session's hosts their doors once more."""
    live_session = get_object_or_404(LiveSession, pk=pk)
    drafts = drafts_of_hosts(live_session)
    question = Question(
        kind=HOST_DOORS,
        title=HOST_DOORS.label,
        form=NothingToAskForm(request.POST if request.method == "POST" else None),
        drafts=lambda form: drafts,
        wishes=_as_filled_in,
        live_session=live_session,
        back_to=_roster_of(live_session),
        about=[draft.about for draft in drafts],
    )
    return ask(request, question)


@GET_OR_POST
@desk_page(RESTORE.permission)
def restore_credits(request: HttpRequest, pk: int) -> HttpResponse:
    """Return the credits that the ticked seats forfeited."""
    return _about_ticked(request, pk, Ticked(RESTORE, ReasonForm(_sent(request, "reason"))))


@GET_OR_POST
@desk_page(GOODWILL.permission)
def refund_goodwill(request: HttpRequest, pk: int) -> HttpResponse:
    """Refund what the ticked seats forfeited."""
    return _about_ticked(request, pk, Ticked(GOODWILL, ReasonForm(_sent(request, "reason"))))


def _sent(request: HttpRequest, *names: str) -> QueryDict | None:
    """What a form of these fields was sent; None where the roster's ticks alone led here."""
    return request.POST if request.method == "POST" and any(name in request.POST for name in names) else None


def _roster_of(live_session: LiveSession) -> str:
    """The address of a session's roster."""
    return reverse("admin:desk_roster", args=[live_session.pk])


def _where_to(form: forms.Form) -> Wishes:
    return {"to": form.cleaned_data["to"].pk, "reason": form.cleaned_data["reason"]}


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


def _about_ticked(request: HttpRequest, pk: int, ticked: Ticked) -> HttpResponse:
    live_session = get_object_or_404(LiveSession, pk=pk)
    seat_ids = _ticked(request)
    if not 1 <= len(seat_ids) <= ticked.most:
        messages.warning(request, f"Tick {'one seat' if ticked.most == 1 else f'up to {ticked.most} seats'} first.")
        return HttpResponseRedirect(_roster_of(live_session))
    drafts = drafts_of(live_session, seat_ids)
    question = Question(
        kind=ticked.kind,
        title=f"{ticked.kind.label}: {counted(len(seat_ids), 'seat')} ticked",
        form=ticked.form,
        drafts=lambda _: [ticked.refine(draft) for draft in drafts],
        wishes=ticked.wishes,
        live_session=live_session,
        carried=[("seat", str(seat_id)) for seat_id in seat_ids],
        back_to=_roster_of(live_session),
        about=[draft.about for draft in drafts],
    )
    return ask(request, question)


def _ticked(request: HttpRequest) -> Sequence[int]:
    """The ids of the ticked seats, each once; what is no number is no seat."""
    ticked = request.POST.getlist("seat") or request.GET.getlist("seat")
    return list(dict.fromkeys(int(value) for value in ticked if value.isdecimal() and len(value) < 19))
