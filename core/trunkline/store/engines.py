"""SQLAlchemy's engines, and the translation of errors of a failing database."""

import contextlib
from collections.abc import AsyncGenerator, Generator

from sqlalchemy import exc
from sqlalchemy.ext.asyncio import AsyncConnection

from trunkline.errors import StoreUnavailable
from trunkline.store import failures
from trunkline.store.database_file import DatabaseFile
from trunkline.store.dialects import Dialect

ANSWER_SECONDS = 60.0
"""How long a statement may take.

It is more than any statement of the hub needs, and a limit in case a connection is lost unnoticed.
"""


class Engines:
    """Lends connections of SQLAlchemy: one engine reads and commits each statement, the other engine writes."""

    def __init__(
        self,
        dialect: Dialect,
        url: str,
        *,
        pool_size: int,
        schema: str | None,
        answer_seconds: float = ANSWER_SECONDS,
        file: DatabaseFile | None = None,
    ) -> None:
        self._reader, self.writer = dialect.connect(
            url, pool_size=pool_size, schema=schema, answer_seconds=answer_seconds, file=file
        )

    @contextlib.asynccontextmanager
    async def read(self) -> AsyncGenerator[AsyncConnection]:
        """Lend a connection for reading. Raises StoreUnavailable."""
        with translated():
            async with self._reader.connect() as connection:
                try:
                    yield connection
                except TimeoutError:  # a rollback would not be answered either
                    await connection.invalidate()
                    raise

    @contextlib.asynccontextmanager
    async def write(self) -> AsyncGenerator[AsyncConnection]:
        """Lend a connection inside a transaction. Raises StoreUnavailable."""
        with translated():
            async with self.writer.begin() as connection:
                try:
                    yield connection
                except TimeoutError:
                    await connection.invalidate()
                    raise

    async def close(self) -> None:
        """Close all connections."""
        await self._reader.dispose()
        await self.writer.dispose()


@contextlib.contextmanager
def translated() -> Generator[None]:
    """Raise ``StoreUnavailable`` for every error which means that the database does not answer."""
    try:
        yield
    except exc.TimeoutError as error:
        msg = "no connection to the database was free in time"
        raise StoreUnavailable(msg) from error
    except exc.DBAPIError as error:
        if not failures.is_down(error):
            raise
        raise failures.unavailable(error) from error
    except Exception as error:
        if not failures.is_connecting(error):
            raise
        raise failures.unavailable(error) from error
