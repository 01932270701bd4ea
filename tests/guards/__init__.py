"""The gravest guards, each with a story that ends well because of it, and badly once it is taken out.

`tests/test_guards.py` tells every story twice. What a story asserts last is that the harm was not done.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from tests.fixtures_shop import Shop


@dataclass(frozen=True)
class Guard:
    """One guard: `taken_out` removes it, and nothing else, for as long as it is entered."""

    name: str
    # What is said when the story ends badly.
    harm: str
    story: Callable[[Shop], None]
    taken_out: Callable[[], AbstractContextManager[object]]
