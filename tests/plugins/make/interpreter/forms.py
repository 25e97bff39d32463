"""Forms: filling them in, and the values that reach the app."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from .values import NotUnderstood

_NUMBER = (int, float)
_TYPES: Mapping[str, tuple[type, ...]] = {
    "text": (str,),
    "email": (str,),
    "password": (str,),
    "integer": (int,),
    "uinteger": (int,),
    "number": _NUMBER,
    "boolean": (bool,),
    "date": (datetime,),
    "any": (object,),
    "array": (list,),
    "collection": (dict,),
}
_KNOWN = frozenset(
    {
        "name",
        "label",
        "type",
        "help",
        "required",
        "advanced",
        "default",
        "multiline",
        "multiple",
        "time",
        "options",
        "spec",
    }
)


ERASE = object()
"""Make's keyword for an emptied field: the app gets null.

https://developers.make.com/custom-apps-documentation/other/processing-of-empty-values
"""


class FormRefused(Exception):
    """Make does not accept the form."""


def fill_in(form: Sequence[Mapping[str, Any]], values: Mapping[str, Any]) -> dict[str, Any]:
    """Give the parameters of a module whose form holds *values*; empty fields are missing.

    Raises:
        FormRefused: a value is missing, has no field, or is not of the field's type.
        NotUnderstood: the form has an unknown feature.
    """
    fields = {field["name"]: field for field in form}
    if unknown := set(values) - set(fields):
        msg = f"there is no field {min(unknown)}"
        raise FormRefused(msg)
    made: dict[str, Any] = {}
    for name, field in fields.items():
        if odd := set(field) - _KNOWN:
            msg = f"'{min(odd)}' of the parameter {name}"
            raise NotUnderstood(msg)
        value = values.get(name, field.get("default"))
        if value is ERASE:
            made[name] = None
            continue
        if value is None or value == "":
            if field.get("required"):
                msg = f"{name} is required"
                raise FormRefused(msg)
            continue
        made[name] = _checked(field, value)
    return made


def _checked(field: Mapping[str, Any], value: Any) -> Any:
    kind = field["type"]
    if kind == "select":
        return _chosen(field, value)
    if kind not in _TYPES:
        msg = f"the type {kind} of {field['name']}"
        raise NotUnderstood(msg)
    if not isinstance(value, _TYPES[kind]) or (isinstance(value, bool) and kind in {"integer", "number"}):
        msg = f"{field['name']} is of type {kind}, not {value!r}"
        raise FormRefused(msg)
    if kind == "collection" and "spec" in field:
        return fill_in(field["spec"], value)
    if kind == "array" and isinstance(field.get("spec"), list):
        return [fill_in(field["spec"], item) for item in value]
    return value


def _chosen(field: Mapping[str, Any], value: Any) -> Any:
    """Check a choice. If an RPC lists the options, any value can be mapped."""
    chosen = value if field.get("multiple") else [value]
    if isinstance(field["options"], list):
        options = [option["value"] for option in field["options"]]
        if not isinstance(chosen, list) or (odd := [item for item in chosen if item not in options]):
            msg = f"{field['name']} has no option {odd[0]!r}"
            raise FormRefused(msg)
    return value
