"""The differences between the databases: one class for SQLite and one for PostgreSQL.

A third database needs a class in ``DIALECTS`` and its driver. No other code depends on which database is used.
"""

from collections.abc import Mapping
from pathlib import Path

from sqlalchemy import BigInteger, Integer

from trunkline.store import sqlite as sqlite_driver
from trunkline.store.connection import Connection
from trunkline.store.dialects.dialect import Dialect
from trunkline.store.dialects.postgresql import PostgreSQL
from trunkline.store.dialects.sqlite import SQLite

__all__ = ["DIALECTS", "SERIAL", "Dialect", "is_hub", "needs_secrets", "of_connection", "of_url"]

SERIAL = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows only in columns of type INTEGER
"""The type of a column that numbers the rows of its table."""
_POSTGRESQL = PostgreSQL()
DIALECTS: Mapping[str, Dialect] = {dialect.name: dialect for dialect in (SQLite(), _POSTGRESQL)}


def of_connection(connection: Connection) -> Dialect:
    """Return the dialect of *connection*."""
    return DIALECTS[connection.dialect.name]


def of_url(url: str) -> Dialect:
    """Return the dialect of *url*: PostgreSQL's for a scheme that is not the name of a dialect, such as ``postgres``."""
    return DIALECTS.get(url.partition(":")[0].partition("+")[0], _POSTGRESQL)


def needs_secrets(file: Path) -> bool:
    """Return whether the embedded database *file* has rows that can only be decrypted or verified with its secrets."""
    return sqlite_driver.has_rows(file, ("secret_checks", "api_keys", "subscriptions"))


def is_hub(file: Path) -> bool:
    """Return whether any migration was applied to the embedded database *file*. A missing file is not created."""
    return sqlite_driver.has_rows(file, ("alembic_version_core",))
