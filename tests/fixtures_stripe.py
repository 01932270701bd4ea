"""The Stripe simulator of a test run."""

from collections.abc import Iterator

import pytest

from tests.stripe_simulator.process import SimulatorProcess


@pytest.fixture(scope="session")
def stripe_simulator() -> Iterator[SimulatorProcess]:
    """One simulator for the whole run; a test that uses it starts from `control.reset()`."""
    with SimulatorProcess() as simulator:
        yield simulator
