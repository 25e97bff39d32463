"""Adapts the examples in the API's description to the served product: its event types, and the prefix of its keys.

Examples in the code use three event types and a neutral key. If the product has other types, these replace them.
"""

from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Any

EVENT_TYPES = ("client.created", "payment.failed", "invoice.created")
"""The event types in examples."""
KEY = "trunkline_live_"
"""The prefix of keys in examples."""


def replacements(event_types: Sequence[str], *, key_prefix: str) -> dict[str, str]:
    """Map words in examples to replacements: event types that the product lacks to types that it has, and the prefix of keys."""
    foreign = [name for name in EVENT_TYPES if name not in event_types]
    own = {name: event_types[i % len(event_types)] for i, name in enumerate(foreign)} if event_types else {}
    return {KEY: f"{key_prefix}_live_", **own}


def replaced(document: Any, words: Mapping[str, str]) -> Any:
    """Return *document* with each of *words* replaced in all texts, including member names."""
    if isinstance(document, str):
        return reduce(lambda text, word: text.replace(word, words[word]), words, document)
    if isinstance(document, list):
        return [replaced(item, words) for item in document]
    if isinstance(document, dict):
        return {replaced(name, words): replaced(value, words) for name, value in document.items()}
    return document
