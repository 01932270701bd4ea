"""What monitoring reads."""

from typing import Any

import pytest
from django.test import Client

from redreport import clock
from redreport.desk.metrics import gauges
from subscriptions.operations.comps import give_complimentary_seat
from tests.factories import attendee_of, make_live_session, make_staff, make_user

pytestmark = pytest.mark.django_db


def test_metrics_exist_only_for_who_brings_the_token(settings: Any) -> None:
    assert Client().get("/metrics").status_code == 404
    settings.METRICS_TOKEN = "a token of ours"
    assert Client().get("/metrics", headers={"authorization": "Bearer another"}).status_code == 404
    answer = Client().get("/metrics", headers={"authorization": "Bearer a token of ours"})
    assert (answer.status_code, b"redreport_mails_waiting 0\n" in answer.content) == (200, True)


def test_waiting_mail_is_counted() -> None:
    give_complimentary_seat(
        live_session_id=make_live_session().pk,
        attendee=attendee_of(make_user()),
        actor=make_staff(),
        reason="a guest of the house",
        now=clock.now(),
    )
    assert dict(gauges(clock.now()))["mails_waiting"] == 1
