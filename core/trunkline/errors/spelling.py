"""Suggestions for unknown names: the same name in another spelling, or the nearest known one."""

import difflib
import heapq
from collections.abc import Iterable

MAX_CORRECTED = 5
"""The maximum number of unknown names per request for which suggestions are made; each takes a tenth of a millisecond."""
_MAX_LENGTH = 60
_MAX_KNOWN = 200
_COMPARED = 5
"""The number of known names that difflib compares, at 0.1 ms each: the names that share the most pairs of letters."""


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Find the name in *known* that is another spelling of *name* (``companyId``, ``company_id``) or is similar; None if none is."""
    candidates = list(known)
    if len(name) > _MAX_LENGTH or len(candidates) > _MAX_KNOWN:
        return None
    letters, pairs = _letters(name), _pairs(name)
    if same := [other for other in candidates if _letters(other) == letters]:
        return same[0]
    likely = heapq.nlargest(_COMPARED, candidates, key=lambda other: len(pairs & _pairs(other)))
    return next(iter(difflib.get_close_matches(name, likely, n=1)), None)


def correction(name: str, known: Iterable[str]) -> str:
    """Return the end of a sentence that suggests a replacement for *name*; empty if none of *known* is similar."""
    meant = nearest(name, known)
    if meant is None or meant == name:
        return ""
    return f"; write '{meant}'" if _letters(meant) == _letters(name) else f"; did you mean '{meant}'?"


def known_instead(name: str, known: Iterable[str]) -> str:
    """List the *known* names, and suggest the one that was probably meant by *name*."""
    names = list(known)
    return f"known are {', '.join(names)}{correction(name, names)}"


def _letters(name: str) -> str:
    return "".join(filter(str.isalnum, name)).lower()


def _pairs(name: str) -> set[str]:
    return {name[place : place + 2] for place in range(len(name) - 1)}
