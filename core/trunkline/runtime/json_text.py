"""JSON of plugins' data, in which text may be a subclass of ``str``, such as the column names of SQLAlchemy's rows."""

from typing import Any

import orjson


def dumps(value: Any) -> bytes:
    """Write *value* as JSON. Raises TypeError if *value* is not JSON data, or a key is not text."""
    try:
        return orjson.dumps(value)
    except TypeError:
        if not _has_text_keys(value):
            raise
        # No other option accepts a subclass of str.
        return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS)


def _has_text_keys(value: Any) -> bool:
    if isinstance(value, dict):
        return all(isinstance(key, str) and _has_text_keys(inner) for key, inner in value.items())
    return not isinstance(value, list | tuple) or all(map(_has_text_keys, value))
