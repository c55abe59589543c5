"""What happens where a component can't be had: a skip that says what to do, and in CI a failure."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack
from typing import NoReturn, TypeVar

T = TypeVar("T")
IN_CI = "TESTS_IN_CI"  # tests/conftest.py says so, and takes CI away from what is tested


class Missing(Exception):
    """A component can't be had here: why, and what to do about it."""

    def __init__(self, why: str, remedy: str) -> None:
        super().__init__(f"{why} {remedy}")
        self.why = why
        self.remedy = remedy


def absent(missing: Missing, environment: Mapping[str, str] = os.environ) -> NoReturn:
    """Skip the test that needs it; in a CI, fail it: there, everything was meant to run."""
    import pytest  # preparing components needs none of it

    if environment.get(IN_CI):
        why = f"{missing} (CI is set, so this is no skip.)"
        raise pytest.fail.Exception(why, pytrace=False) from None
    raise pytest.skip.Exception(str(missing)) from None


def running(component: AbstractContextManager[T]) -> Iterator[T]:
    """The component, from its start to its end: the body of a fixture."""
    with ExitStack() as stack:
        try:
            started = stack.enter_context(component)
        except Missing as missing:
            absent(missing)
        yield started
