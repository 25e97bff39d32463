"""Full copies of an embedded database.

A copy can be made while the database is in use. A restore replaces the database by a copy.
"""

import contextlib
import os
import sqlite3
from pathlib import Path

from trunkline.errors import DatabaseUnfit, StoreUnavailable
from trunkline.store import file_state

_BUSY_SECONDS = 10
_BESIDE = ("-wal", "-shm")


def copy_database(source: Path, target: Path) -> None:
    """Write a snapshot of *source* to *target*, readable by its owner only. Writers of *source* are not blocked.

    Raises:
        DatabaseUnfit: *source* is not a database, or the copy is damaged; *target* is then removed.
        StoreUnavailable: the ``-wal`` next to *source* belongs to another file.
        OSError: *target* exists, or cannot be written.
    """
    if (why := file_state.why_not_its_log(source.resolve())) is not None:
        raise StoreUnavailable(why)
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        with (
            contextlib.closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)) as read,
            contextlib.closing(sqlite3.connect(target, timeout=_BUSY_SECONDS)) as written,
        ):
            read.backup(written)  # in one step: otherwise each write would restart the copy
            _check(written, source)
        _sync(target)
    except sqlite3.Error as error:
        target.unlink()
        msg = f"The file {source} is no database of a hub: {error}"
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
    """Return whether another process has the database *file* open. If not, merge the write-ahead log into the file."""
    with contextlib.closing(
        sqlite3.connect(f"{file.absolute().as_uri()}?mode=rw", uri=True, timeout=0)
    ) as connection:
        try:
            connection.execute("PRAGMA journal_mode = DELETE")  # this needs exclusive use of the file
        except sqlite3.OperationalError:
            return True
    return False


def put_in_place(draft: Path, file: Path) -> None:
    """Replace the database *file* by *draft*. No process may have *file* open."""
    for suffix in _BESIDE:
        Path(f"{file}{suffix}").unlink(missing_ok=True)
    draft.replace(file)
    _sync(file.absolute().parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
