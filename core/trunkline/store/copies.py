"""Full copies of an embedded database.

A copy can be made while the database is in use. A restore replaces the database by a copy.
"""

import contextlib
import os
import sqlite3
from pathlib import Path

from trunkline.errors import DatabaseUnfit, StoreUnavailable
from trunkline.store import file_state
from trunkline.store.database_file import means_damaged

_BUSY_SECONDS = 10


def copy_database(source: Path, target: Path) -> None:
    """Write a snapshot of *source* to *target*, readable by its owner only. Writers of *source* are not blocked.

    *target* has no write-ahead log, so that it can be read where nothing can be written.

    Raises:
        DatabaseUnfit: *source* cannot be read or is not a database, or the copy is damaged or cannot be written; *target*
            is then removed.
        StoreUnavailable: the ``-wal`` next to *source* belongs to another file.
        OSError: *target* exists, or cannot be written.
    """
    real = source.resolve()
    if (why := file_state.why_not_its_log(real)) is not None:
        raise StoreUnavailable(why)
    if not os.access(source, os.R_OK):
        msg = f"This account may not read {source}."
        raise DatabaseUnfit(msg)
    if file_state.size_of(Path(f"{real}-wal")):
        mode = "ro"
    elif os.access(real, os.W_OK) and os.access(real.parent, os.W_OK):
        mode = "rw"  # with "ro", SQLite makes ``-wal`` and ``-shm``, too, but does not remove them
    else:
        mode = "ro&immutable=1"  # without it, a database with a write-ahead log needs a ``-shm``
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        with (
            contextlib.closing(sqlite3.connect(f"{real.as_uri()}?mode={mode}", uri=True)) as read,
            contextlib.closing(sqlite3.connect(target, timeout=_BUSY_SECONDS)) as written,
        ):
            read.backup(written)  # in one step: otherwise each write would restart the copy
            _check(written, source)
            written.execute("PRAGMA journal_mode = DELETE")
        _sync(target)
    except sqlite3.Error as error:
        target.unlink()
        if means_damaged(error) or error.sqlite_errorcode == sqlite3.SQLITE_ERROR:  # a table is missing
            msg = f"The file {source} is no database of a hub: {error}"
        else:
            msg = f"The file {source} cannot be copied to {target}: {error}"
        raise DatabaseUnfit(msg) from None
    except BaseException:
        target.unlink()
        raise


def _check(copy: sqlite3.Connection, source: Path) -> None:
    (verdict,) = copy.execute("PRAGMA quick_check(1)").fetchone()
    if verdict != "ok":
        msg = f"The copy of {source} is damaged ({verdict}); restore an earlier backup."
        raise DatabaseUnfit(msg)
    copy.execute("SELECT 1 FROM alembic_version_core")


def head_of(file: Path) -> int:
    """Return the newest position in the database *file*; 0 if the file is missing or cannot be read."""
    try:
        with contextlib.closing(
            sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)
        ) as connection:
            return int(connection.execute("SELECT position FROM stream_head").fetchone()[0])
    except (sqlite3.Error, TypeError):
        return 0


def is_in_use(file: Path) -> bool:
    """Return whether another process has the database *file* open. If not, merge the write-ahead log into the file.

    A damaged file is taken for one that no process has open.
    """
    with contextlib.closing(
        sqlite3.connect(f"{file.absolute().as_uri()}?mode=rw", uri=True, timeout=0)
    ) as connection:
        try:
            connection.execute("PRAGMA journal_mode = DELETE")  # this needs exclusive use of the file
        except sqlite3.DatabaseError as error:
            return not means_damaged(error)
    return False


def put_in_place(draft: Path, file: Path) -> None:
    """Replace the database *file*, which is not a link, by *draft*. No process may have *file* open."""
    for suffix in ("-wal", "-shm"):
        Path(f"{file}{suffix}").unlink(missing_ok=True)
    draft.replace(file)
    _sync(file.absolute().parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
