"""Suggestions for unknown names: the same name in another spelling, or the nearest known one."""

import difflib
import heapq
from collections.abc import Iterable

MAX_CORRECTED = 5
"""Unknown names of one request that are compared with the known ones: each takes a tenth of a millisecond."""
_MAX_LENGTH = 60
_MAX_KNOWN = 200
_COMPARED = 5
"""Known names that share the most pairs of letters are compared: difflib takes 0.1 ms for each."""


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Give the one of *known* that *name* is, written otherwise (``companyId``, ``company_id``), or is near to."""
    candidates = list(known)
    if len(name) > _MAX_LENGTH or len(candidates) > _MAX_KNOWN:
        return None
    letters, pairs = _letters(name), _pairs(name)
    if same := [other for other in candidates if _letters(other) == letters]:
        return same[0]
    likely = heapq.nlargest(_COMPARED, candidates, key=lambda other: len(pairs & _pairs(other)))
    return next(iter(difflib.get_close_matches(name, likely, n=1)), None)


def correction(name: str, known: Iterable[str]) -> str:
    """Say what to write instead of *name*, to end a sentence with; empty if none of *known* is near."""
    meant = nearest(name, known)
    if meant is None or meant == name:
        return ""
    return f"; write '{meant}'" if _letters(meant) == _letters(name) else f"; did you mean '{meant}'?"


def known_instead(name: str, known: Iterable[str]) -> str:
    """List *known*, and say which of them *name* was probably meant to be."""
    names = list(known)
    return f"known are {', '.join(names)}{correction(name, names)}"


def _letters(name: str) -> str:
    return "".join(filter(str.isalnum, name)).lower()


def _pairs(name: str) -> set[str]:
    return {name[place : place + 2] for place in range(len(name) - 1)}
