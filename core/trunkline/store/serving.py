"""Ensures that only one process at a time serves an embedded database; this process holds a lock while it runs.

At the start, the file is compared with the state that the last process stored (``store.file_state``).
"""

import contextlib
import fcntl
import logging
import os
import sqlite3
import time
from collections.abc import Callable, Generator
from pathlib import Path

from trunkline.errors import DatabaseUnfit, StoreUnavailable
from trunkline.store import file_state
from trunkline.store.database_file import DatabaseFile, application_id_of
from trunkline.store.dialects.sqlite import why_read_only
from trunkline.store.failures import unavailable
from trunkline.store.file_state import FileState

CHECK_SECONDS = 5.0
_CACHE_KIB = 2048
_SHARED_FIRST, _SHARED_BYTES = 0x40000002, 510
_log = logging.getLogger(__name__)


@contextlib.contextmanager
def served_alone(file: Path | None) -> Generator[None]:
    """Hold a lock for the database *file*; if it is None, no lock is needed.

    The kernel releases the lock when the process ends. The lock is a separate file next to the resolved database file:
    closing the database file itself would release SQLite's locks on it.

    Raises:
        DatabaseUnfit: another process serves the file, or the lock cannot be created.
    """
    if file is None:
        yield
        return
    lock = Path(f"{file.resolve()}.lock")
    descriptor = _take(lock, file)
    try:
        _refuse_other_names(file)
        yield
    finally:
        lock.unlink(
            missing_ok=True
        )  # while locked: a process that has opened the lock file then sees that its name is gone
        os.close(descriptor)


def _take(lock: Path, file: Path) -> int:
    while True:
        try:
            descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            msg = f"The file {lock} cannot be made: {error.strerror}. The database's folder must be there, and writable."
            raise DatabaseUnfit(msg) from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            raise _served(file) from None
        with contextlib.suppress(FileNotFoundError):
            if lock.stat().st_ino == os.fstat(descriptor).st_ino:
                return descriptor
        os.close(descriptor)


def _refuse_other_names(file: Path) -> None:
    """Refuse a *file* that a process has open under another hard link; its lock on SQLite's lock bytes shows that.

    https://sqlite.org/fileformat2.html#the_lock_byte_page
    """
    if not file.exists() or file.stat().st_nlink == 1:
        return
    with contextlib.suppress(PermissionError, IsADirectoryError), file.open("rb+") as stream:
        try:
            fcntl.lockf(stream, fcntl.LOCK_EX | fcntl.LOCK_NB, _SHARED_BYTES, _SHARED_FIRST)
        except OSError:
            raise _served(file) from None


def _served(file: Path) -> DatabaseUnfit:
    return DatabaseUnfit(
        f"Another 'trunkline serve' works on {file}: two would deliver the same events, as one file takes one hub. "
        "Stop it first, or set database.url to a PostgreSQL database, which takes as many as you start."
    )


@contextlib.contextmanager
def examined(file: Path | None, *, takes_any: bool) -> Generator[Callable[[], None]]:
    """Compare *file* with its stored state, and yield a function to call once the hub has started.

    If the block ends without an error, the end counts as clean. *takes_any* accepts a file that lacks events served here
    before.

    Raises:
        DatabaseUnfit: the file is missing or damaged, has another log, or is older than the stored state.
        StoreUnavailable: the file cannot be opened.
    """
    if file is None:
        yield lambda: None
        return
    file = file.resolve()
    _compare(file, file_state.read(file), takes_any=takes_any)
    started: list[int] = []

    def note_start() -> None:
        started.append(file_state.inode_of(file))
        keep_state(file, is_clean=False)

    yield note_start
    if started == [file_state.inode_of(file)]:
        keep_state(file, is_clean=True)


def keep_state(file: Path, *, is_clean: bool) -> None:
    """Store the state of the database *file*, if its folder is writable."""
    try:
        with _opened(file) as connection:
            state = FileState(
                application_id=application_id_of(connection),
                inode=file_state.inode_of(file),
                log_inode=0 if is_clean else file_state.inode_of(Path(f"{file}-wal")),
                head=_head_of(connection),
                is_clean=is_clean,
            )
        file_state.write(file, state)
    except (OSError, StoreUnavailable) as error:
        _log.warning(
            "%s.state cannot be written, which the next start compares %s with: %s", file, file, error
        )


def _compare(file: Path, state: FileState | None, *, takes_any: bool) -> None:
    if not file_state.size_of(file):
        if takes_any:
            Path(f"{file}-wal").unlink(missing_ok=True)
        elif (why := file_state.why_not_its_log(file)) is not None:
            raise StoreUnavailable(why)
        elif state is not None:
            msg = (
                f"The database file {file} is not there, or empty, and {file}.state says that it had events up to {state.head}: "
                "put it back, restore a backup with 'trunkline restore FILE', or begin a new log with 'trunkline serve --new'."
            )
            raise DatabaseUnfit(msg)
        return
    if os.access(file, os.R_OK) and (read_only := why_read_only(file)) is not None:
        raise DatabaseUnfit(read_only.sentence)
    with _opened(file) as connection:
        if state is None:
            return
        is_other = state.inode != file_state.inode_of(file)
        if is_other or not state.is_clean:
            _check(connection, file, is_other=is_other)
        if not takes_any:
            _compare_logs(connection, file, state)


def _compare_logs(connection: sqlite3.Connection, file: Path, state: FileState) -> None:
    if application_id_of(connection) not in (0, state.application_id):
        msg = (
            f"The database file {file} has another log than the one that was served here: "
            "put that one back, or serve this one with 'trunkline serve --new'."
        )
        raise DatabaseUnfit(msg)
    if (head := _head_of(connection)) < state.head:
        msg = (
            f"The log in {file} ends at event {head}, and it had come to event {state.head}: put the newer file back, or "
            "run 'trunkline log advance', so that no id is given out twice, and start again."
        )
        raise DatabaseUnfit(msg)


def _check(connection: sqlite3.Connection, file: Path, *, is_other: bool) -> None:
    """Check *file* for damage, for at most ``CHECK_SECONDS``. Raises DatabaseUnfit if it is damaged."""
    deadline = time.monotonic() + CHECK_SECONDS
    connection.set_progress_handler(lambda: time.monotonic() > deadline, 100)
    try:
        (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.OperationalError:  # the check was interrupted
        verdict = None
    finally:
        connection.set_progress_handler(None, 0)
    if verdict not in (None, "ok"):
        msg = f"The database file {file} is damaged ({verdict.splitlines()[-1]}); put a backup in its place with 'trunkline restore FILE --replace'."
        raise DatabaseUnfit(msg)
    found = "no damage was found"
    if not verdict:
        found += f" in {CHECK_SECONDS:.0f} s, but not all was read"
    why = "was not closed cleanly at the last run"
    if is_other:
        why = "is another one than at the last run, a copy perhaps"
    _log.warning("the database file %s %s; %s", file, why, found)


@contextlib.contextmanager
def _opened(file: Path) -> Generator[sqlite3.Connection]:
    try:
        with contextlib.closing(
            DatabaseFile(file, creates=False).connect(cache_kib=_CACHE_KIB)
        ) as connection:
            yield connection
    except sqlite3.Error as error:
        raise unavailable(error) from error


def _head_of(connection: sqlite3.Connection) -> int:
    try:
        row = connection.execute("SELECT position FROM stream_head").fetchone()
    except sqlite3.OperationalError:  # the table is missing: the database was not migrated
        return 0
    return 0 if row is None else int(row[0])
