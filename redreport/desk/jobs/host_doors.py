"""Mailing a session's hosts their doors once more."""

from datetime import datetime

from redreport.desk.jobs.effects import Effects
from redreport.desk.jobs.kinds import Draft, JobKind, Refused, Wishes
from redreport.desk.jobs.kinds import register as register_kind
from redreport.desk.models import JobItem
from sessions_live.errors import NotHosting, SessionOver
from sessions_live.models import LiveSession
from sessions_live.operations.host_doors import host_to_write_to, resend_host_door

WORDS: dict[type[Exception], str] = {
    NotHosting: "They do not host this session, or have no e-mail address: write it into the page of the host.",
    SessionOver: "The session is over: the door would open nothing.",
}


def register() -> None:
    """Make the job known."""
    register_kind(HOST_DOORS)


def drafts_of_hosts(live_session: LiveSession) -> list[Draft]:
    """A row for each host of the session, by name."""
    within = {"live_session_id": live_session.pk}
    return [
        Draft(f"{host.name}, {host.email or 'no address'}", host.pk, within) for host in live_session.hosts.order_by("name", "id")
    ]


def _plan(draft: Draft, wishes: Wishes, now: datetime) -> Effects:
    live_session = LiveSession.objects.get(pk=draft.values["live_session_id"])
    try:
        host_to_write_to(live_session=live_session, host_id=draft.target_id or 0, now=now)
    except tuple(WORDS) as refusal:
        raise Refused(WORDS[type(refusal)]) from refusal
    return Effects(mails=1)


def _carry_out(item: JobItem, now: datetime) -> str:
    try:
        host = resend_host_door(
            live_session_id=item.values["live_session_id"],
            host_id=item.target_id or 0,
            actor=item.job.made_by,
            request_id=item.public_id,
            now=now,
        )
    except tuple(WORDS) as refusal:
        raise Refused(WORDS[type(refusal)]) from refusal
    return f"On its way to {host.email}."


HOST_DOORS = JobKind(
    name="resend_host_doors",
    label="Send hosts their doors again",
    permission="outbox.change_outgoingmail",
    plan=_plan,
    carry_out=_carry_out,
)
