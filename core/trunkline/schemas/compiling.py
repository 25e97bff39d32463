"""Compiled schemas: the validator of the hot path, and the regular expressions that it runs in bounded time. Pure.

If possible, patterns run on an engine that is linear in the text. Patterns that this engine does not support (look-around
and back-references) run on a backtracking engine. The backtracking engine gives up after ``MAX_BACKTRACKS`` steps, about a
millisecond, and the value then counts as not valid.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import jsonschema_rs

from trunkline.errors import pointer

Json = Any

MAX_BACKTRACKS = 10_000
_DATA_KEYWORDS = frozenset({"const", "default", "enum", "examples"})


def compile_validator(schema: Mapping[str, Json]) -> jsonschema_rs.Draft202012Validator:
    """Build the validator of the hot path: formats are enforced and nothing is fetched.

    Raises jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError: it cannot be compiled.
    """
    document = dict(schema)
    try:
        return _compile(document, jsonschema_rs.RegexOptions())
    except jsonschema_rs.ValidationError:
        return _compile(document, jsonschema_rs.FancyRegexOptions(backtrack_limit=MAX_BACKTRACKS))


def backtracking_patterns(schema: Json, at: str = "") -> Iterator[tuple[str, str]]:
    """List the regular expressions in *schema* that are not linear, each with its JSON pointer."""
    if isinstance(schema, list):
        for index, item in enumerate(schema):
            yield from backtracking_patterns(item, at + pointer(index))
    if not isinstance(schema, dict):
        return
    for keyword, value in schema.items():
        here = at + pointer(keyword)
        if keyword == "pattern" and isinstance(value, str) and not is_linear(value):
            yield here, value
        elif keyword == "patternProperties" and isinstance(value, dict):
            yield from ((here + pointer(name), name) for name in value if not is_linear(name))
        if keyword not in _DATA_KEYWORDS:
            yield from backtracking_patterns(value, here)


def is_linear(pattern: str) -> bool:
    """Return True if *pattern* runs in linear time; False for an invalid pattern."""
    try:
        _compile({"pattern": pattern}, jsonschema_rs.RegexOptions())
    except ValueError:
        return False
    return True


def _compile(
    document: dict[str, Json], patterns: jsonschema_rs.RegexOptions | jsonschema_rs.FancyRegexOptions
) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(
        document, validate_formats=True, offline=True, pattern_options=patterns
    )
