"""The identity of an SQLite database file, shared by all connections of a process.

A connection to another file of the same name would let SQLite delete or apply the wrong ``-wal``. So only the first
connection of a process may create the file. Later connections open the file only if its device, its inode and its
SQLite ``application_id`` are the same; each database has a random ``application_id``.
"""

import contextlib
import os
import secrets
import sqlite3
import time
from pathlib import Path
from typing import Any, NoReturn

from trunkline.errors import StoreUnavailable
from trunkline.runtime import shortages
from trunkline.store import file_state

Identity = tuple[int, int]
"""Device and inode."""
BUSY_SECONDS = 10.0
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_PRIMARY = 0xFF


class DatabaseFile:
    """The file at *path*. With *creates*, the first connection creates a missing file that only its owner can access.

    A file that was replaced or is damaged is refused until the process ends.
    """

    def __init__(self, path: Path, *, creates: bool) -> None:
        self.path = path.absolute()
        self._creates = creates
        self._name = str(self.path)
        self._real = Path(os.path.realpath(self.path))
        self._log_name = f"{self._real}-wal"  # SQLite follows links as well
        self._identity: Identity | None = None
        self._application_id = 0
        self._fault: str | None = None
        self._open: set[sqlite3.Connection] = set()
        self._log: Identity | None = None
        """The write-ahead log while connections are open. SQLite deletes it when the last connection closes."""

    def connect(self, *, cache_kib: int, **options: Any) -> sqlite3.Connection:
        """Open the file with a write-ahead log and a page cache of *cache_kib* KiB.

        Raises:
            StoreUnavailable: the file is missing, was replaced, or is not a database.
            sqlite3.Error
        """
        self.check(and_log=True)
        if (why := file_state.why_not_its_log(self._real)) is not None:
            raise StoreUnavailable(why)
        if self._identity is None and self._creates:  # for its owner alone, whatever the umask
            with contextlib.suppress(OSError):  # then SQLite cannot open it
                os.close(os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        try:
            connection: sqlite3.Connection = sqlite3.connect(
                f"{self.path.as_uri()}?mode=rw",
                uri=True,
                timeout=BUSY_SECONDS,
                isolation_level=None,
                **options,
            )
        except sqlite3.OperationalError as error:
            raise StoreUnavailable(self._why_closed(error)) from error
        try:
            self.check()  # again: the file may have been replaced before it was opened; nothing was read yet
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute(f"PRAGMA cache_size = -{cache_kib}")
            _write_ahead(connection)
            application_id = application_id_of(connection)
            if not application_id and self._creates:
                application_id = _give_application_id(connection)
            self._identity = self._identity or _identity_of(self._name)
            self.check()
            if self._application_id not in (0, application_id):
                self._refuse(self._name, self._identity)
            self._application_id = application_id
        except BaseException as error:
            connection.close()
            self.explain(error)
            raise
        if not self._open:
            self._log = _identity_of(self._log_name)
        self._open.add(connection)
        return connection

    def forget(self, connection: sqlite3.Connection) -> None:
        """Note that *connection* is about to be closed."""
        self._open.discard(connection)

    def check(self, *, and_log: bool = False) -> None:
        """Check that the path still leads to the same file and, with *and_log*, also to the same ``-wal``.

        Each check takes 2 µs. Raises StoreUnavailable.
        """
        if self._fault is not None:
            raise StoreUnavailable(self._fault)
        if self._identity is not None and (found := _identity_of(self._name)) != self._identity:
            self._refuse(self._name, found)
        if and_log and self._open and (found := _identity_of(self._log_name)) != self._log:
            self._refuse(self._log_name, found)

    def explain(self, error: BaseException) -> None:
        """Raise StoreUnavailable if *error* says that the file is damaged; from then on the file is not used."""
        if means_damaged(error):
            self._fault = (
                f"the file {self.path} is damaged, or no SQLite database ({error}); stop the hub, and put a backup in "
                "its place with 'trunkline restore FILE --replace', or name another file in database.url"
            )
            raise StoreUnavailable(self._fault) from error

    def _refuse(self, name: str, found: Identity | None) -> NoReturn:
        """Raise StoreUnavailable because *name* is missing, or is another file, which is refused from now on."""
        if found is None:
            msg = f"the database file {name} was moved or deleted while it was in use: put it back, or stop the hub"
            raise StoreUnavailable(msg)
        self._fault = (
            f"the database file {name} was replaced by another one while it was in use; "
            "nothing is written to it: stop the hub, put the first one back, and start the hub again"
        )
        raise StoreUnavailable(self._fault)

    def _why_closed(self, error: sqlite3.Error) -> str:
        folder = self.path.parent
        if shortages.has_no_file_left():
            reason = shortages.NO_MORE_FILES
        elif self.path.is_dir():
            reason = "it is a folder"
        elif not folder.is_dir():
            reason = f"there is no folder {folder}"
        elif not self.path.exists():
            reason = f"this account may not write to {folder}" if self._creates else "it is not there"
        elif not os.access(self.path, os.R_OK):
            reason = "this account may not read it"
        else:
            reason = str(error)
        return f"the database file {self.path} cannot be opened: {reason}"


def _identity_of(name: str) -> Identity | None:
    try:
        found = os.stat(name)  # noqa: PTH116 - a Path takes twice the time
    except OSError:
        return None
    return found.st_dev, found.st_ino


def means_damaged(error: BaseException) -> bool:
    """Return whether *error* is SQLite's, and says that a file is damaged or no database."""
    return getattr(error, "sqlite_errorcode", 0) & _PRIMARY in _DAMAGED


def application_id_of(connection: sqlite3.Connection) -> int:
    """Read the database's ``application_id``, a random number that is set at the first start; 0 before."""
    return int(connection.execute("PRAGMA application_id").fetchone()[0])


def _give_application_id(connection: sqlite3.Connection) -> int:
    """Return the database's ``application_id``, and set a random one if it has none; 0 if the file is read-only."""
    try:
        connection.execute("BEGIN IMMEDIATE")
        found = application_id_of(connection)
        if not found:
            found = 1 + secrets.randbelow(2**31 - 1)
            connection.execute(f"PRAGMA application_id = {found}")
        connection.execute("COMMIT")
    except sqlite3.OperationalError:
        connection.rollback()
        return 0
    return found


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Switch to a write-ahead log, with retries: if several connections open a new file at once, SQLite refuses all but one."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return
