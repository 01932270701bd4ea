"""Many signed-in readers for a running stack, and the session they all want, made straight in the stack's database.

Run with the stack's environment, `python -m tests.crowd --readers 200 --capacity 20` prints the session's address and a cookie
for each reader, as JSON.
"""

import argparse
import json
import os
import secrets
import subprocess
import sys
from datetime import timedelta
from typing import TYPE_CHECKING

import django

from redreport.local.configuration import Configuration
from tests.web_reader import WebReader

if TYPE_CHECKING:
    from redreport.accounts.models import User
    from tests.stack import Stack


def environment_of(stack: "Stack") -> dict[str, str]:
    """The environment in which the stack's own processes run."""
    return Configuration.read(stack.run_dir, stack.port, stack.environment).environment()


def gather(stack: "Stack", *, readers: int, capacity: int) -> tuple[str, list[WebReader]]:
    """A new session at this stack with so many seats, and readers who are signed in there: its slug, and they."""
    command = [sys.executable, "-m", "tests.crowd", "--readers", str(readers), "--capacity", str(capacity)]
    made = json.loads(subprocess.run(command, env=environment_of(stack), check=True, stdout=subprocess.PIPE, text=True).stdout)
    return made["slug"], [WebReader(stack.url, {"sessionid": cookie}) for cookie in made["cookies"]]


def make_crowd(readers: int, capacity: int) -> dict[str, object]:
    """The rows: readers with proven addresses and open web sessions, and a live session on sale."""
    from redreport import clock
    from sessions_live.models import Host, LiveSession
    from sessions_live.operations.schedule import publish_live_session
    from tests.factories import make_user

    # Another crowd may be in this database already.
    mark, now = secrets.token_hex(4), clock.now()
    users = [make_user(f"Reader {number}", email=f"crowd-{mark}-{number}@example.com") for number in range(readers)]
    live_session = LiveSession.objects.create(
        title="The session everybody wants",
        slug=f"everybody-wants-{mark}",
        section=LiveSession.Section.HILL,
        question="Who gets a seat?",
        starts_at=now + timedelta(days=7),
        capacity=capacity,
        meeting_url="https://meet.example.com/rush",
    )
    live_session.hosts.add(Host.objects.get_or_create(name="Mei Lin")[0])
    publish_live_session(live_session_id=live_session.pk, actor=users[0], now=now)
    return {"slug": live_session.slug, "cookies": [session_cookie(user) for user in users]}


def session_cookie(user: "User") -> str:
    """The key of a web session in which this user is signed in, as Django's own sign-in leaves it."""
    from django.contrib.auth import login
    from django.contrib.sessions.backends.db import SessionStore
    from django.http import HttpRequest

    request = HttpRequest()
    request.session = SessionStore()
    login(request, user, backend="allauth.account.auth_backends.AuthenticationBackend")
    request.session.save()
    return str(request.session.session_key)


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "redreport.settings")
    django.setup()
    parser = argparse.ArgumentParser()
    parser.add_argument("--readers", type=int, required=True)
    parser.add_argument("--capacity", type=int, required=True)
    given = parser.parse_args()
    print(json.dumps(make_crowd(given.readers, given.capacity)))
