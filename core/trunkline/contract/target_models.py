"""Models of targets made from a JSON Schema, for a channel that declares its targets as data (``Channel.target_schema``)."""

import re
from collections.abc import Mapping
from typing import Any, Literal, NoReturn, cast

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, create_model
from pydantic.errors import PydanticUserError
from pydantic_core import PydanticUndefined, SchemaError

from trunkline.schemas.catalog import Json

_KINDS: Mapping[str, Any] = {"string": str, "integer": int, "number": float, "boolean": bool}
_OF_TEXT = {"minLength": "min_length", "maxLength": "max_length", "pattern": "pattern"}
_OF_NUMBERS = {
    "minimum": "ge",
    "maximum": "le",
    "exclusiveMinimum": "gt",
    "exclusiveMaximum": "lt",
    "multipleOf": "multiple_of",
}
_CONSTRAINTS = {**_OF_TEXT, **_OF_NUMBERS}
_WORDS = ("title", "description", "examples")
_MEMBER_WORDS = frozenset({*_CONSTRAINTS, *_WORDS, "type", "enum", "const", "default", "writeOnly", "format"})
_TARGET_WORDS = frozenset(
    {*_WORDS, "$schema", "$id", "type", "properties", "required", "additionalProperties"}
)
_NOT_OF_SECRETS = frozenset({*_CONSTRAINTS, "default"}) - {"minLength", "maxLength"}
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}", re.ASCII)


class SchemaTarget(BaseModel):
    """The base class of models that are made from a schema."""

    model_config = ConfigDict(validate_default=True)


def model_of(schema: Mapping[str, Json], *, name: str) -> type[SchemaTarget]:
    """Make the model of targets from *schema*, which describes an object with plain members.

    A member with ``writeOnly``, or with the format ``password``, is a secret; a member that is not required may be absent.

    Raises:
        ValueError: *schema* has a rule that a form cannot show or that would not be enforced; the message names the member.
    """
    properties = schema.get("properties")
    if schema.get("type", "object") != "object" or not isinstance(properties, Mapping) or not properties:
        _refuse("must describe an object with properties")
    if unknown := sorted(schema.keys() - _TARGET_WORDS):
        _refuse(f"has '{unknown[0]}', which is not one of {', '.join(sorted(_TARGET_WORDS))}")
    required = frozenset(schema.get("required", ()))
    if strangers := sorted(required - properties.keys()):
        _refuse(f"requires '{strangers[0]}', which is not among its properties")
    fields: dict[str, Any] = {
        member: _field_of(member, rules, is_required=member in required)
        for member, rules in properties.items()
    }
    words = schema.get("description")
    try:
        made: type[SchemaTarget] = create_model(name, __base__=SchemaTarget, __doc__=words, **fields)
    except (SchemaError, PydanticUserError, TypeError) as error:
        _refuse(f"cannot be held to: {' '.join(str(error).split())[:300]}")
    try:
        made.model_validate({})
    except ValidationError as error:
        if faulty := [fault["loc"][0] for fault in error.errors() if fault["type"] != "missing"]:
            _refuse(f"has a member '{faulty[0]}' whose default breaks its own rules")
    return made


def _field_of(name: str, rules: Any, *, is_required: bool) -> tuple[Any, Any]:
    """Return the annotation and the field of a member."""
    where = f"has a member '{name}'"
    if not _NAME.fullmatch(name) or hasattr(BaseModel, name):
        _refuse(f"{where}, which no model can have: take lower-case letters, digits and '_'")
    if not isinstance(rules, Mapping):
        _refuse(f"{where} that is no schema")
    if unknown := sorted(rules.keys() - _MEMBER_WORDS):
        _refuse(f"{where} with '{unknown[0]}', which is not one of {', '.join(sorted(_MEMBER_WORDS))}")
    if rules.get("format", "password") != "password":
        _refuse(f"{where} with the format '{rules['format']}', which would not be held: write a pattern")
    annotation = _annotation_of(rules, where)
    default = rules.get("default", PydanticUndefined if is_required else None)
    if not is_required and "default" not in rules:
        annotation = annotation | None
    given = {} if _values_of(rules) else rules
    constraints = {ours: given[word] for word, ours in _CONSTRAINTS.items() if word in given}
    words = {word: rules[word] for word in _WORDS if word in rules}
    return annotation, Field(default=default, **constraints, **words)


def _annotation_of(rules: Mapping[str, Any], where: str) -> Any:
    values = _values_of(rules)
    kind: Any = rules.get("type")
    if kind not in _KINDS:
        _refuse(f"{where} of the type {kind!r}, which is not one of {', '.join(_KINDS)}")
    foreign = {"string": _OF_NUMBERS, "boolean": _CONSTRAINTS}.get(kind, _OF_TEXT)
    if misplaced := sorted(foreign.keys() & rules.keys()):
        _refuse(f"{where} with '{misplaced[0]}', which means nothing of its type")
    if rules.get("writeOnly") or "format" in rules:
        if kind != "string" or values or _NOT_OF_SECRETS & rules.keys():
            _refuse(
                f"{where} that is secret, which has neither choices nor a default, and no rule but its length"
            )
        return SecretStr
    if values:
        if not all(type(value) is _KINDS[kind] for value in values):
            _refuse(f"{where} with a choice that is not of its type")
        return cast("Any", Literal)[tuple(values)]
    return _KINDS[kind]


def _values_of(rules: Mapping[str, Any]) -> list[Any]:
    return [rules["const"]] if "const" in rules else list(rules.get("enum", ()))


def _refuse(words: str) -> NoReturn:
    msg = f"target_schema {words}"
    raise ValueError(msg)
