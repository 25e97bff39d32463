"""The statements and types that differ between databases."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from msgspec import Struct
from sqlalchemy import BindParameter, Table
from sqlalchemy.types import TypeEngine

from trunkline.store.connection import Connection
from trunkline.store.database_file import DatabaseFile
from trunkline.store.direct import Driver

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from trunkline.store.notifications import Notifications


@dataclass(frozen=True, slots=True)
class Access:
    """The database at *url*, whose tables are in *schema*, or whose file is *file*.

    A server that does not answer a statement within *answer_seconds* counts as unavailable.
    """

    url: str = field(repr=False)
    schema: str | None
    answer_seconds: float
    file: DatabaseFile | None


class ConnectionRoom(Struct, frozen=True):
    """*most* is the number of connections that the hub's role may open, and *free* is how many of them are free."""

    most: int
    free: int


class ReadOnly(Struct, frozen=True):
    """The reason why the hub's rows are read-only, and the *remedy*; both are clauses in lower case without a period."""

    reason: str
    remedy: str

    @property
    def sentence(self) -> str:
        """The reason and the remedy as a sentence for the operator."""
        return f"{self.reason[:1].upper()}{self.reason[1:]}: {self.remedy}."


class Dialect(ABC):
    """One kind of database: how to connect to it, and its own SQL.

    A method that is not abstract does what suits a file with one writer, unless a dialect overrides it.
    """

    name: ClassVar[str]
    """The name that SQLAlchemy and URLs use for it."""
    has_one_writer: ClassVar[bool]
    """Whether only one transaction can write at a time, so that no lock is needed between writers."""
    now_ms: ClassVar[str]
    """The SQL that reads the database's clock in Unix milliseconds."""
    greatest: ClassVar[str]
    """The SQL function that returns the largest of its arguments."""
    json_array: ClassVar[str]
    """The aggregate function that collects values in a JSON array."""
    row_among: ClassVar[str]
    """SQL condition: a row of a table is among the rows that ``{picking}`` selects.

    ``{picking}`` stands for a FROM clause and the clauses after it.
    """
    limit_idling: ClassVar[str]
    """SQL expression that makes the database end this transaction if the hub's process stops responding.

    It is for statements whose locks block other transactions, because a frozen process would hold the locks forever.
    """
    limit_waiting: ClassVar[str]
    """SQL for a condition that is always true, and that limits this transaction's lock waits to a few seconds."""
    lazily: ClassVar[str]
    """SQL for a condition that is always true, and that lets this transaction commit without waiting for the disk.

    It is for ``Database.write_lazily``.
    """
    has_table: ClassVar[str]
    """SQL for a query that says whether the table ``:name`` exists."""
    worker_locks: ClassVar[str]
    """SELECT statement for the numbers ``no`` of the worker locks that sessions hold (``store.worker_locks``)."""
    timeline: ClassVar[str]
    """SQL that reads the timeline of the server's log, which changes when a standby is promoted; NULL if there is none."""
    index_seconds_per_row: ClassVar[float]
    """The seconds per row that building an index takes, measured on two cores (``tests/reliability/migrating.py``)."""

    @abstractmethod
    def connect(self, access: Access, *, pool_size: int) -> "tuple[AsyncEngine, AsyncEngine]":
        """Make two engines: one reads, and commits each statement; the other one writes. Raises SettingsInvalid."""

    @abstractmethod
    async def connect_directly(self, access: Access) -> Driver:
        """Open one connection as the engines of ``connect`` do, but without SQLAlchemy. Raises StoreUnavailable."""

    @abstractmethod
    def readers(self, pool_size: int) -> int:
        """Return how many connections can read with the setting *pool_size*."""

    @abstractmethod
    def file_of(self, url: str) -> Path | None:
        """Return the file that holds the database; None for a server. Raises SettingsInvalid."""

    async def shares_connections(self, connection: Connection, server: str, schema: str | None) -> bool:  # noqa: ARG002
        """Return whether there is a pooler that may run each transaction on another connection to *server*, a URL.

        Raises:
            DatabaseUnfit: the hub cannot work through the pooler; the message names the settings to change.
        """
        return False

    def notifications(self, url: str) -> "Notifications | None":  # noqa: ARG002
        """Return the notifications that wake other processes; None if the database has none."""
        return None

    def lock_rows(self, strength: str, *, of: str = "", skip: bool = False) -> str:  # noqa: ARG002
        """Return the SQL clause that locks the rows of a SELECT until the transaction ends.

        *strength* is UPDATE or SHARE, *of* the table of the rows. With *skip*, rows locked by other transactions are skipped.
        """
        return ""

    @abstractmethod
    async def place(self, connection: Connection) -> tuple[str, str]:
        """Return the location of the tables, and the role or account that creates them, as text for the operator."""

    @abstractmethod
    async def product(self, connection: Connection) -> str:
        """Return the database product and its version: ``PostgreSQL 16.2``."""

    @abstractmethod
    async def connection_room(self, connection: Connection) -> ConnectionRoom:
        """Return how many connections the hub may open."""

    @abstractmethod
    async def why_read_only(self, connection: Connection, tables: Sequence[str]) -> ReadOnly | None:
        """Find the reason why rows of *tables* cannot be written, with the remedy; None if no reason is known."""

    async def make_schema(self, connection: Connection, schema: str) -> None:  # noqa: B027
        """Create the schema *schema* unless it exists."""

    async def forget_statistics(self, connection: Connection) -> None:  # noqa: B027
        """Remove table statistics that no process keeps up to date."""

    @abstractmethod
    async def skip_numbers(self, connection: Connection, count: int) -> None:
        """Skip the next *count* row numbers in each table whose rows are numbered."""

    async def wait_for_turn(self, connection: Connection, key: int) -> None:  # noqa: B027
        """Wait for the lock with the number *key*, and hold it until the transaction ends."""

    async def try_turn(self, connection: Connection, key: int) -> bool:  # noqa: ARG002
        """Take the lock with the number *key* until the transaction ends; False if another transaction holds it."""
        return True

    async def limit_locks(self, connection: Connection) -> None:  # noqa: B027
        """Limit the lock waits of this transaction, because other transactions queue behind it."""

    async def stand_still(self, connection: Connection) -> None:  # noqa: B027
        """Allow this transaction to be idle without limit. It holds its locks, but no snapshot."""

    async def keeps_index(self, connection: Connection, name: str) -> bool:  # noqa: ARG002
        """Return whether the index *name* is complete, and remove an incomplete one. Call it outside a transaction."""
        return False

    @abstractmethod
    async def rows_of(self, connection: Connection, table: str) -> int:
        """Estimate the number of rows of *table* without counting them; 0 if there is no such table."""

    @abstractmethod
    def rows_source(self, columns: Mapping[str, str]) -> str:
        """Return the SQL of a row source (``sql.rows_source``)."""

    async def keys_source(self, connection: Connection, columns: Mapping[str, str]) -> str:  # noqa: ARG002
        """Return a ``rows_source`` for keys of another table, which are looked up through that table's index."""
        return self.rows_source(columns)

    async def take_room(self, connection: Connection) -> bool:  # noqa: ARG002
        """Use space on the database's disk without adding rows; False if the database can use space only for tables.

        *connection* is inside a transaction. If the disk has no space, the error is one that ``failures`` can interpret.
        """
        return False

    async def prefer_indexes(self, connection: Connection) -> None:  # noqa: B027
        """Make the rest of this transaction read tables through indexes, whatever the statistics are."""

    def through_index(self, name: str) -> str:  # noqa: ARG002
        """Return the SQL clause, written after a table's name, that forces the index *name* (``sql.through_index``)."""
        return ""

    @abstractmethod
    def one_of(
        self, column: str, parameter: str, kind: type[TypeEngine[Any]]
    ) -> tuple[str, BindParameter[Any]]:
        """Return the SQL condition that *column* is one of the values of *parameter*, and the bound *parameter*."""

    @abstractmethod
    async def read_then_update(
        self, connection: Connection, read: str, update: str, parameters: Mapping[str, Any]
    ) -> tuple[Sequence[Any], Any]:
        """Run *read* and *update* in one round trip; each of them is committed separately.

        Returns the rows, and the value ``changed`` of the update; None if nothing was updated. The rows of *read* begin
        with ``position`` and are in the order of their positions. *update* is an UPDATE that returns one value as
        ``changed``. In it, ``{last}`` stands for the last position that was read; if that is NULL, it changes nothing.
        """

    @abstractmethod
    async def insert_columns(
        self, connection: Connection, table: Table, columns: Mapping[str, Sequence[Any]], *, also: str
    ) -> Any:
        """Insert rows, as ``sql.insert_columns`` does."""
