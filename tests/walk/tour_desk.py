"""The desk, and Django admin around it: every page that `every_page` knows, and the second steps behind the forms."""

from datetime import timedelta

from django.urls import reverse

from redreport import clock
from redreport.local.demo_accounts import STAFF_EMAIL
from sessions_live.models import Host, LiveSession
from tests.e2e import every_page
from tests.factories import make_guest_seat, make_live_session, make_user
from tests.waiting import waits
from tests.walk.walker import Walker, Walkers


def take(walkers: Walkers) -> None:
    make_user("Desk", email=STAFF_EMAIL, is_staff=True, is_superuser=True)
    staff = walkers.reader(make_user("Dora Desk", is_staff=True, is_superuser=True), "staff")
    live_session = make_live_session(capacity=3)
    make_live_session(published=False)
    make_guest_seat(live_session)
    Host.objects.update(email="mei@example.com")
    every_page.make_unwieldy(slug=live_session.slug)
    _second_steps(staff, live_session)
    make_guest_seat(live_session)
    waits(live_session)
    pages = every_page.every_page(slug=live_session.slug)
    # All histories are one template of Django admin's.
    histories = [path for path in pages if path.endswith("/history/")]
    for path in pages:
        if path not in histories[1:]:
            staff.opens(path)


# What is filled in before the page that says what would happen.
WIZARDS: dict[str, dict[str, str]] = {
    "desk_move_session": {"day": f"{clock.now() + timedelta(days=60):%Y-%m-%d}", "message": "M" * 200, "reason": "R" * 200},
    "desk_cancel_session": {"reason": "R" * 200},
    "desk_announce": {"subject": "A word", "body": "We begin on time."},
    "desk_offline": {},
    "desk_comp": {"guests": "Gus Guest, gus@example.com, Guest & Co", "reason": "R" * 200},
}


def _second_steps(staff: Walker, live_session: LiveSession) -> None:
    """What the forms say when they are sent empty, and the pages behind them."""
    for name, fields in WIZARDS.items():
        staff.opens(reverse(f"admin:{name}", args=[live_session.pk]), "to be filled in")
        staff.sends()
        if fields:
            staff.fills(**fields)
            staff.presses("See what will happen", "what will happen")
    staff.presses("Do it", "asked for")
    staff.opens(reverse("admin:desk_season"), "to be filled in")
    first_on = WIZARDS["desk_move_session"]["day"]
    host = str(Host.objects.get().pk)
    staff.fills(title="A season", question="Why?", first_on=first_on, begins_at="11:00", section="zhongnanhai", hosts=host)
    staff.presses("See the dates", "dates")
    staff.opens("/admin/sessions_live/livesession/add/", "to be filled in")
    staff.sends()
