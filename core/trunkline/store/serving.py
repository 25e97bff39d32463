"""Who serves an embedded database: one process at a time, which holds a lock for as long as it runs."""

import contextlib
import fcntl
import os
from collections.abc import Generator
from pathlib import Path

from trunkline.errors import DatabaseUnfit


@contextlib.contextmanager
def served_alone(file: Path | None) -> Generator[None]:
    """Hold the lock beside the database *file*; nothing is held for None. The kernel lets it go with the process.

    It is a file of its own: to close the database's would drop the locks that SQLite holds on it.

    Raises:
        DatabaseUnfit: another process serves the file, or the lock cannot be made.
    """
    if file is None:
        yield
        return
    lock = Path(f"{file}.lock")
    descriptor = _take(lock, file)
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)  # while it is held: whoever opened it sees that it has no name any more
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
            msg = (
                f"Another 'trunkline serve' works on {file}: two would deliver the same events, as one file takes one hub. "
                "Stop it first, or set database.url to a PostgreSQL database, which takes as many as you start."
            )
            raise DatabaseUnfit(msg) from None
        with contextlib.suppress(FileNotFoundError):
            if lock.stat().st_ino == os.fstat(descriptor).st_ino:
                return descriptor
        os.close(descriptor)
