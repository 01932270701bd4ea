"""
Every address under /admin/, in every role, with GET and POST: who may is served, who may not is refused and changes nothing.

The addresses come from the resolver; what each one asks for stands in the tables below. A new model, page or action without a row
fails `test_no_address_is_without_a_row` (a page of the desk brings its row along: `@desk_page` says the permission).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

import pytest
from django.apps import apps
from django.contrib import admin
from django.db import connection, transaction
from django.db.models import Model
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import URLPattern, URLResolver

from redreport.accounts.models import User
from redreport.desk.jobs import kinds
from redreport.desk.jobs.effects import Effects
from redreport.desk.jobs.kinds import JobKind
from redreport.desk.roles import ROLES
from sessions_live.models import Host
from subscriptions.admin.case_buttons import BUTTONS
from tests.every_object import every_object
from tests.factories import make_staff, make_user
from tests.staff import make_member

pytestmark = pytest.mark.django_db

# The job that there is was asked for by who may look at people; whoever may see jobs sees its page.
KIND = JobKind("test_letters", "Write letters", "accounts.view_user", lambda *args: Effects(), lambda *args: "Written to.")

STAFF, SUPERUSER, NOBODY = "any staff", "superusers alone", "nobody"

# What can be done to the rows of a model by whoever has the permission; what is missing here is refused to everybody.
MODELS: dict[str, str] = {
    "accounts.user": "view add change",
    "audit.auditentry": "view",
    "desk.rosterseat": "view",
    "enquiries.enquiry": "view",
    "outbox.outgoingmail": "view",
    "sessions_live.doorentry": "view",
    "sessions_live.feedback": "view",
    # The one that is asked about runs a session, and the session is on sale.
    "sessions_live.host": "view add change",
    "sessions_live.livesession": "view add change",
    "sessions_live.material": "view add change delete",
    "sessions_live.question": "view",
    "sessions_live.waitlistentry": "view",
    "subscriptions.autobooking": "view",
    "subscriptions.autobookingattempt": "view",
    "subscriptions.case": "view",
    "subscriptions.creditentry": "view",
    "subscriptions.creditgrant": "view",
    "subscriptions.dispute": "view",
    "subscriptions.invoice": "view",
    "subscriptions.order": "view",
    "subscriptions.payment": "view",
    "subscriptions.price": "view",
    "subscriptions.reconciliation": "view",
    "subscriptions.refund": "view",
    "subscriptions.renewalnotice": "view",
    "subscriptions.stripeevent": "view",
    "subscriptions.subscriber": "view",
    "subscriptions.subscription": "view",
    "subscriptions.subscriptionchange": "view",
}
# Whatever permission says, these are for superusers: all their pages.
SUPERUSERS_MODELS = {"auth.group"}
# Who sees only own sessions reads no history: it names colleagues by their addresses.
NO_HISTORY_FOR_HOSTS = {"sessions_live.livesession", "sessions_live.question", "sessions_live.feedback"}

# Pages beside those that every model has, by their names.
PAGES: dict[str, str] = {
    "index": STAFF,
    "password_change": STAFF,
    "password_change_done": STAFF,
    "jsi18n": STAFF,
    "accounts_user_second_factor": SUPERUSER,
    "accounts_user_erase": "accounts.add_erasure",
    "auth_user_password_change": "accounts.change_user",
    "outbox_outgoingmail_try_again": "outbox.change_outgoingmail",
    **{button.url_name: " and ".join(filter(None, ["subscriptions.change_case", button.permission])) for button in BUTTONS},
    "subscriptions_dispute_evidence": "subscriptions.view_dispute",
    "subscriptions_order_evidence": "subscriptions.view_order",
    "subscriptions_stripeevent_replay": "subscriptions.change_stripeevent",
    "subscriptions_subscription_end": "subscriptions.change_subscription",
}
# Asked for elsewhere: the way in and out, and two that answer nothing by themselves.
ELSEWHERE = {"login", "logout", "view_on_site", "autocomplete"}

# What is done with ticked rows of a list.
ACTIONS: dict[str, str] = {
    "enquiries.enquiry.mark_answered": "enquiries.change_enquiry",
    "enquiries.enquiry.mark_closed": "enquiries.change_enquiry",
    "enquiries.enquiry.open_again": "enquiries.change_enquiry",
    "outbox.outgoingmail.try_again": "outbox.change_outgoingmail",
    "sessions_live.livesession.publish": "sessions_live.change_livesession",
    "sessions_live.livesession.release": "sessions_live.change_livesession",
    "subscriptions.stripeevent.replay": "subscriptions.change_stripeevent",
}

# Sent empty, these speak of a row that does not exist.
NAMES_ITS_ROW_IN_THE_FORM = {"desk_change_waitlist"}

# What the number in an address of the desk is, by how the address begins.
DESK_OBJECTS = {
    "desk/sessions/": "sessions_live.livesession",
    "desk/seats/": "desk.rosterseat",
    "desk/jobs/": "desk.job",
    "desk/changes/": "sessions_live.schedulechange",
    "desk/announcements/": "desk.announcement",
}
# What these are asked beside their address: without it they show nothing to anybody.
QUERIES = {
    "desk_books_rows": "?figure=earned_total&currency=usd&month=2027-01",
    "desk_books_rows_file": "?figure=earned_total&currency=usd&month=2027-01",
    "desk_books_table": "?currency=usd",
    "desk_books_plot": "?currency=usd",
}
# What is no row, but one of a few names.
NAMES = {
    "<slug:kind>/<slug:variant>": "seat_confirmed/sample",
    "<str:section>": "cash",
    "<str:extension>": "csv",
}


@pytest.fixture(autouse=True)
def kind_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(kinds._KINDS, KIND.name, KIND)


@dataclass(frozen=True)
class Route:
    """An address as the resolver has it. `needs` is a permission, one of the three words above, or empty: no row."""

    name: str
    route: str
    needs: str
    model: str = ""
    act: str = ""


def routes() -> list[Route]:
    return list(_routes(admin.site.get_urls(), ""))


def _routes(patterns: list[URLPattern | URLResolver], prefix: str) -> Iterator[Route]:
    for entry in patterns:
        route = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from _routes(entry.url_patterns, route)
        elif entry.name == "app_list":
            for label in sorted({model._meta.app_label for model in admin.site._registry}):
                yield Route(f"app_list of {label}", f"{label}/", f"app {label}")
        elif entry.name:
            yield _row(entry, route)
        # The two without a name: the old address of a model's page, and whatever is no address at all.
        elif "(?P<url>" not in route:
            yield Route("old address", route, STAFF, model=_model_of(route))


def _row(entry: URLPattern, route: str) -> Route:
    name = entry.name or ""
    permission = getattr(entry.callback, "desk_permission", "")
    model = "" if route.startswith("desk/") and permission else _model_of(route)
    act = name.removeprefix(model.replace(".", "_") + "_") if model else ""
    if permission or name in PAGES:
        return Route(name, route, permission or PAGES[name], model)
    if name in ELSEWHERE:
        return Route(name, route, "elsewhere")
    if act not in ("changelist", "add", "change", "delete", "history", "export"):
        return Route(name, route, "")
    return Route(name, route, _permission(model, act), model, act)


def _model_of(route: str) -> str:
    label = ".".join(route.split("/")[:2])
    return label if any(model._meta.label_lower == label for model in admin.site._registry) else ""


def _permission(model: str, act: str) -> str:
    if model in SUPERUSERS_MODELS:
        return SUPERUSER
    if model not in MODELS:
        return ""
    # Whoever may look at a row sees its page, whether they may change it or not.
    wanted = {"changelist": "view", "change": "view", "history": "view", "export": "view"}.get(act, act)
    if wanted not in MODELS[model].split():
        return NOBODY
    app_label, name = model.split(".")
    permission = f"{app_label}.{wanted}_{name}"
    return f"{permission} and sessions_live.view_seat" if act == "history" and model in NO_HISTORY_FOR_HOSTS else permission


def may(role: str, needs: str) -> bool:
    """By the tables alone, without asking the program."""
    if needs == NOBODY or role in ("visitor", "reader"):
        return False
    if role == "superuser" or needs == STAFF:
        return True
    if needs.startswith("app "):
        return any(may(role, permission) for permission in _permissions_within(needs.removeprefix("app ")))
    return all(permission in ROLES.get(role, ()) for permission in needs.split(" and "))


def needed(route: Route, method: str) -> str:
    """The page of a row is looked at by who may look; what is sent to it is for who may change."""
    if route.act != "change" or method == "get" or route.model in SUPERUSERS_MODELS:
        return route.needs
    app_label, name = route.model.split(".")
    return f"{app_label}.change_{name}" if "change" in MODELS[route.model].split() else NOBODY


def _permissions_within(app_label: str) -> Iterator[str]:
    for model, acts in MODELS.items():
        if model.startswith(f"{app_label}."):
            yield from (f"{app_label}.{act}_{model.split('.')[1]}" for act in acts.split())


def named(route: Route) -> str:
    """The address with what is no object in it, but one of a few names."""
    path = route.route
    for part, name in NAMES.items():
        path = path.replace(part, name)
    return path


def address_of(route: Route, objects: dict[str, Model]) -> str:
    """The address with an object of its kind in it."""
    label = route.model or next((model for start, model in DESK_OBJECTS.items() if route.route.startswith(start)), "")
    path = named(route)
    path = path.replace("<int:payment_id>", str(objects["subscriptions.payment"].pk))
    path = path.replace("<int:seat_id>", str(objects["desk.rosterseat"].pk))
    if "<uuid:" in path:
        path = re.sub(r"<uuid:\w+>", str(objects[label].public_id), path)  # type: ignore[attr-defined]
    if "<" in path:
        path = re.sub(r"<(int|path|str):\w+>|<\w+>", str(objects[label].pk), path)
    return f"/admin/{path}{QUERIES.get(route.name, '')}"


ROLE_NAMES = ["visitor", "reader", "no group", *ROLES, "superuser"]


def enter(client: Client, role: str, objects: dict[str, Model]) -> None:
    """Sign in as somebody in this role. A host runs the session that there is."""
    if role == "visitor":
        return
    if role == "reader":
        client.force_login(make_user())
        return
    member: User = make_staff() if role == "superuser" else make_member(*([role] if role in ROLES else []))
    Host.objects.filter(pk=objects["sessions_live.host"].pk).update(user=member)
    client.force_login(member)


def writes(captured: CaptureQueriesContext) -> list[str]:
    """What was changed in the database, but for the browser's session and its row in the list of sign-ins."""
    statements = (query["sql"] for query in captured.captured_queries)
    of_the_session = ('"django_session"', '"accounts_signin"')
    return [
        sql for sql in statements if re.match(r"INSERT|UPDATE|DELETE", sql) and not any(table in sql for table in of_the_session)
    ]


