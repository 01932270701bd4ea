"""Hours that are over, and what stays of them, for tests."""

from datetime import timedelta

from django.core.files.uploadedfile import SimpleUploadedFile

from redreport import clock
from redreport.accounts.models import User
from sessions_live.models import LiveSession, Material, Seat
from sessions_live.operations.materials import add_material, release_materials
from sessions_live.operations.schedule import end_past_live_sessions
from tests.factories import make_guest_seat, make_live_session, make_staff

PDF = b"%PDF-1.7 notes of the hour"


def seat_in_past_hour(user: User | None = None, *, came: bool = True, live_session: LiveSession | None = None) -> Seat:
    """A seat in a session that began three hours ago and has ended; whoever sat in it came, unless said otherwise."""
    now = clock.now()
    if live_session is None:
        live_session = make_live_session(starts_in=-timedelta(hours=3))
    LiveSession.objects.filter(pk=live_session.pk).update(state=LiveSession.State.PUBLISHED)
    seat = make_guest_seat(live_session, user, now=live_session.starts_at - timedelta(hours=30))
    Seat.objects.filter(pk=seat.pk).update(
        state=Seat.State.ATTENDED if came else Seat.State.NO_SHOW,
        entered_at=live_session.starts_at if came else None,
    )
    end_past_live_sessions(now=now)
    return Seat.objects.select_related("live_session", "booked_by").get(pk=seat.pk)


def add_file(live_session: LiveSession, *, title: str = "Notes on the plenum", content: bytes = PDF) -> Material:
    """A PDF among the materials of the session."""
    upload = SimpleUploadedFile("notes of the hour.pdf", content)
    material = Material(live_session=live_session, kind=Material.Kind.NOTES, title=title, file=upload)
    return add_material(material=material, actor=make_staff(), now=clock.now())


def add_address(live_session: LiveSession, url: str = "https://video.example.com/unlisted") -> Material:
    """A replay that lies elsewhere."""
    material = Material(live_session=live_session, kind=Material.Kind.REPLAY, title="The whole hour", url=url)
    return add_material(material=material, actor=make_staff(), now=clock.now())


def release(live_session: LiveSession) -> None:
    release_materials(live_session_id=live_session.pk, actor=make_staff(), now=clock.now())
