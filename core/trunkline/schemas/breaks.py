"""Finds the changes of schemas that break an older client: event types, actions, searches and lookups. Pure.

A client that reads payloads or answers breaks on a value that the older schema did not allow. For this client, a new
optional field, a narrower type or a removed value is safe; a removed field, a wider type or a new value is not. A
client that sends requests breaks if a request that the older schema allowed is refused, so for requests the opposite
holds.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Literal

from msgspec import Struct, structs

from trunkline.schemas import definitions
from trunkline.schemas.catalog import EventType, Json
from trunkline.schemas.definitions import Definition
from trunkline.schemas.differences import calling_differences, reading_differences
from trunkline.schemas.value_differences import Difference, Kind
from trunkline.schemas.versions import choose


class Break(Struct, frozen=True):
    """One change that breaks an older client.

    *name* is the name of the event type, or of the operation of the kind *subject*. *path* is a JSON pointer into the
    event, or into the call (``/parameters``, ``/input``) and its answer (``/output``); empty for the event or call as a
    whole. *version* is the version of the event type that the older client reads.
    """

    name: str
    path: str
    kind: Kind
    message: str
    subject: Literal["event_type"] | definitions.Kind = "event_type"
    version: int | None = None


def find_breaks(old: Iterable[EventType], new: Iterable[EventType]) -> list[Break]:
    """Compare every version of every type of *old* with the version that its readers get from *new*.

    Readers get the same version if *new* has it, otherwise the next one that exists (``SchemaVersions.chosen``).
    """
    present: dict[str, list[EventType]] = {}
    for kind in sorted(new, key=lambda kind: kind.version):
        present.setdefault(kind.name, []).append(kind)
    breaks: list[Break] = []
    for kind in sorted(old, key=lambda kind: (kind.name, kind.version)):
        successors = present.get(kind.name)
        if not successors:
            differences = [Break(kind.name, "", "type_removed", "the event type is gone")]
        else:
            version = choose([candidate.version for candidate in successors], kind.version)
            newer = next(candidate for candidate in successors if candidate.version == version)
            differences = compare(kind.name, kind.schema, newer.schema)
        breaks += [structs.replace(item, version=kind.version) for item in differences]
    return breaks


def find_operation_breaks(old: Iterable[Definition], new: Iterable[Definition]) -> list[Break]:
    """Compare every action, search and lookup of *old* with the definition of the same kind and name in *new*."""
    present = {(definition.kind, definition.name): definition for definition in new}
    return [
        structs.replace(item, subject=definition.kind)
        for definition in old
        for item in _changes(definition, present.get((definition.kind, definition.name)))
    ]


def compare(
    name: str, old: Mapping[str, Json], new: Mapping[str, Json], *, path: str = "/payload"
) -> list[Break]:
    """Compare two schemas of data that a client reads: the payload of the type *name*, or the value at *path*."""
    return _breaks(name, path, reading_differences(old, new))


def _changes(old: Definition, new: Definition | None) -> Iterator[Break]:
    """List the changes that break a client that sends requests of *old* and reads its answers."""
    if new is None:
        yield Break(old.name, "", "operation_removed", f"the {old.kind} is gone")
        return
    if (old.method, old.path) == (new.method, new.path):
        yield from _breaks(old.name, "/parameters", calling_differences(old.parameters, new.parameters))
    else:
        message = f"was {old.method} {old.path}, is now {new.method} {new.path}"
        yield Break(old.name, "", "call_changed", message)
    if old.is_single != new.is_single:
        shape = "with one record" if new.is_single else "with a list of records"
        yield Break(old.name, "", "call_changed", f"now answers {shape}")
    yield from _breaks(old.name, "/input", calling_differences(old.input, new.input))
    yield from compare(old.name, old.output, new.output, path="/output")


def _breaks(name: str, path: str, differences: Iterable[Difference]) -> list[Break]:
    return [Break(name, path + each.path, each.kind, each.message) for each in differences]
