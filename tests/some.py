"""A helper for loops that contain the only assertions of a test."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


def some(things: Iterable[T]) -> Iterator[T]:
    """Give *things* one by one; fail if there are none, because nothing would be asserted."""
    found = False
    for thing in things:
        found = True
        yield thing
    assert found, "nothing to look at: no assertion of this loop has run"
