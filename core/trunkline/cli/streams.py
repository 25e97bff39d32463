"""The standard streams of a command, which may be closed, full, or a pipe without a reader."""

import errno
import io
import os
import resource
import select
import stat
import sys
from pathlib import Path
from typing import Any

from trunkline.errors import TrunklineError

_ROOM_BYTES = 131_072
"""The free space that must be left: more than any output with a secret needs (a filter of 64 KiB and the subscription)."""


class OutputLost(TrunklineError):
    """Standard output cannot be written."""

    def __init__(self, error: OSError, *, after: str = "") -> None:
        reason = "it is closed" if error.errno == errno.EBADF else error.strerror
        super().__init__(f"Standard output cannot be written: {reason}{after}.")


class _Output(io.FileIO):
    """Standard output. After the first error, all data are discarded, so that no later flush fails too."""

    def write(self, data: Any, /) -> int | None:  # type: ignore[override]
        try:
            return super().write(data)
        except OSError as error:
            _drop(self.fileno())
            raise OutputLost(error) from None


def set_up() -> None:
    """Open closed descriptors among 0 to 2, and raise ``OutputLost`` for errors of standard output.

    Otherwise a file or a socket could get such a descriptor, and every print would write into it; libuv also aborts when it
    closes one. A closed output stays unwritable: its descriptor is opened for reading.
    """
    for descriptor, flags in enumerate((os.O_RDONLY, os.O_RDONLY, os.O_WRONLY)):
        try:
            os.fstat(descriptor)
        except OSError:  # the lowest free number is this one, as lower ones are open
            os.set_inheritable(os.open(os.devnull, flags), True)
    output = io.BufferedWriter(_Output(1, "wb", closefd=False))
    before = sys.stdout  # None if it was closed, like the other two
    sys.stdout = io.TextIOWrapper(
        output,
        encoding=before.encoding if before else "utf-8",
        errors="replace",  # '?' for characters that the terminal lacks
        line_buffering=os.isatty(1) or getattr(before, "write_through", False),  # PYTHONUNBUFFERED
    )
    sys.stdin = sys.stdin or os.fdopen(0, encoding="utf-8", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(2, "w", encoding="utf-8", closefd=False)
    if isinstance(sys.stderr, io.TextIOWrapper):
        sys.stderr.reconfigure(errors="replace")


def settle() -> None:
    """Drop data that standard error does not accept; otherwise Python would fail to write the data at exit."""
    try:
        sys.stderr.flush()
    except OSError:
        _drop(2)


def _drop(descriptor: int) -> None:
    """Discard all later writes to *descriptor*."""
    with Path(os.devnull).open("wb") as nothing:
        os.dup2(nothing.fileno(), descriptor)


def require_output() -> None:
    """Check that standard output is writable, before a secret is made that is shown only once. Raises OutputLost.

    A file is checked for free space without writing, as others may write there too; a pipe is checked for a reader; a device
    that is not a terminal gets an empty line.
    """
    try:
        descriptor = sys.stdout.fileno()
    except OSError:  # not a system stream, as in a test
        return
    try:
        kind = os.fstat(descriptor)
        if stat.S_ISREG(kind.st_mode):
            disk, (limit, _) = os.fstatvfs(descriptor), resource.getrlimit(resource.RLIMIT_FSIZE)
            os.write(descriptor, b"")
            if disk.f_bavail * disk.f_frsize < _ROOM_BYTES:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))  # noqa: TRY301 - as a write would
            if limit != resource.RLIM_INFINITY and kind.st_size + _ROOM_BYTES > limit:
                raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))  # noqa: TRY301
        elif stat.S_ISCHR(kind.st_mode) and not os.isatty(descriptor):
            os.write(descriptor, b"\n")
        else:
            os.write(descriptor, b"")
            asked = select.poll()
            asked.register(descriptor, 0)
            if asked.poll(0):
                raise BrokenPipeError(None, "nobody reads it")
    except OSError as error:
        raise OutputLost(error, after="; nothing was made") from None
