"""The home of the desk: one look says whether all is well, what comes next, and what waits for a person."""

from dataclasses import dataclass, replace
from datetime import datetime

from redreport.accounts.models import User
from redreport.desk.addresses import Way
from redreport.desk.home.health import (
    CaseCount,
    Machines,
    Mails,
    Webhooks,
    look_at_cases,
    look_at_machines,
    look_at_mails,
    look_at_webhooks,
)
from redreport.desk.home.sessions import ComingSession, coming_sessions
from redreport.desk.home.troubles import Trouble, find_troubles
from redreport.desk.session_acts import WHOLE, session_ways
from redreport.enquiries.selectors import OpenEnquiries, open_enquiries


@dataclass(frozen=True)
class Home:
    """What one member of staff sees; what they may not see is None, or empty."""

    next_session: ComingSession | None
    # What may be done to it.
    next_ways: list[Way]
    later_sessions: list[ComingSession]
    sees_sessions: bool
    cases: list[CaseCount] | None
    enquiries: OpenEnquiries | None
    webhooks: Webhooks | None
    mails: Mails | None
    machines: Machines | None
    troubles: list[Trouble]

    @property
    def sees_health(self) -> bool:
        """Whether this person can be told that all is well."""
        return any(part is not None for part in (self.cases, self.enquiries, self.webhooks, self.mails, self.machines))


def look_at_home(*, user: User, now: datetime) -> Home:
    """Gather the home page for this member of staff. Ten queries at most, however much there is."""
    sessions = coming_sessions(user=user, now=now)
    next_session = sessions[0] if sessions else None
    cases = look_at_cases(now) if user.has_perm("subscriptions.view_case") else None
    enquiries = open_enquiries() if user.has_perm("enquiries.view_enquiry") else None
    webhooks = look_at_webhooks(now) if user.has_perm("subscriptions.view_reconciliation") else None
    mails = look_at_mails(now) if user.has_perm("outbox.view_outgoingmail") else None
    machines = look_at_machines() if webhooks or mails else None
    troubles = find_troubles(
        next_session=next_session,
        cases=cases,
        enquiries=enquiries,
        webhooks=webhooks,
        mails=mails,
        machines=machines,
        now=now,
    )
    return Home(
        next_session=next_session,
        next_ways=session_ways(WHOLE, live_session=next_session.live_session, user=user) if next_session else [],
        later_sessions=sessions[1:],
        sees_sessions=user.has_perm("sessions_live.view_livesession"),
        cases=cases,
        enquiries=enquiries,
        webhooks=webhooks,
        mails=mails,
        machines=machines,
        troubles=[each if _may_look(user, each) else replace(each, address="") for each in troubles],
    )


def _may_look(user: User, trouble: Trouble) -> bool:
    return not trouble.permission or user.has_perm(trouble.permission)
