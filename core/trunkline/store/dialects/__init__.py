"""The differences between the databases, in one place: a class each for SQLite and PostgreSQL.

A third database needs a class in ``DIALECTS`` and its driver; no other code depends on which database it is.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import sqlalchemy
from sqlalchemy import BigInteger, Index, Integer
from sqlalchemy.ext.asyncio import AsyncConnection

from trunkline.store import sqlite as sqlite_driver
from trunkline.store.dialects.dialect import Dialect
from trunkline.store.dialects.postgresql import PostgreSQL
from trunkline.store.dialects.sqlite import SQLite

__all__ = [
    "DIALECTS",
    "SERIAL",
    "Dialect",
    "is_hub",
    "needs_secrets",
    "of_connection",
    "of_url",
    "partial_index",
]

SERIAL = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows only in a column of type INTEGER
"""The type of a column that numbers its rows."""
_POSTGRESQL = PostgreSQL()
DIALECTS: Mapping[str, Dialect] = {dialect.name: dialect for dialect in (SQLite(), _POSTGRESQL)}


def of_connection(connection: AsyncConnection) -> Dialect:
    """Give the dialect of *connection*."""
    return DIALECTS[connection.dialect.name]


def of_url(url: str) -> Dialect:
    """Give the dialect of *url*; PostgreSQL's if the name is not one of ours (``postgres``, for example)."""
    return DIALECTS.get(url.partition(":")[0].partition("+")[0], _POSTGRESQL)


def needs_secrets(file: Path) -> bool:
    """Tell whether the embedded database *file* has rows that only its secrets can open or verify."""
    return sqlite_driver.has_rows(file, ("secret_checks", "api_keys", "subscriptions"))


def is_hub(file: Path) -> bool:
    """Tell whether any migration was applied to the embedded database *file*. A missing file is not made."""
    return sqlite_driver.has_rows(file, ("alembic_version_core",))


def partial_index(name: str, *columns: str, where: str) -> Index:
    """Make an index of the rows that meet the condition *where*, in every dialect."""
    conditions: dict[str, Any] = {f"{dialect}_where": sqlalchemy.text(where) for dialect in DIALECTS}
    return Index(name, *columns, **conditions)
