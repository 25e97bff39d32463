"""How a process divides the files and sockets that it may open: between its clients, its pushes, and everything else."""

import contextlib
import logging
import resource
import sys
from dataclasses import dataclass

from trunkline.errors import SettingsInvalid
from trunkline.settings import Settings

MAX_KEPT = 1024
"""Idle connections to targets that a process keeps."""
MAX_LINGERING = 64
"""Refused connections that stay open for a moment, so that their clients can read why."""
OWN_FILES = 84
"""Everything else: streams, the event loop, the listener, lookups of names, what plugins open, 16 connections to an SQLite file of
two files each, or all to PostgreSQL but ``database.pool_size``."""
LEAST_SHARED = 32
"""Files for clients and pushes without which a process does not start."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class OpenFiles:
    """The shares of one process."""

    connections: int
    """Connections of clients."""
    lingering: int
    attempts: int
    """Attempts under way, each with a connection."""
    kept: int


def raise_limit() -> None:
    """Let this process open as many files as the system allows it: raise the soft limit to the hard one."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):  # macOS says that there is none, and takes less
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def shares(settings: Settings) -> OpenFiles:
    """Divide what this process may open. Clients and pushes get a half each where there is too little for both."""
    delivery, wanted_by_clients = settings.delivery, settings.server.max_connections
    left = max(_limit() - OWN_FILES - settings.database.pool_size, 0)
    lingering = min(MAX_LINGERING, left // 8)
    left -= lingering
    pushing = min(delivery.concurrency + MAX_KEPT, max(left // 2, left - wanted_by_clients))
    attempts = max(min(delivery.concurrency, pushing * 3 // 4), 1)
    return OpenFiles(
        connections=min(wanted_by_clients, left - pushing),
        lingering=lingering,
        attempts=attempts,
        kept=min(MAX_KEPT, pushing - attempts),
    )


def check(settings: Settings) -> None:
    """Log what this process may do with the files that it may open, where that is less than the settings allow.

    Raises:
        SettingsInvalid: it may not even open what it needs.
    """
    limit, least = _limit(), OWN_FILES + settings.database.pool_size + LEAST_SHARED
    if limit < least:
        msg = f"This process may open {limit} files and needs {least}: raise its limit (ulimit -n, LimitNOFILE=)."
        raise SettingsInvalid(msg)
    files = shares(settings)
    if files.connections < settings.server.max_connections or files.attempts < settings.delivery.concurrency:
        _log.warning(
            "this process may open %d files: %d connections of clients at once instead of %d, and %d attempts instead of %d; "
            "raise its limit (ulimit -n, LimitNOFILE=)",
            limit,
            files.connections,
            settings.server.max_connections,
            files.attempts,
            settings.delivery.concurrency,
        )


def _limit() -> int:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return sys.maxsize if soft == resource.RLIM_INFINITY else soft
