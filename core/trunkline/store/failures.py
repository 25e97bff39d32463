"""What an error of a database means, whichever database it is."""

import re

from sqlalchemy import exc

_FORBIDDEN = "42501"
_NO_SCHEMA = "3F000"
_DOWN = ("08", "57P", "57014", "55P03", "53", "25006", "25P03", "58", "28", "3D", "40", _FORBIDDEN)
"""SQLSTATE classes that mean 'not now': connection, shutdown, resources, read-only, stood still too long, system, login refused, no such
database, a statement cancelled or out of time, a lock not free in time, rolled back for another transaction's sake, a
privilege that is to be granted (PostgreSQL, appendix A)."""
_TAKEN = re.compile(r'"?(\w+)"? already exists')


def is_down(error: exc.DBAPIError) -> bool:
    """Tell whether *error* means that the database cannot answer now, and not that a statement is wrong."""
    if error.connection_invalidated or isinstance(error, exc.InterfaceError):
        return True
    state = _sqlstate(error)
    if isinstance(state, str):
        return means_down(state)
    return isinstance(error, exc.OperationalError)


def means_down(sqlstate: str | None) -> bool:
    """Tell whether *sqlstate* means that the server cannot answer now."""
    return sqlstate is None or sqlstate.startswith(_DOWN)


def is_forbidden(error: exc.DBAPIError) -> bool:
    """Tell whether *error* means that the role may not do it, or has no schema that it could do it in."""
    return _sqlstate(error) in (_FORBIDDEN, _NO_SCHEMA)


def name_taken(error: exc.DBAPIError) -> str | None:
    """Tell which name *error* says is taken by a table that is there; None where it says something else."""
    taken = _TAKEN.search(str(error.orig))
    return taken[1] if taken else None


def first_line(error: BaseException) -> str:
    """Say in a line what *error*, or what it was made from, says."""
    original = getattr(error, "orig", None) or error
    return f"{type(original).__name__}: {str(original).partition(chr(10))[0]}"


def _sqlstate(error: exc.DBAPIError) -> str | None:
    return getattr(error.orig, "sqlstate", None) or getattr(error.orig, "pgcode", None)
