"""Services and guards that every test has. Django is set up on import, so that test modules may import models."""

import gc
from collections.abc import Generator, Iterator

import django
import pytest

from tests.closed_sockets import closed_sockets

django.setup()

pytest_plugins = [
    "tests.fixtures_services",
    "tests.fixtures_memory",
    "tests.fixtures_static",
    "tests.fixtures_mail",
    "tests.fixtures_browser",
    "tests.fixtures_stack",
    "tests.fixtures_stripe",
    "tests.fixtures_shop",
    "tests.timeline",
    "tests.fixtures_years",
]


# One process runs all that shares the running stack; any other module is run by one process as well. Begun last, the longest
# would keep one process busy while the others have nothing left. Each process is given two of these at first: with the longest
# of all comes a short one.
SHARED_STACK = "running_stack"
BEGUN_FIRST = [
    SHARED_STACK,
    "test_every_page",
    "test_event_pairs",
    "test_guarantees",
    "test_hundreds_of_seats",
    "test_local_stack",
    "test_access_matrix",
    "test_three_years",
    "test_every_order_around_seats",
    "test_passkeys",
]


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Generator[None, None, None]:
    """Which tests stay together, before xdist reads it; and the longest first, after pytest-django has sorted them its way."""
    for item in items:
        item.add_marker(pytest.mark.xdist_group(_group_of(item)))
    yield
    items.sort(key=lambda item: BEGUN_FIRST.index(_group_of(item)) if _group_of(item) in BEGUN_FIRST else len(BEGUN_FIRST))


def pytest_collection_finish(session: pytest.Session) -> None:
    """What is there by now stays until the end: thousands of tests and Django itself need not be looked through for garbage again
    and again."""
    _see_that_groups_hold(session)
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def _see_that_groups_hold(session: pytest.Session) -> None:
    """Tests of a group that xdist does not know go to whichever process is free, and each process starts what they share."""
    is_grouped = session.config.getoption("loadgroup", default=False)
    lost = [item.nodeid for item in session.items if is_grouped and not item.nodeid.endswith(f"@{_group_of(item)}")]
    if lost:
        raise pytest.UsageError(f"xdist does not know the group of {lost[0]}")


def _group_of(item: pytest.Item) -> str:
    return SHARED_STACK if SHARED_STACK in getattr(item, "fixturenames", ()) else item.path.stem


@pytest.fixture(scope="session", autouse=True)
def only_loopback() -> Iterator[None]:
    with closed_sockets():
        yield


@pytest.fixture(scope="session", autouse=True)
def fast_password_hashes(django_test_environment: None) -> None:
    """Passwords in tests are hashed quickly; nothing else about them differs."""
    from django.conf import settings

    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
