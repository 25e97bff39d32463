"""The ordering of a subscription: it defines which deliveries must be made one after the other. Pure.

::

    None                               no delivery waits for another
    "subscription"                     all in one order
    {"key": "/payload/client_id"}      in order for events with the same value at that pointer

Deliveries in one order have the same *order key*, a number of 64 bits computed from the value. If two values have the
same number (one pair in 2**64), their deliveries wait for each other; this has no other effect.
"""

import functools
import hashlib
from collections.abc import Mapping
from typing import Any

import orjson

WHOLE = "subscription"
MAX_POINTER = 1_000
"""The maximum number of characters of a pointer."""
PARTS = ("payload", "metadata")
"""The members of an envelope with which a pointer may start."""

Ordering = str | Mapping[str, str]
"""``"subscription"``, or an object with the JSON pointer ``key``."""
WHOLE_KEY = 0
"""The order key of every event if all are in one order."""


@functools.lru_cache(maxsize=1024)
def names_of(pointer: str) -> tuple[str, ...]:
    """Split a JSON pointer (RFC 6901) into its names."""
    return tuple(name.replace("~1", "/").replace("~0", "~") for name in pointer.split("/")[1:])


def key_at(pointer: str, envelope: Mapping[str, Any]) -> int:
    """Compute the order key of an event from the value at *pointer* in its decoded *envelope*.

    Events without a value there, and those with null, share one key.
    """
    value: Any = envelope
    for name in names_of(pointer):
        value = value.get(name) if isinstance(value, dict) else None
    if type(value) is float and value.is_integer():
        value = int(value)  # 7.0 equals 7
    text = str(value).encode() if type(value) is int else orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), signed=True)
