"""Event types that the operator registers over the API; they are stored in the database. Other types come from files.

A type is registered once and then revised; a revision must not break older clients (``schemas.breaks``). Types from files are
changed in their files.
"""

import logging
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Self

from trunkline.errors import BodyInvalid, Conflict, FieldError, NotFound, SchemaInvalid
from trunkline.model.event_groups import RESERVED, is_operational
from trunkline.runtime.background import Background
from trunkline.runtime.clock import now_ms
from trunkline.schemas.breaks import find_breaks
from trunkline.schemas.catalog import EventType, SchemaCatalog
from trunkline.schemas.files import read_event_type
from trunkline.store import event_types as store
from trunkline.store.database import Database
from trunkline.store.event_types import Registered

MAX_TYPES = 1_000
LOOK_SECONDS = 2.0
_log = logging.getLogger(__name__)


class RegisteredTypes:
    """Registers event types, and keeps *catalog* equal to the database. Enter it to follow changes by other processes."""

    def __init__(self, database: Database, catalog: SchemaCatalog) -> None:
        self._database = database
        self._catalog = catalog
        self._in_files = frozenset(catalog.names())
        self._count = 0
        self._revisions: Mapping[str, int] = MappingProxyType({})
        self._following = Background(
            "the look for event types", self.refresh, seconds=LOOK_SECONDS, first_seconds=LOOK_SECONDS
        )

    async def __aenter__(self) -> Self:
        await self.refresh()
        await self._following.__aenter__()
        return self

    async def __aexit__(self, *details: object) -> None:
        await self._following.__aexit__(*details)

    def revision_of(self, name: str) -> int | None:
        """Return the current revision of a registered type; None for a type from files."""
        return self._revisions.get(name)

    async def register(self, name: str, schema_json: bytes) -> EventType:
        """Register an event type.

        Raises:
            BodyInvalid: the name or the schema is not usable.
            Conflict: the type exists already, or ``MAX_TYPES`` types are registered.
        """
        await self.refresh()
        event_type = _read(name, schema_json)
        if is_operational(name):
            msg = f"The name '{name}' {RESERVED}."
            raise Conflict(msg)
        if self._catalog.get(name) is not None:
            where = "in the files of this deployment" if name in self._in_files else "registered"
            msg = f"The event type '{name}' is {where} already; PATCH /api/v1/event-types/{name} revises one that was registered."
            raise Conflict(msg)
        if len(self._revisions) >= MAX_TYPES:
            msg = f"There are {MAX_TYPES} registered event types, which is the most; put further ones into files."
            raise Conflict(msg)
        await self._store(Registered(name, 1, schema_json))
        return event_type

    async def revise(self, name: str, schema_json: bytes) -> EventType:
        """Replace the schema of a registered event type.

        Raises:
            NotFound: there is no such type.
            BodyInvalid: the schema is not usable, or would break a client of the older schema.
            Conflict: the type comes from files, or another caller revised it at the same time.
        """
        await self.refresh()
        before = self._catalog.get(name)
        if before is None:
            raise NotFound("event type", name)
        revision = self._revisions.get(name)
        if revision is None:
            msg = f"The event type '{name}' stands in the files of this deployment; change it there."
            raise Conflict(msg)
        event_type = _read(name, schema_json)
        if breaks := find_breaks([before], [event_type]):
            raise BodyInvalid(
                [FieldError(f"/schema{b.path}", f"would break an older client: {b.message}") for b in breaks]
            )
        if schema_json != before.schema_json:
            await self._store(Registered(name, revision + 1, schema_json))
        return event_type

    async def refresh(self) -> None:
        """Load the types that this or another process has registered since the last call. Raises StoreUnavailable."""
        async with self._database.read() as connection:
            count = await store.count(connection)
            if count == self._count:
                return
            rows = await store.newest(connection)
        self._catalog.renew(self._fit(rows))
        self._revisions = MappingProxyType({row.name: row.revision for row in rows})
        self._count = count

    def _fit(self, rows: Sequence[Registered]) -> list[EventType]:
        """Read the usable types from *rows*. A type that now also exists in a file is left out: the file is used."""
        fit: list[EventType] = []
        for row in rows:
            if row.name in self._in_files:
                _log.warning("the registered event type '%s' stands in files by now, which hold", row.name)
                continue
            if is_operational(row.name):
                _log.error("the registered event type '%s' cannot serve: its name %s", row.name, RESERVED)
                continue
            try:
                fit.append(_read(row.name, row.schema_json))
            except BodyInvalid as error:  # an older version of the hub accepted the type
                _log.error("the registered event type '%s' cannot serve: %s", row.name, error.detail)
        return fit

    async def _store(self, registered: Registered) -> None:
        async with self._database.write() as connection:
            if not await store.insert(connection, registered, now_ms=now_ms()):
                msg = f"The event type '{registered.name}' has just been changed by somebody else; look at it and send again."
                raise Conflict(msg)
        await self.refresh()


def _read(name: str, schema_json: bytes) -> EventType:
    """Read a type in the same way as from a file, and check that its examples are valid. Raises BodyInvalid."""
    try:
        event_type = read_event_type(name, schema_json, source=name)
        SchemaCatalog([event_type])
    except SchemaInvalid as error:
        raise BodyInvalid([FieldError("/schema", error.reason)]) from None
    if event_type.version != 1:
        message = "has 'x-version', which only types in files may have: versions side by side need casters"
        raise BodyInvalid([FieldError("/schema/x-version", message)])
    return event_type


def view(event_type: EventType, revision: int | None) -> dict[str, Any]:
    """Show a registered type as the members of an answer."""
    return {"type": event_type.name, "revision": revision, "title": event_type.title}
