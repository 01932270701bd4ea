"""Which addresses there are, by the URL configuration; which of them are pages is found out by asking."""

from collections.abc import Iterator, Sequence

from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from redreport.accounts.models import User
from tests.signing_in import signed_in
from tests.walk.walker import session_of

# What the walk does not open, and why. Django admin and the desk have a list of their own: `tests/e2e/every_page.py`.
NO_PAGES = {
    "admin": "looked at by the desk's tour",
    "anymail": "the mail provider's",
    "local:mail_html": "a mail's own HTML, in a frame",
    "account_inactive": "nobody is led there: accounts that are switched off are told nothing",
    "account_request_login_code": "the same page as the sign-in",
    "subscriptions:portal": "a button; whoever types its address is led to the account",
    "metrics": "numbers for a machine",
    "pages:favicon": "leads to a picture",
    "mfa_download_recovery_codes": "a file",
    "mfa_login_webauthn": "asked by the script of the sign-in page",
    "file": "its pages are opened by their names",
}


def all_views(user: User) -> set[str]:
    """The name of every address outside the admin that can be looked at by somebody who has signed in."""
    client = signed_in(user)
    client.raise_request_exception = False
    routes = _routes(get_resolver().url_patterns)
    return {name for name, route in routes if not _is_listed(name) and _can_be_looked_at(client, route)}


def plain_pages(user: User | None) -> list[str]:
    """Every address without arguments that answers this person with a page."""
    client, found = Client(), []
    if user:
        client.cookies["sessionid"] = session_of(user)
    for name, route in _routes(get_resolver().url_patterns):
        if "<" in route or _is_listed(name) or route.startswith("wrong/"):
            continue
        answer = client.get(f"/{route}")
        if answer.status_code == 200 and answer["Content-Type"].startswith("text/html"):
            found.append(f"/{route}")
    return list(dict.fromkeys(found))


def _routes(patterns: Sequence[URLPattern | URLResolver], prefix: str = "", space: str = "") -> Iterator[tuple[str, str]]:
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLPattern):
            yield space + str(pattern.name or route), route
        else:
            yield from _routes(pattern.url_patterns, route, f"{space}{pattern.namespace}:" if pattern.namespace else space)


def _is_listed(name: str) -> bool:
    return name in NO_PAGES or name.partition(":")[0] in NO_PAGES


EXAMPLES = {"<slug:": "x", "<str:": "x", "<uuid:": "00000000-0000-0000-0000-000000000000", "<int:": "1"}


def _can_be_looked_at(client: Client, route: str) -> bool:
    """Whether something answers a GET there that a browser shows: buttons, feeds and files do not."""
    parts = []
    for part in route.split("/"):
        opening = next((kind for kind in EXAMPLES if kind in part), "")
        parts.append(EXAMPLES[opening] + part.partition(">")[2] if opening else part)
    answer = client.get("/" + "/".join(parts))
    is_button = answer.status_code == 405
    is_shown = answer.get("Content-Type", "text/html").startswith("text/html")
    return not is_button and is_shown and not parts[-1].endswith((".ics", ".json", ".txt", ".xml"))
