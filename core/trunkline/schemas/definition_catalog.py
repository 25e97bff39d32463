"""Every action, search and lookup by name, with the validators of its input and output. Pure."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from msgspec import Struct

from trunkline.errors import FieldError, SchemaInvalid
from trunkline.schemas import definition_rules
from trunkline.schemas.catalog import Json, Validator
from trunkline.schemas.definitions import KINDS, Definition, Kind
from trunkline.schemas.fields import FieldKind, read_fields
from trunkline.schemas.nulls import NullRules


class _Validators(Struct, frozen=True):
    parameters: Validator
    input: Validator
    output: Validator
    nulls: NullRules
    url_kinds: Mapping[str, FieldKind]


class DefinitionCatalog:
    """All definitions, checked. If *event_types* is given, ``emits`` of a definition may contain only these names.

    Raises SchemaInvalid: a definition breaks a rule, its schemas or examples are not valid, or it clashes with another.
    """

    __slots__ = ("_definitions", "_validators")

    def __init__(
        self, definitions: Iterable[Definition], *, event_types: Collection[str] | None = None
    ) -> None:
        self._definitions: dict[tuple[Kind, str], Definition] = {}
        self._validators: dict[tuple[Kind, str], _Validators] = {}
        for definition in sorted(definitions, key=lambda each: (KINDS.index(each.kind), each.name)):
            key = (definition.kind, definition.name)
            if other := self._definitions.get(key):
                known = f", as {other.source} does" if other.source else " a second time"
                reason = f"defines the {definition.kind} '{definition.name}'{known}; rename or remove one"
                raise _unfit(definition, reason)
            self._definitions[key] = definition
            self._validators[key] = _validators_of(definition)
        for definition, reason in definition_rules.clashes(self.all(), event_types=event_types):
            raise _unfit(definition, reason)

    def of(self, kind: Kind) -> tuple[Definition, ...]:
        """List every definition of *kind*, by name."""
        return tuple(definition for definition in self._definitions.values() if definition.kind == kind)

    def all(self) -> tuple[Definition, ...]:
        """List every definition, by kind and name."""
        return tuple(self._definitions.values())

    def get(self, kind: Kind, name: str) -> Definition | None:
        """Find the definition of *kind* with exactly this *name*."""
        return self._definitions.get((kind, name))

    def check_input(
        self, definition: Definition, parameters: Mapping[str, Json], input: Mapping[str, Json]
    ) -> list[FieldError]:
        """List the faults of a call. The path of a fault is the name of the path parameter, or a JSON pointer into *input*.

        Raises KeyError if *definition* is not in this catalog.
        """
        validators = self._validators[definition.kind, definition.name]
        faults = validators.parameters.check(parameters)
        named = [replace(fault, path=fault.path.removeprefix("/")) for fault in faults]
        return [*named, *validators.input.check(input)]

    def url_kind(self, definition: Definition, name: str) -> FieldKind:
        """Return the kind to which the text of a URL parameter is converted. Raises KeyError as ``check_input`` does."""
        return self._validators[definition.kind, definition.name].url_kinds.get(name, "text")

    def without_nulls(self, definition: Definition, input: Mapping[str, Json]) -> dict[str, Json]:
        """Remove the members of *input* that are null but whose schema allows no null. Raises KeyError as ``check_input`` does."""
        return self._validators[definition.kind, definition.name].nulls.without_nulls(input)

    def check_output(self, definition: Definition, output: Mapping[str, Json]) -> list[FieldError]:
        """List the faults of an answer, at JSON pointers. Raises KeyError as ``check_input`` does."""
        return self._validators[definition.kind, definition.name].output.check(output)


def _unfit(definition: Definition, reason: str) -> SchemaInvalid:
    return SchemaInvalid(definition.source or f"{definition.kind} '{definition.name}'", reason)


def _validators_of(definition: Definition) -> _Validators:
    """Compile the schemas, then check the definition against the rules and its examples against the schemas."""
    query = read_fields(definition.input) if definition.method == "GET" else ()
    url_fields = (*read_fields(definition.parameters), *query)
    validators: dict[str, Validator] = {}
    for part in ("parameters", "input", "output"):
        try:
            validators[part] = Validator(getattr(definition, part), name=definition.name)
        except SchemaInvalid as error:
            raise _unfit(definition, f"its '{part}' cannot serve: {error.reason}") from None
    for reason in definition_rules.broken_rules(definition):
        raise _unfit(definition, reason)
    for number, example in enumerate(definition.examples, start=1):
        for part, validator in validators.items():
            for fault in validator.check(getattr(example, part)):
                where = f"'{part}{fault.path}'"
                raise _unfit(definition, f"its example {number} is not valid at {where}: {fault.message}")
    return _Validators(
        parameters=validators["parameters"],
        input=validators["input"],
        output=validators["output"],
        nulls=NullRules(definition.input),
        url_kinds={field.name: field.kind for field in url_fields},
    )
