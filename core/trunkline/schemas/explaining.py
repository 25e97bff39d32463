"""Explains faults with a ``jsonschema`` validator that agrees with the compiled validator and does bounded work. Pure.

This module replaces the keywords for which ``jsonschema`` uses Python's backtracking ``re`` or compares items pair by pair.
Each evaluated keyword is a step; when no steps are left, the faults found so far are returned.
"""

import functools
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import jsonschema.validators  # type: ignore[import-untyped]
import jsonschema_rs
from jsonschema import Draft202012Validator, FormatChecker
from jsonschema_specifications import REGISTRY  # type: ignore[import-untyped]
from referencing.exceptions import Unresolvable

from trunkline.schemas.budget import Budget, TooMuch
from trunkline.schemas.compiling import compile_validator
from trunkline.schemas.sentences import FORMATS, RARE_FORMATS, JsonSchemaError

Json = Any

_ITEMS_OF_A_STEP, _CHARACTERS_OF_A_STEP = 16, 4_096
_PAIRS_OF_A_STEP = 128
_ENTRIES_OF_A_STEP = 4

Keyword = Callable[[Any, Json, Json, Json], Iterator[JsonSchemaError] | None]
_Compiled = dict[tuple[str, Json], jsonschema_rs.Draft202012Validator]


class UnknownFields(jsonschema.ValidationError):  # type: ignore[misc]
    """An object has unknown fields: *names*."""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__("has unknown fields")
        self.names = names


class _Judge(FormatChecker):  # type: ignore[misc]
    """State shared by all parts of one explanation; ``jsonschema`` passes it on as its format checker."""

    def __init__(self, compiled: "_Compiled", budget: Budget) -> None:
        self.checkers = _format_checkers()
        self.spend = budget.spend
        self._compiled = compiled

    def matches(self, keyword: str, value: Json, instance: Json) -> bool:
        """Return True if the validator of *keyword* alone, with *value*, accepts *instance*; it is compiled at its first use."""
        key = (keyword, value)
        judge = self._compiled.get(key)
        if judge is None:
            judge = self._compiled[key] = compile_validator({keyword: value})
        return judge.is_valid(instance)


class Explainer:
    """Explains the faults of data under one schema."""

    __slots__ = ("_compiled", "_validator")

    def __init__(self, schema: Mapping[str, Json]) -> None:
        self._compiled: _Compiled = {}
        self._validator = _Explainer(schema, registry=REGISTRY)

    def iter_errors(self, data: Json, budget: Budget) -> Iterator[JsonSchemaError]:
        """Yield the errors of *data*, one after the other.

        Raises TooMuch: *budget* is spent, or the schema is nested too deeply or has a reference that cannot be resolved.
        """
        try:
            yield from self._validator.evolve(format_checker=_Judge(self._compiled, budget)).iter_errors(data)
        except (RecursionError, Unresolvable):
            raise TooMuch from None


def find_schema_error(schema: Mapping[str, Json]) -> JsonSchemaError | None:
    """Find the first fault of *schema* itself; formats are checked in the same way as by the compiled validator."""
    checker = FormatChecker(formats=())
    checker.checkers = _format_checkers()
    try:
        Draft202012Validator.check_schema(schema, format_checker=checker)
    except jsonschema.SchemaError as error:
        return error
    return None


@functools.cache
def _format_checkers() -> dict[str, Any]:
    """Make the checks of formats, which use the compiled validator. It is called once, as the twenty validators take 0.7 ms."""
    names = (*FORMATS, *RARE_FORMATS.split())
    return {name: (compile_validator({"format": name}).is_valid, ()) for name in names}


# --- keywords ----------------------------------------------------------------------------------------------------------


def _delegate(keyword: str) -> Keyword:
    def check(validator: Any, value: Json, instance: Json, _schema: Json) -> Iterator[JsonSchemaError]:
        if not validator.format_checker.matches(keyword, value, instance):
            yield jsonschema.ValidationError(f"breaks {keyword}")

    return check


def _pattern_properties(
    validator: Any, patterns: Mapping[str, Json], instance: Json, _schema: Json
) -> Iterator[JsonSchemaError]:
    if not isinstance(instance, dict):
        return
    for pattern, schema in patterns.items():
        for name in _matching(validator, pattern, instance):
            yield from validator.descend(instance[name], schema, path=name, schema_path=pattern)


def _additional_properties(
    validator: Any, additional: Json, instance: Json, schema: Json
) -> Iterator[JsonSchemaError]:
    if not isinstance(instance, dict):
        return
    known = set(schema.get("properties", ()))
    for pattern in schema.get("patternProperties", ()):
        known.update(_matching(validator, pattern, instance))
    others = [name for name in instance if name not in known]
    if isinstance(additional, dict):
        for name in others:
            yield from validator.descend(instance[name], additional, path=name)
    elif not additional and others:
        yield UnknownFields(others)


def _unevaluated_properties(
    validator: Any, unevaluated: Json, instance: Json, schema: Json
) -> Iterator[JsonSchemaError]:
    if not isinstance(instance, dict):
        return
    others = instance.keys() - _evaluated(validator, instance, schema)
    allowed = validator.evolve(schema=unevaluated)
    if faulty := [name for name in others if not allowed.is_valid(instance[name])]:
        names = ", ".join(map(repr, sorted(faulty)[:5]))
        yield jsonschema.ValidationError(f"Unevaluated properties are not allowed ({names} unexpected)")


