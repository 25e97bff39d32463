"""The ordering of a subscription: which of its deliveries go one after the other. Pure.

::

    None                               none waits for another
    "subscription"                     all in one order
    {"key": "/payload/client_id"}      those of events with the same value there

Deliveries that go one after the other have the same *order key*, a number of 64 bits made of the value. Two values that
share a number, one pair in 2**64, would wait for each other and lose nothing.
"""

import functools
import hashlib
from collections.abc import Mapping
from typing import Any

import orjson

WHOLE = "subscription"
MAX_POINTER = 1_000
"""How many characters a pointer may have."""
PARTS = ("payload", "metadata")
"""The members of an envelope that a pointer may lead into."""

Ordering = str | Mapping[str, str]
"""``"subscription"``, or an object with the JSON pointer ``key``."""
WHOLE_KEY = 0
"""The order key of everything, where all is in one order."""


@functools.lru_cache(maxsize=1024)
def names_of(pointer: str) -> tuple[str, ...]:
    """Split a JSON pointer (RFC 6901) into the names that it goes through."""
    return tuple(name.replace("~1", "/").replace("~0", "~") for name in pointer.split("/")[1:])


def key_at(pointer: str, envelope: Mapping[str, Any]) -> int:
    """Give the order key of an event, a decoded envelope: that of its value at *pointer*.

    Events without a value there have one key together, and so have those with null.
    """
    value: Any = envelope
    for name in names_of(pointer):
        value = value.get(name) if isinstance(value, dict) else None
    if type(value) is float and value.is_integer():
        value = int(value)  # 7.0 is 7
    text = str(value).encode() if type(value) is int else orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), signed=True)
