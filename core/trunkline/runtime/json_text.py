"""JSON of what a plugin gives: its text may be of a subclass, as the column names of SQLAlchemy's rows are."""

from typing import Any

import orjson


def dumps(value: Any) -> bytes:
    """Write *value* as JSON.

    Raises:
        TypeError: it is not JSON data; a key that is no text is none, either.
    """
    try:
        return orjson.dumps(value)
    except TypeError:
        if not _has_text_keys(value):
            raise
        return orjson.dumps(
            value, option=orjson.OPT_NON_STR_KEYS
        )  # the only option that takes a subclass of text


def _has_text_keys(value: Any) -> bool:
    if isinstance(value, dict):
        return all(isinstance(key, str) and _has_text_keys(inner) for key, inner in value.items())
    return not isinstance(value, list | tuple) or all(map(_has_text_keys, value))
