"""The statements and types in which databases differ."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from sqlalchemy import BindParameter, Table
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.types import TypeEngine

from trunkline.store.database_file import DatabaseFile
from trunkline.store.direct import Driver
from trunkline.store.privileges import ConnectionRoom, ReadOnly

if TYPE_CHECKING:
    from trunkline.store.notifications import Notifications


class Dialect(ABC):
    """One kind of database: how to connect to it, and the SQL in which it differs from the others."""

    name: ClassVar[str]
    """SQLAlchemy's name for it, also in a URL."""
    has_one_writer: ClassVar[bool]
    """Whether only one transaction can write at a time, so that rows and turns need no locks."""
    now_ms: ClassVar[str]
    """The SQL that reads the database's clock in Unix milliseconds."""
    greatest: ClassVar[str]
    """The function that picks the larger of its arguments."""
    json_array: ClassVar[str]
    """The aggregate function that gathers values in a JSON array."""
    row_among: ClassVar[str]
    """The condition that a row of a table is among the rows that ``{picking}`` finds, a FROM with the clauses after it."""
    limit_idling: ClassVar[str]
    """The expression that makes the database end this transaction if its process stands still."""
    limit_waiting: ClassVar[str]
    """An always true condition that limits this transaction's lock waits to the time that a caller may wait."""
    lazily: ClassVar[str]
    """An always true condition that lets this transaction commit without waiting for the disk."""
    worker_locks: ClassVar[str]
    """The SELECT of the workers' locks that sessions hold, by number ``no`` (``store.worker_locks``)."""

    timeline: ClassVar[str]
    """The SQL that reads the timeline of the server's log, which changes when a standby is promoted; NULL if there is none."""
    index_seconds_per_row: ClassVar[float]
    """The seconds per table row to build an index, measured on two cores (``tests/reliability/migrating.py``)."""

    @abstractmethod
    def connect(
        self,
        url: str,
        *,
        pool_size: int,
        schema: str | None,
        answer_seconds: float,
        file: DatabaseFile | None,
    ) -> tuple[AsyncEngine, AsyncEngine]:
        """Make the engine that reads, which commits each statement, and the engine that writes.

        *file* is that of *url*, if it names one. A server that does not answer a statement within *answer_seconds* counts as
        unavailable. Raises SettingsInvalid.
        """

    @abstractmethod
    async def connect_directly(
        self, url: str, *, schema: str | None, answer_seconds: float, file: DatabaseFile | None
    ) -> Driver:
        """Connect as ``connect``'s engines do, without SQLAlchemy. Raises StoreUnavailable."""

    @abstractmethod
    def readers(self, pool_size: int) -> int:
        """Tell how many connections read if *pool_size* is set."""

    @abstractmethod
    def file_of(self, url: str) -> Path | None:
        """Tell which file holds the database; None for a server."""

    @abstractmethod
    async def shares_connections(self, connection: AsyncConnection, server: str, schema: str | None) -> bool:
        """Tell whether a pooler gives each transaction another connection of the *server* at that URL.

        Raises:
            DatabaseUnfit: the hub cannot work through it; the message says what to set.
        """

    @abstractmethod
    def notifications(self, url: str) -> "Notifications | None":
        """Give the way to wake other processes; None if there is none."""

    @abstractmethod
    def lock_rows(self, strength: str, *, of: str = "", skip: bool = False) -> str:
        """Give the clause that locks the rows of a SELECT until the transaction ends.

        *strength* is UPDATE or SHARE, *of* the table of the rows. With *skip* it skips rows that another transaction has
        locked instead of waiting.
        """

    @abstractmethod
    async def place(self, connection: AsyncConnection) -> tuple[str, str]:
        """Name for the operator where tables are made, and by which role or account."""

    @abstractmethod
    async def product(self, connection: AsyncConnection) -> str:
        """Name the database's product and its version: ``PostgreSQL 16.2``."""

    @abstractmethod
    async def connection_room(self, connection: AsyncConnection) -> ConnectionRoom:
        """Tell how many connections the hub may have."""

    @abstractmethod
    async def why_read_only(self, connection: AsyncConnection, tables: Sequence[str]) -> ReadOnly | None:
        """Say why rows of *tables* cannot be written, and the remedy; None if no reason is known."""

    @abstractmethod
    async def make_schema(self, connection: AsyncConnection, schema: str) -> None:
        """Make the schema *schema* unless it exists."""

    @abstractmethod
    async def forget_statistics(self, connection: AsyncConnection) -> None:
        """Remove table statistics that nothing keeps up to date."""

    @abstractmethod
    async def skip_numbers(self, connection: AsyncConnection, count: int) -> None:
        """Skip the next *count* row numbers of each table that numbers its rows."""

    @abstractmethod
    async def wait_for_turn(self, connection: AsyncConnection, key: int) -> None:
        """Wait for the lock named *key*, and keep it until the transaction ends."""

    @abstractmethod
    async def try_turn(self, connection: AsyncConnection, key: int) -> bool:
        """Take the lock named *key* until the transaction ends; False if another transaction has it."""

    @abstractmethod
    async def limit_locks(self, connection: AsyncConnection) -> None:
        """Limit this transaction's lock waits, since others wait behind it."""

    @abstractmethod
    async def stand_still(self, connection: AsyncConnection) -> None:
        """Allow this transaction to be idle without limit, holding its locks but no snapshot."""

    @abstractmethod
    async def keeps_index(self, connection: AsyncConnection, name: str) -> bool:
        """Tell whether the index *name* is complete; remove one whose build broke off. Call it outside a transaction."""

    @abstractmethod
    async def rows_of(self, connection: AsyncConnection, table: str) -> int:
        """Estimate how many rows *table* has without counting them; 0 if there is no such table."""

    @abstractmethod
    def rows_source(self, columns: Mapping[str, str]) -> str:
        """Give the SQL of a row source (``sql.rows_source``)."""

    async def keys_source(
        self,
        connection: AsyncConnection,  # noqa: ARG002 - for dialects that plan by table statistics
        columns: Mapping[str, str],
    ) -> str:
        """Give the SQL of a row source of keys (``sql.keys_source``)."""
        return self.rows_source(columns)

    @abstractmethod
    async def take_room(self, connection: AsyncConnection) -> bool:
        """Use space on the database's disk without leaving any in a table; False if only a table can use space.

        *connection* is inside a transaction. If there is no space, it raises an error that ``failures`` reads.
        """

    @abstractmethod
    async def prefer_indexes(self, connection: AsyncConnection) -> None:
        """Use an index wherever possible in the rest of this transaction (``sql.prefer_indexes``)."""

    @abstractmethod
    def through_index(self, name: str) -> str:
        """Give the clause that follows a table's name to read it through the index *name* (``sql.through_index``)."""

    @abstractmethod
    def one_of(
        self, column: str, parameter: str, kind: type[TypeEngine[Any]]
    ) -> tuple[str, BindParameter[Any]]:
        """Give the condition that *column* is among the values bound as *parameter*, and that parameter."""

    @abstractmethod
    async def with_update(
        self, connection: AsyncConnection, table: str, update: str, parameters: Mapping[str, Any]
    ) -> str:
        """Update as ``sql.with_update`` does."""

    @abstractmethod
    async def insert_columns(
        self, connection: AsyncConnection, table: Table, columns: Mapping[str, Sequence[Any]], *, also: str
    ) -> Any:
        """Insert rows as ``sql.insert_columns`` does."""