def ask(client: Client, method: str, address: str, data: Mapping[str, object] | None = None) -> tuple[int, str, list[str]]:
    """Status, where it leads to, and what it wrote; whatever it did is taken back."""
    client.raise_request_exception = False
    with transaction.atomic():
        with CaptureQueriesContext(connection) as captured:
            answer = getattr(client, method)(address, data or {})
        transaction.set_rollback(True)
    return answer.status_code, answer.headers.get("Location", ""), writes(captured)


def verdict(route: Route, role: str, method: str, answer: tuple[int, str, list[str]]) -> str:
    """What is wrong with the answer, or nothing."""
    status, location, written = answer
    if may(role, needed(route, method)):
        served = {200, 302, 405} if method == "post" else {200, 302}
        is_post_only = method == "get" and status == 405
        good = (status in served or is_post_only) and not location.startswith("/admin/login/")
        # A form that is sent empty may be answered so; a page that is looked at may not.
        good = good or (method == "post" and status in (400, 404 if route.name in NAMES_ITS_ROW_IN_THE_FORM else 400))
        return "" if good else f"is refused: {status}"
    if written:
        return f"changed something: {written[0][:120]}"
    if status == 405:
        return ""
    if role in ("visitor", "reader"):
        return "" if status == 302 and location.startswith("/admin/login/") else f"got in: {status}"
    refused = {404} if route.needs.startswith("app ") else {403}
    return "" if status in refused else f"was not refused: {status} {location}"


