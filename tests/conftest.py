"""Services and guards that every test has. Django is set up on import, so that test modules may import models."""

from collections.abc import Iterator

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
    "tests.fixtures_stripe",
    "tests.fixtures_shop",
    "tests.timeline",
    "tests.fixtures_years",
]


# A module is run by one process. Begun last, the longest would keep one process busy while the others have nothing left.
BEGUN_FIRST = ["test_three_years", "test_five_hundred_seats", "test_door", "test_local_stack", "test_rush", "test_bad_input"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest modules first."""
    items.sort(key=lambda item: BEGUN_FIRST.index(item.path.stem) if item.path.stem in BEGUN_FIRST else len(BEGUN_FIRST))


@pytest.fixture(scope="session", autouse=True)
def only_loopback() -> Iterator[None]:
    with closed_sockets():
        yield


@pytest.fixture(scope="session", autouse=True)
def fast_password_hashes(django_test_environment: None) -> None:
    """Passwords in tests are hashed quickly; nothing else about them differs."""
    from django.conf import settings

    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
