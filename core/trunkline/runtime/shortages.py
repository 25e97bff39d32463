"""Shortages of this machine (files, memory, ports, threads). They must not count as a target's failure."""

import errno
import os

from trunkline.errors import MachineExhausted

NO_MORE_FILES = "this process can open no more files or sockets (ulimit -n, LimitNOFILE=)"
_ERRNOS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EADDRNOTAVAIL})
_NO_THREAD = "can't start new thread"
"""Python's message if the system cannot start a thread (EAGAIN)."""


def is_own(error: BaseException) -> bool:
    """Return True if *error* reports a shortage of this machine."""
    if isinstance(error, OSError):
        return error.errno in _ERRNOS
    return isinstance(error, MachineExhausted | MemoryError) or (
        isinstance(error, RuntimeError) and str(error) == _NO_THREAD
    )


def has_no_file_left() -> bool:
    """Return True if this process cannot open a file now; this may explain a failure without a reason."""
    try:
        os.close(os.open(os.devnull, os.O_RDONLY))
    except OSError as error:
        return is_own(error)
    return False
