"""Entry points of the installed distributions; only distributions with entry points in the requested group are parsed."""

import functools
import sys
import time
from collections.abc import Sequence
from importlib.metadata import Distribution, EntryPoint, distribution, distributions
from pathlib import Path

Stamp = tuple[tuple[str, int | None], ...]
"""Folders of a path, each with the time of its last change in nanoseconds."""

_SETTLED_NS = 1_000_000_000
"""A file that changed within this time may change again without a new time stamp."""


def installed(group: str) -> list[EntryPoint]:
    """List the entry points in *group*, as ``importlib.metadata.entry_points`` does.

    If a distribution is on the path twice, the first hides the second.
    """
    names = {_name_of(candidate) for candidate in declaring(group)}
    return [entry for name in sorted(names) for entry in of(distribution(name), group)]


def declaring(group: str, *, path: Sequence[str] | None = None) -> Sequence[Distribution]:
    """List the distributions on *path* (``sys.path`` if None) that have entry points in *group*.

    The folders are read again only after a distribution was added or removed: reading takes 1.2 ms for 130 distributions.
    """
    folders = tuple(sys.path if path is None else path)
    stamp = tuple((folder, _changed_ns(folder)) for folder in folders)
    is_settled = all(changed is None or time.time_ns() - changed > _SETTLED_NS for _, changed in stamp)
    return _read(group, stamp) if is_settled else _read.__wrapped__(group, stamp)


@functools.lru_cache(maxsize=16)
def _read(group: str, stamp: Stamp) -> Sequence[Distribution]:
    path = [folder for folder, _ in stamp]
    return tuple(candidate for candidate in distributions(path=path) if _mentions(candidate, group))


@functools.lru_cache(maxsize=64)
def _name_of(distribution: Distribution) -> str:
    return distribution.name  # each property of the distribution parses its metadata again


def _changed_ns(folder: str) -> int | None:
    try:
        return Path(folder).stat().st_mtime_ns
    except OSError:
        return None


def _mentions(distribution: Distribution, group: str) -> bool:
    return f"[{group}]" in (distribution.read_text("entry_points.txt") or "")


def of(distribution: Distribution, group: str) -> list[EntryPoint]:
    """List the entry points of *distribution* in *group*."""
    return list(distribution.entry_points.select(group=group)) if _mentions(distribution, group) else []
