"""A second process with the stack's own settings: there, functions of `stage.py` read and prepare the rows of its database."""

import os
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import ParamSpec, TypeVar

Given = ParamSpec("Given")
Answer = TypeVar("Answer")


def enter_stack(environment: Mapping[str, str]) -> None:
    """Set Django up as the stack's processes do; what this test run says about its own services is forgotten."""
    import django

    os.environ.clear()
    os.environ.update(environment)
    django.setup()


class Backstage:
    """`backstage(stage.orders_of, email="…")` calls that function behind the scenes and returns its (plain) answer."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._process = ProcessPoolExecutor(1, get_context("spawn"), initializer=enter_stack, initargs=(dict(environment),))

    def __call__(self, function: Callable[Given, Answer], *args: Given.args, **kwargs: Given.kwargs) -> Answer:
        return self._process.submit(function, *args, **kwargs).result(timeout=60)

    def close(self) -> None:
        self._process.shutdown()
