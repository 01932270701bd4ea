"""What everybody may see: the schedule, sessions in each state, plans, the entrance, and what is left when all else fails."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings

from redreport import clock
from redreport.outbox import kinds
from redreport.outbox.models import OutgoingMail
from redreport.outbox.wishes import unsubscribe_url
from sessions_live.models import LiveSession
from sessions_live.operations.cancellations import cancel_live_session
from tests.afterwards import add_address, add_file, release, seat_in_past_hour
from tests.factories import make_guest_seat, make_live_session, make_staff, make_user
from tests.moving import move
from tests.waiting import sold_out_session
from tests.walk.addresses import plain_pages
from tests.walk.walker import Walker, Walkers

# Forms that are sent empty where they stand. Others' pages are added by themselves, their forms are not.
FORMS = ("/accounts/login/", "/accounts/login/password/", "/accounts/signup/", "/accounts/password/reset/")

ENQUIRY: dict[str, Any] = {
    "name": "Ada Marsh",
    "firm": "Marsh & Partners",
    "email": "ada@example.com",
    "need": "Twelve seats for one team.",
}


def take(walkers: Walkers) -> None:
    visitor = walkers.visitor()
    visitor.opens("/sessions/", "none yet")
    visitor.opens("/", "no sessions yet")
    sessions = _sessions()
    for path in plain_pages(None):
        visitor.opens(path)
        if path in FORMS:
            visitor.sends()
    for state, live_session in sessions.items():
        visitor.opens(f"/sessions/{live_session.slug}/", state)
    visitor.opens("/sessions/?section=zhongnanhai", "one section")
    _entrance(visitor)
    _enquiry(visitor)
    _mail_links(visitor)
    _troubles(visitor)


def _sessions() -> dict[str, LiveSession]:
    """A session in each state in which it can be looked at."""
    found = {"on sale": make_live_session(), "sold out": sold_out_session(), "moved": make_live_session()}
    LiveSession.objects.filter(pk=found["on sale"].pk).update(
        title="What 台海 means, and to whom: the words of the plenum read line by line",
        description="How the text came about.\n\nWhat it leaves out.",
    )
    found["moved"] = move(found["moved"]).live_session
    found["one seat left"] = make_live_session(capacity=2)
    make_guest_seat(found["one seat left"])
    found["begun"] = make_live_session(starts_in=-timedelta(minutes=10))
    past = seat_in_past_hour()
    add_file(past.live_session)
    add_address(past.live_session)
    release(past.live_session)
    found["over"] = past.live_session
    canceled = make_live_session()
    cancel_live_session(
        live_session_id=canceled.pk, actor=make_staff(), reason="ill", message="The author is ill.", now=clock.now()
    )
    found["canceled"] = canceled
    return found


def _entrance(visitor: Walker) -> None:
    """The pages to which only a form leads."""
    visitor.opens("/accounts/login/password/", "again")
    visitor.sends("refused", login="nobody@example.com", password="wrong")
    visitor.opens("/accounts/login/", "again")
    visitor.sends("the code is on its way", login=make_user().email)
    visitor.sends("wrong code", code="000000")
    visitor.opens("/accounts/password/reset/", "again")
    visitor.sends("the code is on its way", email=make_user(password="a long pass phrase").email)
    visitor.sends("wrong code", code="000000")
    visitor.sends("a new password", code=OutgoingMail.objects.latest("pk").read_secret()["code"])
    visitor.sends("no password")
    visitor.opens("/accounts/signup/", "again")
    visitor.sends("the code is on its way", email="new@example.com", name="Ada Marsh", firm="Marsh & Partners")
    visitor.sends("wrong code", code="000000")


def _enquiry(visitor: Walker) -> None:
    visitor.opens("/institutions/", "again")
    visitor.sends()
    visitor.sends("taken", **ENQUIRY)


def _mail_links(visitor: Walker) -> None:
    topic = next(iter(kinds.topics().values()))
    path = unsubscribe_url(email="ada@example.com", topic=topic).removeprefix("http://testserver")
    visitor.opens(path)
    visitor.presses("Stop them", "stopped")


def _troubles(visitor: Walker) -> None:
    """A dead link of each kind, each error page, and the files that are shown when nothing else works."""
    for address in (
        "/door/x/",
        "/door/x/question/",
        "/host/x/",
        "/replay/x/",
        "/materials/x/",
        "/seats/cant-come/x/",
        "/seats/out/x/",
    ):
        visitor.opens(address, "dead link", status=404)
    visitor.opens("/sessions/no-such-session/", "no such page", status=404)
    for status in (400, 403, 429, 500):
        visitor.opens(f"/wrong/{status}/", status=status)
    for path in sorted(Path(settings.BASE_DIR, "templates").glob("*.html")):
        if path.name != "base.html" and "{%" not in path.read_text():
            visitor.opens(f"/wrong/{path.name}", path.name)
    visitor.opens("/accounts/login/", "once more")
    visitor.page.context.clear_cookies(name="csrftoken")
    visitor.sends("without its cookie", status=403, login="ada@example.com")