def test_no_address_is_without_a_row() -> None:
    assert [route.name for route in routes() if not route.needs] == []


def test_no_object_in_an_address_is_without_a_row() -> None:
    """What the number in an address is: a page's model, or what `DESK_OBJECTS` says of the beginning of it."""
    known = every_object()
    unknown = [
        route.route
        for route in routes()
        if "<" in named(route)
        and route.needs != "elsewhere"
        and (route.model or next((label for start, label in DESK_OBJECTS.items() if route.route.startswith(start)), ""))
        not in known
    ]
    assert unknown == []


def test_no_row_is_without_an_address() -> None:
    """A table that speaks of what is no more would hide a page that has lost its row."""
    names, models = {route.name for route in routes()}, {model._meta.label_lower for model in admin.site._registry}
    assert (set(PAGES) | ELSEWHERE) - names == set()
    assert MODELS.keys() | SUPERUSERS_MODELS == models


def test_every_action_on_a_list_has_a_row() -> None:
    found = {
        f"{model._meta.label_lower}.{name}"
        for model, model_admin in admin.site._registry.items()
        for _, name, _ in model_admin._get_base_actions()  # type: ignore[attr-defined]
    }
    # Deleting many at once is Django's own, and asks for the permission to delete.
    assert {name for name in found if not name.endswith(".delete_selected")} == set(ACTIONS)


