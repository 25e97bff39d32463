"""The numbers of connections that one process may open to PostgreSQL, by purpose."""

import logging
from typing import Self

from msgspec import Struct, structs

from trunkline import settings
from trunkline.errors import SettingsInvalid
from trunkline.store.engines import direct_of

FOR_COMMANDS = 3
"""Connections left free for the command line and for people."""
_FIXED = 3
"""Connections that every process has: one for the dispatcher's leases, one for LISTEN, and one for NOTIFY."""
_LEAST_OF_EACH = 2
"""The minimum for each other purpose: a caller that holds one connection may need a second."""
_log = logging.getLogger(__name__)


class Connections(Struct, frozen=True):
    """The most connections that a process opens for each purpose. They are opened when needed."""

    pool: int
    """Connections for the hub's services: subscriptions, deliveries, companies, and the like."""
    plugins: int
    """Connections through SQLAlchemy for plugins' own tables. With ``pool`` they make up ``database.pool_size``."""
    operations: int = 4
    """Connections for actions, searches and lookups, so that slow ones do not block accepting and delivering."""
    door: int = 3
    """Connections for looking up keys and appending to the log."""
    reading: int = 4
    """Connections for reading the log for clients."""
    lanes: int = 4
    """Connections for all other work of a dispatcher."""

    @classmethod
    def of(cls, pool_size: int) -> Self:
        """Divide *pool_size* (``database.pool_size``) between the hub's services and plugins."""
        plugins = min(max(pool_size // 2, _LEAST_OF_EACH), 4)
        return cls(max(pool_size - plugins, _LEAST_OF_EACH), plugins)

    @property
    def total(self) -> int:
        """The sum of the numbers for all purposes, including the connections that every process has."""
        kinds: tuple[int, ...] = structs.astuple(self)
        return sum(kinds) + _FIXED

    def within(self, most: int) -> "Connections":
        """Reduce the numbers so that the total is at most *most*."""
        kinds: tuple[int, ...] = structs.astuple(self)
        least = len(kinds) * _LEAST_OF_EACH + _FIXED
        share = min((most - least) / max(self.total - least, 1), 1)
        return Connections(*(_LEAST_OF_EACH + int((kind - _LEAST_OF_EACH) * share) for kind in kinds))


LEAST = Connections(*[_LEAST_OF_EACH] * len(structs.fields(Connections))).total
"""The smallest number of connections with which a process can work."""


async def allowed(chosen: settings.Database, *, processes: int) -> Connections:
    """Divide the server's connection limit among *processes* processes, and leave some for the command line.

    Raises:
        SettingsInvalid: the server allows too few.
        StoreUnavailable: the database does not answer.
    """
    wanted = Connections.of(chosen.pool_size)
    async with direct_of(chosen) as database:
        if database.dialect.has_one_writer:
            return wanted
        async with database.read() as connection:
            if await database.dialect.shares_connections(connection, chosen.url, chosen.schema_name):
                return wanted  # then only the pooler uses connections of the server
            most = (await database.dialect.connection_room(connection)).most
    needed, share = LEAST * processes + FOR_COMMANDS, (most - FOR_COMMANDS) // processes
    if most < needed:
        msg = (
            f"PostgreSQL allows {most} connections here (max_connections, less those that it reserves, or the limit of the "
            f"database or the role), and the hub needs {needed}: raise max_connections by {needed - most}"
            f"{', or start fewer processes' if processes > 1 else ''}."
        )
        raise SettingsInvalid(msg)
    if share < wanted.total:
        _log.warning(
            "PostgreSQL allows %d connections here: a process takes %d of them instead of %d (18 and database.pool_size), so "
            "that the command line has some; raise max_connections",
            *(most, share, wanted.total),
        )
    return wanted.within(share)
