"""Pydantic's errors in the hub's words, with the refused value, and as one refusal of a request."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, get_args, get_origin

from trunkline.errors.faults import SHOWN, FieldError, pointer
from trunkline.errors.refusals import BadQuery, BodyInvalid, NotFound, Refused
from trunkline.errors.spelling import MAX_CORRECTED, known_instead

_LISTED = "must be a list"
_TIME = "must be an ISO 8601 time with its offset, such as 2026-01-28T10:30:00Z"
_WORDS: Mapping[str, str] = {
    "missing": "is required",
    "extra_forbidden": "is not known here",
    "int_parsing": "must be a whole number",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_parsing": "must be a number",
    "float_type": "must be a number",
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "string_type": "must be text",
    "too_short": "must have {min_length} or more entries",
    "too_long": "must have {max_length} entries at most",
    "string_too_short": "must have {min_length} characters or more",
    "string_too_long": "must have {max_length} characters at most",
    "greater_than_equal": "must be {ge:.15g} or more",
    "less_than_equal": "must be {le:.15g} at most",
    "greater_than": "must be more than {gt:.15g}",
    "less_than": "must be less than {lt:.15g}",
    "literal_error": "must be {expected}",
    "enum": "must be {expected}",
    **dict.fromkeys(
        ("datetime_parsing", "datetime_from_date_parsing", "datetime_type", "timezone_aware"), _TIME
    ),
    "list_type": _LISTED,
    "tuple_type": _LISTED,
    "set_type": _LISTED,
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
}
"""Maps pydantic's error types to messages; any other error keeps the message of pydantic or of the validator."""
_REPEATS = frozenset(
    {"int_parsing", "int_from_float", "float_parsing", "bool_parsing", "literal_error", "enum", "value_error"}
    | {"greater_than_equal", "less_than_equal", "greater_than", "less_than", "string_pattern_mismatch"}
    | {"tuple_type", "list_type", "datetime_parsing", "datetime_from_date_parsing", "timezone_aware"}
)
_SECRET = re.compile(r"secret|pepper|key|password|token|credential|header|target", re.IGNORECASE)


def refusal_of(faults: Sequence[Mapping[str, Any]], body: Any = None) -> Refused:
    """Turn pydantic's faults into one refusal: faults of the path first, then of parameters, then of the body.

    *body* is the model of the body; its fields are suggested if a name is unknown.
    """
    by_place = {
        place: [f for f in faults if f["loc"][0] == place] for place in ("path", "query", "header", "cookie")
    }
    if by_place["path"]:
        return NotFound("record", by_place["path"][0].get("input", ""))
    parameters = [FieldError(str(f["loc"][-1]), fault_words(f)) for f in faults if f["loc"][0] != "body"]
    if parameters:
        noun = "query parameter" if by_place["query"] else "header"
        first = parameters[0]
        return BadQuery(f"The {noun} '{first.path}' {first.message}.", errors=parameters)
    return BodyInvalid(
        [
            FieldError(
                pointer(*f["loc"][1:]),
                fault_words(f, known=fields_at(body, f["loc"][1:]) if number < MAX_CORRECTED else ()),
            )
            for number, f in enumerate(faults)
        ]
    )


def fault_words(fault: Mapping[str, Any], *, known: Sequence[str] = ()) -> str:
    """Describe *fault*, an error of pydantic about a field, in words that follow the field's name.

    *known* are the valid field names (``fields_at``); they are used if the error is about an unknown field. The words
    repeat the refused value, shortened, if the fault has it and it cannot be a secret.
    """
    if known and fault["type"] == "extra_forbidden":
        return f"{_said(fault)}; {known_instead(str(fault['loc'][-1]), known)}"
    return f"{_said(fault)}{_refused(fault)}"


def fields_at(model: Any, location: Sequence[int | str]) -> list[str]:
    """List the valid names for the last part of *location*; *model* is a pydantic model, or a type with models in it."""
    fields = getattr(model, "model_fields", None)
    if fields is None:
        below = location[1:] if get_origin(model) in {list, tuple, dict} else location
        return [name for inner in get_args(model) for name in fields_at(inner, below)]
    kinds = {field.alias or name: field.annotation for name, field in fields.items()}
    if len(location) < 2:
        return list(kinds)
    return fields_at(kinds.get(location[0]), location[1:])


def _said(fault: Mapping[str, Any]) -> str:
    if words := _WORDS.get(fault["type"]):
        return words.format(**fault.get("ctx", {}))
    text = str(fault["msg"]).removeprefix("Value error, ")
    subject, separator, rest = text.partition(" should ")
    return f"must {rest}" if separator and " " not in subject else text


def _refused(fault: Mapping[str, Any]) -> str:
    """Write the refused value; empty if the value adds no information, or may be a secret by its name or form."""
    value = fault.get("input")
    if fault["type"] not in _REPEATS or not isinstance(value, str | int | float) or value == "":
        return ""
    text = str(value)
    if any(_SECRET.search(str(part)) for part in fault["loc"]) or set(text) & set("@?") or "://" in text:
        return ""
    if text in _said(fault):
        return ""
    return f", not '{text if len(text) <= SHOWN else f'{text[: SHOWN - 1]}…'}'"
