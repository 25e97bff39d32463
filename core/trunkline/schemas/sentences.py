"""Converts ``jsonschema``'s errors about a payload to faults: a sentence and a JSON pointer each."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import jsonschema_rs

from trunkline.errors import FieldError, pointer
from trunkline.errors.spelling import MAX_CORRECTED, correction

Json = Any
JsonSchemaError = Any
"""An error of ``jsonschema``; its type stubs declare its attributes as possibly unset."""

MAX_FAULTS = 51
"""Checking ends after this number of faults, one more than an answer lists: a hostile payload could have millions."""

_MAX_SHOWN = 80


def distinct(faults: Iterable[FieldError]) -> list[FieldError]:
    """Remove repeated faults, and keep at most ``MAX_FAULTS``."""
    unique: dict[FieldError, None] = {}
    for fault in faults:
        unique[fault] = None
        if len(unique) == MAX_FAULTS:
            break
    return list(unique)


def first_fault(validator: jsonschema_rs.Draft202012Validator, data: Json) -> FieldError:
    """Return the first fault of *data* with the message of *validator*; used if ``jsonschema`` finds no fault in *data*.

    A list of all faults would be too slow: a million faults take 14 seconds.
    """
    try:
        validator.validate(data)
    except jsonschema_rs.ValidationError as error:
        return FieldError(pointer(*error.instance_path), short_text(error.message))
    return FieldError("", "is not valid")


def faults_of(error: JsonSchemaError, name: str) -> Iterator[FieldError]:
    """Convert one error of ``jsonschema`` to faults; *name* is used in the message about an unknown field."""
    here = pointer(*error.absolute_path)
    match error.validator:
        case "required":
            for missing in _absent(error.validator_value, error.instance):
                yield FieldError(here + pointer(missing), "is required")
        case "dependentRequired":
            for trigger in sorted(error.validator_value.keys() & error.instance.keys()):
                for missing in _absent(error.validator_value[trigger], error.instance):
                    yield FieldError(here + pointer(missing), f"is required where '{trigger}' is given")
        case "additionalProperties":
            yield from _unknown_fields(error, here, "this object" if here else name)
        case "anyOf" | "oneOf" if error.context:
            yield from _branch_faults(error, here, name)
        case "minProperties" if not error.instance:
            yield FieldError(here, _sentence(error), "Fill in at least one field")
        case _:
            yield FieldError(here, _sentence(error))


def _title(described: Json, name: str) -> str:
    return str(described.get("title", name)) if isinstance(described, Mapping) else name


def _absent(names: Iterable[str], instance: Json) -> list[str]:
    return [name for name in names if name not in instance]


def _unknown_fields(error: JsonSchemaError, here: str, owner: str) -> Iterator[FieldError]:
    known = list(error.schema.get("properties", {}))
    names = error.names if hasattr(error, "names") else [n for n in error.instance if n not in known]
    for number, unknown in enumerate(names):
        if len(unknown) > _MAX_SHOWN:
            yield FieldError(here, f"has the field {_short(unknown)}, which is not a field of {owner}")
            continue
        hint = correction(unknown, known) if number < MAX_CORRECTED else ""
        if known and not hint:
            hint = f"; known fields are {short_text(', '.join(known), limit=300)}"
        yield FieldError(here + pointer(unknown), f"is not a field of {owner}{hint}")


def _branch_faults(error: JsonSchemaError, here: str, name: str) -> Iterator[FieldError]:
    branches: dict[object, list[JsonSchemaError]] = {}
    for inner in error.context:
        branches.setdefault(inner.relative_schema_path[0], []).append(inner)
    fitting = [errors for errors in branches.values() if not any(_is_wrong_type(error) for error in errors)]
    if not fitting:
        allowed = [kind for inner in error.context if _is_wrong_type(inner) for kind in _kinds(inner)]
        yield FieldError(here, _wrong_type(allowed, error.instance))
    elif len(fitting) > 1 and _all_single(fitting, {"const", "enum", "format"}):
        first, *others = dict.fromkeys(_sentence(error) for (error,) in fitting)
        yield FieldError(here, ", or ".join([first, *(other.removeprefix("must be ") for other in others)]))
    elif len(fitting) > 1 and _all_single(fitting, {"required"}):
        absent = [name for (error,) in fitting for name in _absent(error.validator_value, error.instance)]
        first, *others = dict.fromkeys(absent)
        instead = f", or else {' or '.join(others)}" if others else ""
        described = error.schema.get("properties", {})
        titles = [_title(described.get(name), name) for name in (first, *others)]
        listed = f"{', '.join(titles[:-1])} or {titles[-1]}" if others else titles[0]
        yield FieldError(here + pointer(first), f"is required{instead}", f"Fill in {listed}")
    else:
        for inner in min(fitting, key=len):
            yield from faults_of(inner, name)


def _all_single(branches: list[list[JsonSchemaError]], keywords: set[str]) -> bool:
    """Return True if each branch has one error, which is of one of *keywords* and of the value itself."""
    firsts = [errors[0] for errors in branches if len(errors) == 1]
    return len(firsts) == len(branches) and all(
        not error.relative_path and error.validator in keywords for error in firsts
    )


def _is_wrong_type(error: JsonSchemaError) -> bool:
    return error.validator == "type" and not error.relative_path


def _kinds(error: JsonSchemaError) -> list[str]:
    kinds: str | list[str] = error.validator_value
    return [kinds] if isinstance(kinds, str) else kinds


def _sentence(error: JsonSchemaError) -> str:
    value, instance = error.validator_value, error.instance
    match error.validator:
        case None:
            return "is not allowed here"
        case "type":
            return _wrong_type(_kinds(error), instance)
        case "format":
            return f"must be {FORMATS.get(value, f'in the format {value}')}"
        case "enum":
            allowed = short_text(", ".join(map(_short, value)), limit=300)
            return f"must be one of {allowed}, not {_short(instance)}"
        case keyword if keyword in _PHRASES:
            size = len(instance) if hasattr(instance, "__len__") else 0
            return _PHRASES[keyword].format(value=_short(value), instance=_short(instance), size=size)
        case _:
            return short_text(error.message)


def _wrong_type(allowed: Iterable[str], instance: Json) -> str:
    names = list(dict.fromkeys(_KINDS[kind] for kind in allowed))
    kinds: dict[type, str] = {dict: "an object", list: "a list", tuple: "a list", str: "a string"}
    kind = kinds.get(type(instance), "a number")
    if (
        instance is None
        or isinstance(instance, bool)
        or (isinstance(instance, float) and _KINDS["integer"] in names)
    ):
        kind = _short(instance)
    return f"must be {' or '.join(names)}, not {kind}"


def _short(value: Json) -> str:
    return short_text(json.dumps(value, ensure_ascii=False, default=str))


def short_text(text: str, *, limit: int = _MAX_SHOWN) -> str:
    """Cut *text* to *limit* characters."""
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


_KINDS: Mapping[str, str] = {
    "array": "a list",
    "boolean": "true or false",
    "integer": "a whole number",
    "null": "null",
    "number": "a number",
    "object": "an object",
    "string": "a string",
}

FORMATS: Mapping[str, str] = {
    "date": "a date, such as 2026-01-28",
    "date-time": "a date and time with its zone, such as 2026-01-28T10:30:00Z",
    "email": "an email address, such as jane@example.com",
    "regex": "a regular expression, such as ^[a-z]+$",
    "uri": "a full URL, such as https://example.com/page",
    "uuid": "a UUID, such as 2f6b1f9c-3b0e-4a52-9b5e-0d6f1c9a7e11",
}

RARE_FORMATS = (
    "duration hostname idn-email idn-hostname ipv4 ipv6 iri iri-reference "
    "json-pointer relative-json-pointer time uri-reference uri-template"
)

_PHRASES: Mapping[str, str] = {
    "const": "must be {value}, not {instance}",
    "contains": "has no entry of the kind that is asked for",
    "exclusiveMaximum": "must be less than {value}, not {instance}",
    "exclusiveMinimum": "must be more than {value}, not {instance}",
    "maxItems": "must have {value} or fewer entries, not {size}",
    "maxLength": "must have {value} or fewer characters, not {size}",
    "maxProperties": "must have {value} or fewer fields, not {size}",
    "maximum": "must be at most {value}, not {instance}",
    "minItems": "must have {value} or more entries, not {size}",
    "minLength": "must have {value} or more characters, not {size}",
    "minProperties": "must have {value} or more fields, not {size}",
    "minimum": "must be at least {value}, not {instance}",
    "multipleOf": "must be a multiple of {value}, not {instance}",
    "not": "is of a kind that is not allowed here",
    "oneOf": "fits more than one of the allowed forms",
    "pattern": "must match the pattern {value}",
    "uniqueItems": "must not have the same entry twice",
}
