"""One SQL statement on a database, in a transaction of its own."""

from typing import Any

from sqlalchemy import text

from trunkline.store.engines import Database


async def execute(database: Database, statement: str, **values: Any) -> None:
    async with database.write() as connection:
        await connection.execute(text(statement), values)


async def scalar(database: Database, statement: str, **values: Any) -> Any:
    """Give the one value that *statement* reads."""
    async with database.read() as connection:
        return (await connection.execute(text(statement), values)).scalar_one()


async def count(database: Database, what: str) -> int:
    """Count the rows of a table, or what else follows FROM."""
    return int(await scalar(database, f"SELECT count(*) FROM {what}"))
