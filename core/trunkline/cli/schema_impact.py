"""The impact of a change of schemas on mapped fields in platforms, subscriptions, and filters."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import orjson
from msgspec import Struct

from trunkline.contract import Connector
from trunkline.model.environments import company_number, environment_of
from trunkline.model.event_groups import takes_type
from trunkline.schemas.breaks import Break
from trunkline.schemas.catalog import Json
from trunkline.schemas.versions import choose
from trunkline.store import sql
from trunkline.store import subscriptions as store
from trunkline.store.database import Database


class PlatformField(Struct, frozen=True):
    """A field as shown to the users of one platform."""

    connector: str
    field: str


class HurtSubscription(Struct, frozen=True):
    """A subscription that a breaking change would affect; *filter_paths* are the paths of its filter that would stop working."""

    id: str
    company_id: int
    environment: str
    channel: str
    filter_paths: tuple[str, ...]


class Impact(Struct, frozen=True):
    """The fields and subscriptions that one breaking change would affect. *subscriptions* is None without a database."""

    platforms: tuple[PlatformField, ...]
    subscriptions: tuple[HurtSubscription, ...] | None = None


async def read_readers(database: Database) -> list[store.Row]:
    """Read every subscription except deleted ones. Raises StoreUnavailable."""
    async with database.read() as connection:
        return [row async for rows in store.changed_since(connection, 0) for row in rows]


def impact_of(
    change: Break,
    *,
    connectors: Iterable[Connector],
    readers: Sequence[store.Row] | None,
    versions: Sequence[int],
) -> Impact:
    """Find what *change* would affect; *versions* are the versions of its event type in the older schemas, oldest first."""
    names = _names(change.path)
    platforms = [
        PlatformField(connector.name, connector.field_name(names) if names else change.name)
        for connector in connectors
        if connector.field_name is not None
    ]
    if readers is None or change.subject != "event_type":
        return Impact(tuple(platforms), None if readers is None else ())
    hurt = [
        HurtSubscription(
            reader.id,
            company_number(reader.company_id),
            environment_of(reader.company_id),
            reader.channel,
            _below(dict.fromkeys(_paths(orjson.loads(reader.filter or "{}"))), change.path),
        )
        for reader in readers
        if takes_type(orjson.loads(reader.event_types), change.name)
        and choose(versions, sql.pins_of(reader.pins).get(change.name, 1)) == change.version
    ]
    return Impact(tuple(platforms), tuple(hurt))


def _paths(source: Mapping[str, Json]) -> Iterator[str]:
    """List the paths that a filter reads, in order."""
    for name, value in source.items():
        if name in {"any", "all"}:
            for inner in value:
                yield from _paths(inner)
        elif name == "not":
            yield from _paths(value)
        else:
            yield name


def _names(pointer: str) -> list[str]:
    """Split a JSON pointer into field names, without ``items``, and without a leading ``input``, ``output`` or ``parameters``."""
    parts = [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]
    if parts[:1] and parts[0] in {"input", "output", "parameters"}:
        parts = parts[1:]
    return [part for part in parts if part != "items"]


def _below(paths: Iterable[str], pointer: str) -> tuple[str, ...]:
    """Choose the paths of a filter that begin with the path of *pointer*; all paths if *pointer* is the whole event."""
    broken = ".".join(_names(pointer))
    return tuple(path for path in paths if not broken or f"{path}.".startswith(f"{broken}."))
