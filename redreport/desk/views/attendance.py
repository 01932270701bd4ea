"""The import of a meeting's attendance: the file, who could not be found, what will happen, the job."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import messages
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse

from redreport import clock, wording
from redreport.desk.attendance_matching import By, Matching, drafts_of, match_participants
from redreport.desk.attendance_report import LARGEST_BYTES, Participant, read_report
from redreport.desk.jobs.attendance import ATTENDANCE
from redreport.desk.sheets import Unreadable
from redreport.desk.views.asking import Question, ask
from redreport.desk.views.common import GET_OR_POST, desk_page, render_page
from redreport.wording import counted
from sessions_live.models import LiveSession, Seat

# So many are asked about on one page; who is left over is matched by checking in on the roster.
MOST_ASKED = 60


class ReportForm(forms.Form):
    """The file that the meeting's provider gives."""

    report_file = forms.FileField(label="Report of participants (CSV)", help_text="As it was downloaded, at most 1 MB.")

    def clean_report_file(self) -> list[Participant]:
        """Everybody in it."""
        try:
            return read_report(self.cleaned_data["report_file"].read(LARGEST_BYTES + 1))
        except Unreadable as why:
            raise forms.ValidationError(str(why)) from None


class MatchingForm(forms.Form):
    """Who are those that were not found? Each may be left out."""

    def __init__(self, data: Any, matching: Matching) -> None:
        super().__init__(data)
        self.seats = {str(seat.pk): seat for seat in matching.open_seats}
        choices = [("", "Nobody on the roster: leave out")]
        choices += [(pk, f"{seat.attendee_name}, seat {seat.number}") for pk, seat in self.seats.items()]
        for number, participant in enumerate(matching.unmatched[:MOST_ASKED]):
            self.fields[f"match_{number}"] = forms.ChoiceField(label=_told_apart(participant), choices=choices, required=False)

    def chosen(self) -> dict[int, Seat]:
        """The seats that were chosen, by their ids."""
        return {self.seats[pk].pk: self.seats[pk] for pk in self.cleaned_data.values() if pk}


@GET_OR_POST
@desk_page(ATTENDANCE.permission)
def import_attendance(request: HttpRequest, pk: int) -> HttpResponse:
    """Take in the file, ask who could not be found, show what will happen, and have it done."""
    live_session = get_object_or_404(LiveSession, pk=pk)
    if clock.now() < live_session.door_opens_at:
        return _file_page(request, live_session, None, status=400 if request.method == "POST" else 200)
    if "report" in request.POST:
        participants = _unsealed(request.POST["report"], live_session)
        if participants is None:
            messages.error(request, "What was read from the file got lost. Choose it again.")
            return _file_page(request, live_session, ReportForm())
        return ask(request, _question(request.POST, live_session, participants))
    form = ReportForm(request.POST, request.FILES) if request.method == "POST" else ReportForm()
    if not form.is_valid():
        return _file_page(request, live_session, form, status=400 if form.is_bound else 200)
    return ask(request, _question(None, live_session, form.cleaned_data["report_file"]))


def _question(data: Any, live_session: LiveSession, participants: Sequence[Participant]) -> Question:
    """`data` is what was sent with the names of those who were not found; nothing right after the file was read."""
    seats = Seat.objects.filter(live_session=live_session, state__in=Seat.TAKEN).order_by("attendee_name", "number")
    matching = match_participants(participants, list(seats), list(live_session.hosts.all()))
    # With nobody to ask about there is nothing to fill in: what will happen is shown at once.
    form = MatchingForm(data if matching.unmatched else {}, matching)
    return Question(
        kind=ATTENDANCE,
        title=f"Attendance: {live_session}",
        form=form,
        drafts=lambda form: drafts_of(matching, form.chosen()),  # type: ignore[attr-defined]
        wishes=lambda form: {},
        live_session=live_session,
        carried=[("report", _sealed(participants, live_session))],
        back_to=reverse("admin:desk_roster", args=[live_session.pk]),
        about=_about(matching),
    )


def _about(matching: Matching) -> list[str]:
    found = [how for _, how in matching.matched.values()]
    lines = [f"Found on the roster: {found.count(By.EMAIL)} by e-mail, {found.count(By.NAME)} by name."]
    if matching.hosts:
        lines.append(f"Left out, because they run the session: {counted(matching.hosts, 'host')}.")
    if matching.unmatched:
        lines.append(f"Not found: {len(matching.unmatched)}. Say who they are, or leave them out.")
    if len(matching.unmatched) > MOST_ASKED:
        lines.append(f"The first {MOST_ASKED} of them are shown. Check the others in from the roster.")
    return lines


def _told_apart(participant: Participant) -> str:
    minutes = f"{participant.minutes} min" if participant.minutes else ""
    email = participant.email if participant.email != participant.name else ""
    return ", ".join(part for part in (participant.name, email, participant.joined, minutes) if part)


def _file_page(request: HttpRequest, live_session: LiveSession, form: ReportForm | None, status: int = 200) -> HttpResponse:
    opens = wording.short_house_time(live_session.door_opens_at)
    context = {"title": "Import attendance", "live_session": live_session, "form": form, "opens": opens}
    return render_page(request, "attendance.html", context, status)


def _sealed(participants: Sequence[Participant], live_session: LiveSession) -> str:
    """What was read goes through the pages signed, so that it comes back as it was."""
    rows = [(one.name, one.email, one.joined, one.minutes) for one in participants]
    return signing.dumps(rows, salt=_salt(live_session), compress=True)


def _unsealed(sealed: str, live_session: LiveSession) -> list[Participant] | None:
    try:
        return [Participant(*row) for row in signing.loads(sealed, salt=_salt(live_session))]
    except signing.BadSignature:
        return None


def _salt(live_session: LiveSession) -> str:
    return f"desk.attendance.{live_session.pk}"
