"""What outlives a test's rows is forgotten between tests: the shared cache, and that the broker was down."""

import pytest
from django.core.cache import cache

from redreport import dispatch


@pytest.fixture(autouse=True)
def fresh_memory(request: pytest.FixtureRequest) -> None:
    dispatch.try_again_now()
    marker = request.node.get_closest_marker("django_db")
    if marker is not None:
        request.getfixturevalue("transactional_db" if marker.kwargs.get("transaction") else "db")
        cache.clear()
