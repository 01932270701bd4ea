"""Hosts who lost their door get it again from the desk: with a preview, once for each time it is asked for."""

from datetime import timedelta

import pytest
import time_machine

from redreport import clock
from redreport.audit.models import AuditEntry
from redreport.outbox import kinds
from redreport.outbox.models import OutgoingMail
from sessions_live.host_links import host_door_url
from sessions_live.models import Host, LiveSession
from tests.desk_actions import Desk, outcomes, refusals, run_again
from tests.factories import make_live_session
from tests.staff import staff_who_may

pytestmark = pytest.mark.django_db


@pytest.fixture
def live_session() -> LiveSession:
    live_session = make_live_session()
    live_session.hosts.set([Host.objects.create(name="Mei Lin", email="mei@example.com"), Host.objects.create(name="Noah Reed")])
    return live_session


def test_hosts_get_their_doors_again_once_for_each_time_it_is_asked_for(live_session: LiveSession) -> None:
    desk = Desk("desk_host_doors", live_session)
    page = desk.look()
    assert page.context["sentence"] == "Sends 1 mail."
    assert refusals(page) == ["They do not host this session, or have no e-mail address: write it into the page of the host."]
    job = desk.do()
    run_again(job)
    assert outcomes(job)[0] == ("done", "On its way to mei@example.com.")
    mail = OutgoingMail.objects.get(kind="host_door")
    text = kinds.find("host_door").render(mail).text
    assert host_door_url(live_session, Host.objects.get(email="mei@example.com")) in text
    assert kinds.find("host_door").guard(mail, clock.now()).action == "send"
    desk.do()
    assert OutgoingMail.objects.filter(kind="host_door").count() == 2
    assert AuditEntry.objects.filter(verb="resent", actor=desk.staff, target_type="sessions_live.host").count() == 3


def test_door_is_not_sent_to_who_was_taken_off_nor_once_it_has_closed(live_session: LiveSession) -> None:
    Desk("desk_host_doors", live_session).do()
    mail = OutgoingMail.objects.get(kind="host_door")
    closed = live_session.door_closes_at + timedelta(seconds=1)
    assert kinds.find("host_door").guard(mail, closed).action == "miss"
    Host.objects.filter(email="mei@example.com").update(email="new@example.com")
    assert kinds.find("host_door").guard(mail, clock.now()).action == "withhold"
    with time_machine.travel(closed, tick=True):
        page = Desk("desk_host_doors", live_session).look()
    assert refusals(page)[0] == "The session is over: the door would open nothing."


def test_staff_without_the_permission_are_refused(live_session: LiveSession) -> None:
    assert Desk("desk_host_doors", live_session, staff_who_may("sessions_live.view_livesession")).look().status_code == 403
