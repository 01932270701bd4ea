"""The ways to what can be done to a session, on pages of the admin that are none of the desk's views."""

from typing import Any

from django import template

from redreport.accounts.selectors import signed_in
from redreport.desk import session_acts
from redreport.desk.addresses import Way
from sessions_live.models import LiveSession

register = template.Library()


@register.simple_tag(takes_context=True)
def whole_session_ways(context: dict[str, Any], live_session: LiveSession) -> list[Way]:
    """To what is done to the whole of it, and to what became of that."""
    acts = [*session_acts.WHOLE, *session_acts.WATCH]
    return session_acts.session_ways(acts, live_session=live_session, user=signed_in(context["request"]))
