"""Interprets the errors of all supported databases, in the same terms."""

import re
import sqlite3
from collections.abc import Mapping

from sqlalchemy import exc

from trunkline.errors import StoreUnavailable, WritesRefused
from trunkline.runtime import shortages

_FORBIDDEN = "42501"
_NO_SCHEMA = "3F000"
_DUPLICATE = "23505"
_DOWN = ("08", "57P", "57014", "55P03", "53", "25006", "25P03", "58", "28", "3D", "40", _FORBIDDEN)
"""SQLSTATE classes that mean 'not now' (PostgreSQL, appendix A).

In order, they mean: connection error, shutdown, statement cancelled or timed out, lock timeout, lack of resources,
read-only, idle in a transaction for too long, system error, login refused, no such database, rolled back because of a
conflict, missing privilege.
"""
_DISK_FULL = ("the disk that holds the database is full", "free space on it, and the hub goes on by itself")
_DISK_FAILS = (
    "the database cannot write to its disk",
    "look for a quota or a fault of the disk, and the hub goes on by itself",
)
_READ_ONLY = (
    "the database takes reads only",
    "name a server that is no standby, or a file that may be written",
)
_REFUSALS: Mapping[str | int | None, tuple[str, str]] = {
    "53100": _DISK_FULL,
    "58030": _DISK_FAILS,
    "25006": _READ_ONLY,
    sqlite3.SQLITE_FULL: _DISK_FULL,
    sqlite3.SQLITE_IOERR_SHMSIZE: _DISK_FULL,
    sqlite3.SQLITE_IOERR: _DISK_FAILS,
    sqlite3.SQLITE_READONLY: _READ_ONLY,
}
"""Why writes are refused, and the remedy, by SQLSTATE or SQLite result code (https://sqlite.org/rescode.html)."""
_PRIMARY = 0xFF
"""The bits of SQLite's extended result codes that hold the primary code."""
_TAKEN = re.compile(r'"?(\w+)"? already exists')


def is_down(error: exc.DBAPIError) -> bool:
    """Return whether *error* means that the database cannot answer now, as opposed to a wrong statement."""
    if error.connection_invalidated or isinstance(error, exc.InterfaceError):
        return True
    state = getattr(error.orig, "sqlstate", None) or getattr(error.orig, "pgcode", None)
    if isinstance(state, str):
        return means_down(state)
    return isinstance(error, exc.OperationalError)


def means_down(sqlstate: str | None) -> bool:
    """Return whether *sqlstate* means that the server cannot answer now."""
    return sqlstate is None or sqlstate.startswith(_DOWN)


def is_connecting(error: Exception) -> bool:
    """Return whether the driver itself raised *error*, as only while connecting; later errors are SQLAlchemy's."""
    return isinstance(error, OSError) or any(
        kind.__module__.startswith("asyncpg.") for kind in type(error).__mro__
    )


def is_forbidden(error: BaseException) -> bool:
    """Return whether *error*, raised by SQLAlchemy or a server's driver, says that the role lacks a privilege or a schema."""
    return getattr(getattr(error, "orig", error), "sqlstate", None) in (_FORBIDDEN, _NO_SCHEMA)


def is_answer(error: Exception) -> bool:
    """Return whether *error*, raised by SQLAlchemy or a server's driver, is a server's answer to a statement."""
    return getattr(getattr(error, "orig", error), "sqlstate", None) is not None


def is_duplicate(error: Exception) -> bool:
    """Return whether *error*, raised by SQLAlchemy or a server's driver, says that a row with the same key exists."""
    return getattr(getattr(error, "orig", error), "sqlstate", None) == _DUPLICATE


def name_taken(error: exc.DBAPIError) -> str | None:
    """Return the name of the existing table that *error* reports; None if it reports something else."""
    taken = _TAKEN.search(str(error.orig))
    return taken[1] if taken else None


def unavailable(error: BaseException) -> StoreUnavailable:
    """Convert an error of SQLAlchemy or a driver to the hub's own error. *error* must mean that the database is down."""
    original = getattr(error, "orig", None) or error
    code: str | int | None = getattr(original, "sqlstate", None)
    if (extended := getattr(original, "sqlite_errorcode", None)) is not None:
        code = extended if extended in _REFUSALS else extended & _PRIMARY
    if (refusal := _REFUSALS.get(code)) is not None:
        reason, remedy = refusal
        return WritesRefused(reason, remedy=remedy, answer=first_line(error))
    if code == sqlite3.SQLITE_CANTOPEN and shortages.has_no_file_left():
        return StoreUnavailable(f"{shortages.NO_MORE_FILES}: {first_line(error)}")
    return StoreUnavailable(first_line(error))


def first_line(error: BaseException) -> str:
    """Return the class and the first line of *error*, or of the error that *error* wraps."""
    original = getattr(error, "orig", None) or error
    return f"{type(original).__name__}: {str(original).partition(chr(10))[0] or 'no answer in time'}"
