"""The roster of one session, on the screen and on paper."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from redreport import clock
from redreport.accounts.selectors import signed_in
from redreport.audit.exporting import record_export
from redreport.desk.addresses import Act, ways
from redreport.desk.models import RosterSeat
from redreport.desk.roster_page import COLUMNS, TABS, Choice, counts_of, money_of, rows_of
from redreport.desk.session_acts import SEATS, WHOLE, session_ways
from redreport.desk.views.common import desk_page, render_page
from sessions_live.models import LiveSession, Seat

EXPORT = "desk.export_rosterseat"
# What is done with the ticked seats, each on a page of its own that asks before anything happens.
WITH_SEATS = [
    Act("Cancel…", "desk_cancel_seats", "sessions_live.change_seat"),
    Act("Move to another session…", "desk_move_seats", "sessions_live.change_seat"),
    Act("Hand over…", "desk_hand_over", "sessions_live.change_seat"),
    Act("Send a mail again…", "desk_resend", "outbox.change_outgoingmail"),
    Act("Restore credits…", "desk_restore_credits", "subscriptions.add_creditgrant"),
    Act("Refund as goodwill…", "desk_goodwill", "sessions_live.change_seat"),
]
HEADS = [
    ("seat", "Seat"),
    ("name", "Attendee"),
    ("firm", "Firm"),
    ("", "Paid with"),
    ("state", "State"),
    ("", "Mails"),
    ("", "Calendar"),
    ("entered", "Entered"),
]


@require_safe
@desk_page("desk.view_rosterseat")
def roster(request: HttpRequest, pk: int) -> HttpResponse:
    """Who sits in a session, how each seat is paid, what was mailed, and what may be done with them."""
    live_session = get_object_or_404(LiveSession, pk=pk)
    user, choice, counts = signed_in(request), Choice.of(request.GET), counts_of(live_session)
    page, rows = rows_of(live_session, choice, request.GET.get("page"))
    context = {
        "title": f"Roster: {live_session}",
        "live_session": live_session,
        "counts": counts,
        "money": money_of(live_session),
        "choice": choice,
        "tabs": [(tab, counts.of_tab(tab), _address(request.GET, tab=tab.name)) for tab in TABS.values()],
        "heads": [_head(request.GET, choice, column, label) for column, label in HEADS],
        "page": page,
        "previous": _address(request.GET, page=str(page.previous_page_number())) if page.has_previous() else "",
        "next": _address(request.GET, page=str(page.next_page_number())) if page.has_next() else "",
        "rows": rows,
        "ticked": "tick" in request.GET,
        "tick_all": _address(request.GET, tick="all", page=str(page.number)),
        "with_seats": ways(WITH_SEATS, user=user, arguments=[pk]),
        "with_session": session_ways([*SEATS, *WHOLE], live_session=live_session, user=user),
        "sees_waitlist": user.has_perm("sessions_live.change_waitlistentry"),
        "sees_orders": user.has_perm("subscriptions.view_order"),
    }
    return render_page(request, "roster.html", context)


@require_safe
@desk_page("desk.view_rosterseat")
def roster_print(request: HttpRequest, pk: int) -> HttpResponse:
    """A list to tick off on paper: names and firms. Addresses only where they are asked for, by who may export them; that
    is written down as an export is."""
    live_session = get_object_or_404(LiveSession, pk=pk)
    shows_emails = "emails" in request.GET
    may_export = signed_in(request).has_perm(EXPORT)
    if shows_emails and not may_export:
        raise PermissionDenied
    taken = RosterSeat.objects.filter(live_session=live_session, state__in=Seat.TAKEN).order_by(COLUMNS["name"], "number")
    seats = list(taken.only("number", "attendee_name", "attendee_firm", "attendee_email", "state"))
    if shows_emails:
        record_export(
            actor=signed_in(request),
            target=live_session,
            what="roster with addresses",
            rows=len(seats),
            extension="print",
            now=clock.now(),
        )
    context = {
        "title": f"Roster: {live_session}",
        "live_session": live_session,
        "seats": seats,
        "shows_emails": shows_emails,
        "may_export": may_export,
    }
    return render_page(request, "roster_print.html", context)


def _head(asked: QueryDict, choice: Choice, column: str, label: str) -> dict[str, Any]:
    """A column's head: the second click on the one by which is sorted turns the order round."""
    if not column:
        return {"label": label}
    is_sorted = choice.by == column
    turned = f"-{column}" if is_sorted and not choice.backwards else column
    direction = ("descending" if choice.backwards else "ascending") if is_sorted else ""
    return {"label": label, "address": _address(asked, by=turned), "sorted": direction}


def _address(asked: QueryDict, **changes: str) -> str:
    """This page with something else chosen: what was searched and sorted stays, the page begins anew."""
    kept = {name: value for name in ("tab", "q", "by") if (value := asked.get(name, ""))}
    query = QueryDict(mutable=True)
    query.update({**kept, **changes})
    return f"?{query.urlencode()}"
