"""The state that ``trunkline serve`` stores next to an embedded database, in ``FILE.state``.

It identifies the file that was served, and has the newest event's id and whether the last run ended cleanly. Symbolic
links in its paths are resolved.
"""

import contextlib
import json
import os
from pathlib import Path

from msgspec import Struct, structs


class FileState(Struct, frozen=True, kw_only=True):
    """The state of a database file. *log_inode* is the inode of its ``-wal``, 0 if there was none; *head* is the newest event's id."""

    application_id: int
    inode: int
    log_inode: int
    head: int
    is_clean: bool


def read(file: Path) -> FileState | None:
    """Read the stored state of *file*; None if there is no state or it cannot be read."""
    try:
        return FileState(**json.loads(Path(f"{file}.state").read_bytes()))
    except (OSError, ValueError, TypeError):
        return None


def write(file: Path, state: FileState) -> None:
    """Store *state* of *file* atomically. Raises OSError."""
    draft = Path(f"{file}.state.new")
    with draft.open("w", encoding="ascii") as stream:
        json.dump(structs.asdict(state), stream)
        stream.flush()
        os.fsync(stream.fileno())
    draft.replace(f"{file}.state")


def why_not_its_log(file: Path) -> str | None:
    """Explain why the ``-wal`` next to *file* cannot belong to *file*; None if it may belong to *file*.

    SQLite would apply or delete a ``-wal`` of another file.
    """
    log = Path(f"{file}-wal")
    if not size_of(log):
        return None
    if not size_of(file):
        return (
            f"the database file {file} is not there, or empty, and {log} has events of it: put the file back, "
            "restore a backup with 'trunkline restore FILE', or begin a new log with 'trunkline serve --new'"
        )
    state = read(file)
    if state is not None and state.inode != inode_of(file) and state.log_inode == inode_of(log):
        return (
            f"the database file {file} was replaced while a hub used it, and {log} is of the file before: put that one "
            f"back, or, to go on with this one, delete {log} with the events that only it has"
        )
    return None


def inode_of(file: Path) -> int:
    """Return the inode of *file*; 0 if it is missing."""
    with contextlib.suppress(OSError):
        return file.stat().st_ino
    return 0


def size_of(file: Path) -> int:
    """Return the size of *file* in bytes; 0 if it is missing."""
    with contextlib.suppress(OSError):
        return file.stat().st_size
    return 0
