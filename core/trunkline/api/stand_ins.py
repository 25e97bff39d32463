"""What examples in the API's description name, in the words of the product that is served: its event types, and how its keys begin.

The examples beside the code name three event types and a neutral key. Where a product has other types, its own take their place.
"""

from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Any

EVENT_TYPES = ("client.created", "payment.failed", "invoice.created")
"""The event types that examples name."""
KEY = "trunkline_live_"
"""Begins the key in examples."""


def replacements(event_types: Sequence[str], *, key_prefix: str) -> dict[str, str]:
    """Say what takes the place of what: the product's types in their order for those that it does not have, and its keys."""
    foreign = [name for name in EVENT_TYPES if name not in event_types]
    own = {name: event_types[i % len(event_types)] for i, name in enumerate(foreign)} if event_types else {}
    return {KEY: f"{key_prefix}_live_", **own}


def replaced(document: Any, words: Mapping[str, str]) -> Any:
    """Give *document* with each of *words* replaced wherever it stands in a text, names of members included."""
    if isinstance(document, str):
        return reduce(lambda text, word: text.replace(word, words[word]), words, document)
    if isinstance(document, list):
        return [replaced(item, words) for item in document]
    if isinstance(document, dict):
        return {replaced(name, words): replaced(value, words) for name, value in document.items()}
    return document
