"""The local stack that many tests of a run share: to start one takes longer than most of them."""

from collections.abc import Iterator

import pytest

from tests.stack import Stack


@pytest.fixture(scope="session")
def running_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The stack that `make run` starts. Whoever uses it leaves it running, and its Stripe well."""
    with Stack(tmp_path_factory.mktemp("stack") / "run") as stack:
        yield stack