def _evaluated(validator: Any, instance: dict[str, Json], schema: Json) -> set[str]:
    """List the properties of *instance* that are evaluated by *schema*, or by a matching schema in it."""
    if not isinstance(schema, dict):
        return set()
    names = set(schema.get("properties", ())) & instance.keys()
    for keyword in ("additionalProperties", "unevaluatedProperties"):
        if keyword in schema:
            other = validator.evolve(schema=schema[keyword])
            names.update(name for name, value in instance.items() if other.is_valid(value))
    for pattern in schema.get("patternProperties", ()):
        names.update(_matching(validator, pattern, instance))
    for other in _holding(validator, instance, schema):
        names |= _evaluated(validator, instance, other)
    for keyword in ("$ref", "$dynamicRef"):
        if keyword in schema:
            resolved = validator._resolver.lookup(schema[keyword])  # noqa: SLF001 - as jsonschema's own keywords do
            target = validator.evolve(schema=resolved.contents, _resolver=resolved.resolver)
            names |= _evaluated(target, instance, resolved.contents)
    return names


def _holding(validator: Any, instance: dict[str, Json], schema: dict[str, Json]) -> Iterator[Json]:
    """Yield the schemas in *schema* that apply to *instance* itself and match."""
    yield from (other for name, other in schema.get("dependentSchemas", {}).items() if name in instance)
    for keyword in ("allOf", "oneOf", "anyOf"):
        for other in schema.get(keyword, ()):
            if validator.evolve(schema=other).is_valid(instance):
                yield other
    if "if" in schema:
        if validator.evolve(schema=schema["if"]).is_valid(instance):
            yield schema["if"]
            yield schema.get("then", True)
        else:
            yield schema.get("else", True)


def _matching(validator: Any, pattern: str, instance: Mapping[str, Json]) -> list[str]:
    judge = validator.format_checker
    judge.spend(len(instance))
    return [name for name in instance if judge.matches("pattern", pattern, name)]


def _unique_items(validator: Any, is_asked: Json, instance: Json, _schema: Json) -> Iterator[JsonSchemaError]:
    if is_asked and isinstance(instance, list):
        spend = validator.format_checker.spend
        spend(len(instance) // _ENTRIES_OF_A_STEP)
        if len({_canonical(item, spend) for item in instance}) < len(instance):
            yield jsonschema.ValidationError("has the same entry twice")


def _canonical(value: Json, spend: Callable[[int], None]) -> str:
    """Write *value* so that equal JSON values have equal texts: 1 is written as 1.0, and members are sorted."""
    if isinstance(value, dict | list):
        spend(len(value) // _ENTRIES_OF_A_STEP)
    if isinstance(value, dict):
        members = sorted((json.dumps(name), _canonical(item, spend)) for name, item in value.items())
        return f"{{{','.join(f'{name}:{item}' for name, item in members)}}}"
    if isinstance(value, list):
        return f"[{','.join(_canonical(item, spend) for item in value)}]"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return json.dumps(value)


def _unevaluated_items(
    validator: Any, value: Json, instance: Json, schema: Json
) -> Iterator[JsonSchemaError]:
    """Count the steps of the keyword of ``jsonschema``, which compares items pair by pair."""
    if isinstance(instance, list):
        validator.format_checker.spend(len(instance) ** 2 // _PAIRS_OF_A_STEP)
    yield from Draft202012Validator.VALIDATORS["unevaluatedItems"](validator, value, instance, schema) or ()


def _counted(check: Keyword) -> Keyword:
    def checked(
        validator: Any, value: Json, instance: Json, schema: Json
    ) -> Iterator[JsonSchemaError] | None:
        items = len(instance) if isinstance(instance, dict | list) else 0
        characters = len(instance) if isinstance(instance, str) else 0
        steps = 1 + items // _ITEMS_OF_A_STEP + characters // _CHARACTERS_OF_A_STEP
        validator.format_checker.spend(steps)
        return check(validator, value, instance, schema)

    return checked


# jsonschema matches patterns as Python does (`\d` matches the digits of every script) and says that 19.99 is not a
# multiple of 0.01; so these keywords use the compiled validator.
_KEYWORDS: Mapping[str, Keyword] = {
    **Draft202012Validator.VALIDATORS,
    "additionalProperties": _additional_properties,
    "multipleOf": _delegate("multipleOf"),
    "pattern": _delegate("pattern"),
    "patternProperties": _pattern_properties,
    "unevaluatedItems": _unevaluated_items,
    "unevaluatedProperties": _unevaluated_properties,
    "uniqueItems": _unique_items,
}
_Explainer = jsonschema.validators.extend(
    Draft202012Validator, {name: _counted(check) for name, check in _KEYWORDS.items()}
)


def _evolve(explainer: Any, **changes: Any) -> Any:
    """Return *explainer* with *changes*, of the same class.

    If a schema has ``$schema``, ``jsonschema`` would use its own class.
    """
    kept = {"schema": explainer.schema, "format_checker": explainer.format_checker}
    hidden = {"registry": explainer._registry, "_resolver": explainer._resolver}  # noqa: SLF001 - they have no other names
    return _Explainer(**{**kept, **hidden, **changes})


_Explainer.evolve = _evolve
