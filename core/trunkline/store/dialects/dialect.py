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
    """One kind of database: how it is connected to, and the SQL in which it differs from the others."""

    name: ClassVar[str]
    """As SQLAlchemy calls it, in a URL too."""
    has_one_writer: ClassVar[bool]
    """Whether transactions that write wait for each other, so that rows and turns need no locks."""
    now_ms: ClassVar[str]
    """The SQL that reads the database's clock in Unix milliseconds."""
    greatest: ClassVar[str]
    """The function that picks the larger of its arguments."""
    json_array: ClassVar[str]
    """The aggregate function that gathers values in a JSON array."""
    row_among: ClassVar[str]
    """The condition that a row is one of those that ``{picking}``, a FROM with what follows it, finds in its table."""
    limit_idling: ClassVar[str]
    """The value whose reading has the database end this transaction where its process stands still in it."""
    limit_waiting: ClassVar[str]
    lazily: ClassVar[str]
    """The condition, always true, with which this transaction waits for a lock no longer than the hub lets a caller wait."""
    worker_locks: ClassVar[str]
    """The SELECT of the locks of workers that sessions hold: the number ``no`` of each (``store.worker_locks``)."""

    timeline: ClassVar[str]
    """The SQL that reads the timeline of the server's log, which changes when a standby is promoted; NULL if there is none."""
    index_seconds_per_row: ClassVar[float]
    """How long building an index takes for a row of its table, as measured on two cores (``tests/reliability/migrating.py``)."""

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
        """Make the engine that reads, whose statements commit one by one, and the engine that writes.

        *file* is that of *url*, if it names one. A server that does not answer a statement within *answer_seconds* is taken to be away. Raises SettingsInvalid.
        """

    @abstractmethod
    async def connect_directly(
        self, url: str, *, schema: str | None, answer_seconds: float, file: DatabaseFile | None
    ) -> Driver:
        """Connect as ``connect``'s engines do, without SQLAlchemy. Raises StoreUnavailable."""

    @abstractmethod
    def readers(self, pool_size: int) -> int:
        """Tell how many connections there are to read with, where *pool_size* is set."""

    @abstractmethod
    def file_of(self, url: str) -> Path | None:
        """Tell which file holds the database; None where a server does."""

    @abstractmethod
    async def shares_connections(self, connection: AsyncConnection, server: str, schema: str | None) -> bool:
        """Tell whether a pooler gives each transaction another connection of the *server* at that URL.

        Raises:
            DatabaseUnfit: the hub cannot work through it; the message says what to set.
        """

    @abstractmethod
    def notifications(self, url: str) -> "Notifications | None":
        """Give the way to wake other processes; None where there is none."""

    @abstractmethod
    def lock_rows(self, strength: str, *, of: str = "", skip: bool = False) -> str:
        """Give the clause that locks the rows of a SELECT until the transaction ends.

        *strength* is UPDATE or SHARE, *of* the table whose rows are meant. With *skip* it passes over rows that
        another transaction has locked, so that nobody waits.
        """

    @abstractmethod
    async def place(self, connection: AsyncConnection) -> tuple[str, str]:
        """Tell whoever runs the hub where tables are made, and by which role or account."""

    @abstractmethod
    async def product(self, connection: AsyncConnection) -> str:
        """Name the database's product and its version: ``PostgreSQL 16.2``."""

    @abstractmethod
    async def connection_room(self, connection: AsyncConnection) -> ConnectionRoom:
        """Tell how many connections the hub may have."""

    @abstractmethod
    async def why_read_only(self, connection: AsyncConnection, tables: Sequence[str]) -> ReadOnly | None:
        """Say why no rows of *tables* can be written, and what would mend it; None where nothing is known."""

    @abstractmethod
    async def make_schema(self, connection: AsyncConnection, schema: str) -> None:
        """Make the schema *schema*, unless it is there."""

    @abstractmethod
    async def forget_statistics(self, connection: AsyncConnection) -> None:
        """Forget what the database knows of how many rows tables have, where nobody keeps that up to date."""

    @abstractmethod
    async def skip_numbers(self, connection: AsyncConnection, count: int) -> None:
        """Leave out the next *count* numbers that the database would give to new rows, in each table that numbers its rows."""

    @abstractmethod
    async def wait_for_turn(self, connection: AsyncConnection, key: int) -> None:
        """Wait for the lock named *key*, and keep it until the transaction ends."""

    @abstractmethod
    async def try_turn(self, connection: AsyncConnection, key: int) -> bool:
        """Take the lock named *key* until the transaction ends; False where another transaction has it."""

    @abstractmethod
    async def limit_locks(self, connection: AsyncConnection) -> None:
        """Let this transaction wait for a lock no longer than others may stand behind it."""

    @abstractmethod
    async def stand_still(self, connection: AsyncConnection) -> None:
        """Let this transaction stand still for as long as it likes, with its locks and no snapshot."""

    @abstractmethod
    async def keeps_index(self, connection: AsyncConnection, name: str) -> bool:
        """Tell whether the index *name* is there, whole; one whose building broke off is removed. In no transaction."""

    @abstractmethod
    async def rows_of(self, connection: AsyncConnection, table: str) -> int:
        """Estimate how many rows *table* has, without counting them; 0 where there is no such table."""

    @abstractmethod
    def rows_source(self, columns: Mapping[str, str]) -> str:
        """Give the SQL of a row source (``sql.rows_source``)."""

    async def keys_source(
        self,
        connection: AsyncConnection,  # noqa: ARG002 - for those that plan by what they believe of a table
        columns: Mapping[str, str],
    ) -> str:
        """Give the SQL of a row source of keys (``sql.keys_source``)."""
        return self.rows_source(columns)

    @abstractmethod
    async def take_room(self, connection: AsyncConnection) -> bool:
        """Take room on the database's disk that no table keeps; False where nothing but a table takes any.

        *connection* is inside a transaction. Raises what ``failures`` reads where there is none.
        """

    @abstractmethod
    async def prefer_indexes(self, connection: AsyncConnection) -> None:
        """Have the rest of this transaction use an index wherever there is one (``sql.prefer_indexes``)."""

    @abstractmethod
    def through_index(self, name: str) -> str:
        """Give the clause, behind a table's name, that reads the table through one of its indexes (``sql.through_index``)."""

    @abstractmethod
    def one_of(
        self, column: str, parameter: str, kind: type[TypeEngine[Any]]
    ) -> tuple[str, BindParameter[Any]]:
        """Give the condition that *column* is among the values bound as *parameter*, and that parameter."""

    @abstractmethod
    async def insert_columns(
        self, connection: AsyncConnection, table: Table, columns: Mapping[str, Sequence[Any]], *, also: str
    ) -> Any:
        """Insert rows as ``sql.insert_columns`` does."""
