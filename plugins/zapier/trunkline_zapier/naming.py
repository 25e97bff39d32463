"""Zapier's rules for keys, labels and nouns. Pure.

A key must never change once the app is used: Zaps refer to it. So two equal keys are refused; no number is added to
make them differ.
"""

import re
from collections.abc import Iterable, Mapping

LABEL_LENGTH = 64
TEXT_LENGTH = 1000
_WORDS = re.compile(r"[a-z0-9]+")
_FILLERS = frozenset({
    "a", "an", "and", "for", "has", "his", "her", "in", "is", "it",
    "its", "of", "on", "s", "the", "their", "this", "to", "your",
})  # fmt: skip
_KEY = re.compile(r"[a-zA-Z]+[a-zA-Z0-9_]+")


def key_of(name: str) -> str:
    """Make a key from a name with dots or hyphens."""
    return re.sub(r"[^a-zA-Z0-9]+", "_", name).strip("_")


def keyed(names: Iterable[str], *, kind: str) -> Mapping[str, str]:
    """Map each of *names* to its key.

    Raises:
        ValueError: Zapier does not allow a key, or two names would have the same one.
    """
    names_by_key: dict[str, str] = {}
    for name in names:
        key = key_of(name)
        if not _KEY.fullmatch(key):
            msg = f"Zapier takes no {kind} '{name}': give it a name of two or more characters that begins with a letter"
            raise ValueError(msg)
        if key in names_by_key:
            msg = f"the {kind}s '{names_by_key[key]}' and '{name}' are both '{key}' on Zapier; rename one of them"
            raise ValueError(msg)
        names_by_key[key] = name
    return {name: key for key, name in names_by_key.items()}


def noun_of(name: str) -> str:
    """Return the name of an operation's record: ``Client Note`` for ``add_client_note``."""
    _verb, _, thing = name.partition("_")
    noun = (thing or name).replace("_", " ").title()
    return shortened(noun if len(noun) > 1 else "Record", LABEL_LENGTH)  # Zapier takes no single letter


def adds_something(text: str, *, label: str) -> bool:
    """Return whether a help text says more than the field's label."""
    known = {*_WORDS.findall(label.lower()), *_FILLERS}
    return len({word for word in _WORDS.findall(text.lower()) if word not in known}) > 1


def shortened(text: str, length: int) -> str:
    """Cut *text* to *length* characters, at the end of a word if it has several."""
    if len(text) <= length:
        return text
    return text[: length - 1].rsplit(" ", 1)[0].rstrip(",;:.") + "…"
