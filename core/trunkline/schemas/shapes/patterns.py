"""Tells whether the regular expressions of ``patternProperties`` match a property's name. Pure, and safe on any input."""

import jsonschema_rs

_LONGEST_PATTERN = 1_000
_LONGEST_NAME = 1_000
_LINEAR = jsonschema_rs.RegexOptions(size_limit=1 << 20)
"""An engine that never backtracks: its time is linear in the name, and its compiled size is bounded."""


def may_match(pattern: str, name: str) -> bool:
    """Tell whether *name* matches *pattern*, or may match it.

    Payloads are validated by the same library, so a plain pattern means the same in both places. A pattern counts as a
    match if the linear engine cannot run it (look-around, back-references), cannot parse it or finds it too large.
    """
    if len(pattern) > _LONGEST_PATTERN or len(name) > _LONGEST_NAME:
        return True
    try:
        validator = jsonschema_rs.Draft202012Validator({"pattern": pattern}, pattern_options=_LINEAR)
    except ValueError:
        return True
    return validator.is_valid(name)