@pytest.mark.parametrize("role", ROLE_NAMES)
def test_every_address_is_served_to_who_may_and_refused_to_who_may_not(client: Client, role: str) -> None:
    objects = every_object()
    enter(client, role, objects)
    wrong, asked = [], 0
    for route in routes():
        if route.needs == "elsewhere":
            continue
        address = address_of(route, objects)
        for method in ("get", "post"):
            asked += 1
            if found := verdict(route, role, method, ask(client, method, address)):
                wrong.append(f"{method.upper()} {address} {found}")
    assert wrong == []
    assert asked > 250


@pytest.mark.parametrize("role", ROLE_NAMES)
def test_every_action_on_a_list_is_for_who_may(client: Client, role: str) -> None:
    objects = every_object()
    enter(client, role, objects)
    for name, needs in ACTIONS.items():
        model, action = name.rsplit(".", 1)
        address = f"/admin/{model.replace('.', '/')}/"
        sent = {"action": action, "_selected_action": [objects[model].pk], "reason": "as asked", "post": "yes"}
        status, _, written = ask(client, "post", address, sent)
        if not may(role, needs):
            assert (written, status in (200, 302, 403)) == ([], True), name
    for model in MODELS:
        deletion = {"action": "delete_selected", "_selected_action": [objects[model].pk], "post": "yes"}
        _, _, written = ask(client, "post", f"/admin/{model.replace('.', '/')}/", deletion)
        assert [sql for sql in written if sql.startswith("DELETE")] == [], model


def choices() -> Iterator[tuple[str, str, str]]:
    """Every field for which rows are offered as one types: the model it is in, its name, and the model of the rows."""
    for model, model_admin in admin.site._registry.items():
        for field in model_admin.autocomplete_fields:
            related = model._meta.get_field(str(field)).related_model
            assert related is not None
            yield model._meta.label_lower, str(field), apps.get_model(related._meta.label)._meta.label_lower


@pytest.mark.parametrize("role", ROLE_NAMES)
def test_rows_are_offered_for_choice_to_who_may_see_them(client: Client, role: str) -> None:
    objects = every_object()
    enter(client, role, objects)
    fields = list(choices())
    assert ("sessions_live.host", "user", "accounts.user") in fields
    for source, field, related in fields:
        app_label, model = source.split(".")
        query = {"app_label": app_label, "model_name": model, "field_name": field, "term": ""}
        status, _, _ = ask(client, "get", f"/admin/autocomplete/?{urlencode(query)}")
        wanted = 200 if may(role, _permission(related, "changelist")) else 302 if role in ("visitor", "reader") else 403
        assert status == wanted, (source, field)


@pytest.mark.parametrize("role", ["no group", *ROLES, "superuser"])
def test_what_is_no_address_and_what_has_no_page_on_the_site_is_not_found(client: Client, role: str) -> None:
    objects = every_object()
    enter(client, role, objects)
    assert ask(client, "get", "/admin/nowhere/")[0] == 404
    from django.contrib.contenttypes.models import ContentType

    for row in objects.values():
        assert ask(client, "get", f"/admin/r/{ContentType.objects.get_for_model(row).pk}/{row.pk}/")[0] == 404


def test_pages_that_a_host_may_see_have_no_address_and_no_money(client: Client) -> None:
    objects = every_object()
    enter(client, "host", objects)
    own = User.objects.get(host__isnull=False).email
    seen = 0
    for route in routes():
        # Of the pages that are for all staff the first one says most.
        if not may("host", route.needs) or (route.needs == STAFF and route.name != "index"):
            continue
        answer = client.get(address_of(route, objects))
        if answer.status_code == 200:
            seen += 1
            words = answer.content.decode().replace(own, "")
            assert ("@" in words, "$" in words) == (False, False), route.name
    assert seen >= 8
