"""Shortages of this machine: files, memory, ports, threads. Nobody else is blamed for one."""

import errno
import os

from trunkline.errors import MachineExhausted

NO_MORE_FILES = "this process can open no more files or sockets (ulimit -n, LimitNOFILE=)"
_ERRNOS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EADDRNOTAVAIL})
_NO_THREAD = "can't start new thread"
"""What Python raises where the system says EAGAIN."""


def is_own(error: BaseException) -> bool:
    """Tell whether *error* says that this machine lacks something."""
    if isinstance(error, OSError):
        return error.errno in _ERRNOS
    return isinstance(error, MachineExhausted | MemoryError) or (
        isinstance(error, RuntimeError) and str(error) == _NO_THREAD
    )


def has_no_file_left() -> bool:
    """Tell whether this process can open no file now: for failures that do not say why."""
    try:
        os.close(os.open(os.devnull, os.O_RDONLY))
    except OSError as error:
        return is_own(error)
    return False
