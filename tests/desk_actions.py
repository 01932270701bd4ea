"""What a member of staff does on a page of the desk: fills in the form, looks at what will happen, and presses the button."""

from collections.abc import Sequence
from typing import Any

from django.urls import reverse

from redreport import clock
from redreport.accounts.models import User
from redreport.desk.jobs.running import run_job
from redreport.desk.models import Job, JobItem
from sessions_live.models import Host, LiveSession, Seat
from tests.factories import make_staff
from tests.staff import desk_of


class Desk:
    """A member of staff at one page of a session."""

    def __init__(self, page: str, live_session: LiveSession, staff: User | None = None) -> None:
        self.staff = staff or make_staff()
        self.client = desk_of(self.staff)
        self.address = reverse(f"admin:{page}", args=[live_session.pk])

    def open(self, seats: Sequence[Seat] = ()) -> Any:
        """The page as the roster's button leads to it."""
        return self.client.post(self.address, {"seat": [seat.pk for seat in seats]})

    def look(self, seats: Sequence[Seat] = (), **filled_in: Any) -> Any:
        """What will happen, as the page says it."""
        return self.client.post(self.address, {"seat": [seat.pk for seat in seats], **filled_in})

    def confirm(self, seats: Sequence[Seat] = (), **filled_in: Any) -> Job:
        """The button is pressed under what was shown; nothing is done yet."""
        page = self.look(seats, **filled_in)
        assert page.status_code == 200, page.content.decode()
        sent = {"seat": [seat.pk for seat in seats], **filled_in, "confirm": "Do it"}
        answer = self.client.post(
            self.address, {**sent, "seen": page.context["seen"], "request_id": str(page.context["request_id"])}
        )
        assert answer.status_code == 302, answer.content.decode()
        return Job.objects.latest("id")

    def do(self, seats: Sequence[Seat] = (), **filled_in: Any) -> Job:
        """The button is pressed, and a worker has done it."""
        job = self.confirm(seats, **filled_in)
        run(job)
        return job


def session_form(**values: Any) -> dict[str, Any]:
    """The form of a session as it is filled in: a draft without a meeting address, unless said otherwise."""
    host, _ = Host.objects.get_or_create(name="Mei Lin")
    return {
        "title": "After the plenum",
        "section": "zhongnanhai",
        "question": "Who decides now?",
        "description": "",
        "hosts": [host.pk],
        "starts_at_0": "2099-07-01",
        "starts_at_1": "11:00:00",
        "duration_minutes": 60,
        "capacity": 40,
        "meeting_url": "",
        **values,
    }


def run(job: Job) -> None:
    """The worker does all of it."""
    while run_job(job_id=job.pk, now=clock.now()):
        pass


def run_again(job: Job) -> None:
    """The worker had died before it noted what was done: all of it comes again."""
    job.items.update(state=JobItem.State.WAITING, done_at=None, outcome="")
    run(job)


def outcomes(job: Job) -> list[tuple[str, str]]:
    """What came of each row."""
    return list(job.items.order_by("number").values_list("state", "outcome"))


def refusals(page: Any) -> list[str]:
    """Why rows of a preview are left out."""
    return [row.refusal for row in page.context["plan"].refused]
