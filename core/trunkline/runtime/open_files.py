"""Dividing the file descriptors of a process between clients, pushes, and everything else."""

import contextlib
import logging
import resource
import sys

from msgspec import Struct

from trunkline.errors import SettingsInvalid
from trunkline.settings import Settings

MAX_KEPT = 1024
"""The number of idle connections to targets that a process keeps."""
MAX_LINGERING = 64
"""The number of refused connections that stay open briefly, so that clients can read the reason."""
OWN_FILES = 92
"""Files for all other uses: streams, the event loop, the listener, name lookups, plugins, and database connections.
The connections are 20 to SQLite with two files each, or the connections to PostgreSQL that ``database.pool_size`` does
not count.
"""
LEAST_SHARED = 32
"""The minimum number of files for clients and pushes; with fewer the process does not start."""
_log = logging.getLogger(__name__)


class OpenFiles(Struct, frozen=True):
    """The shares of one process."""

    connections: int
    """Connections of clients."""
    lingering: int
    attempts: int
    """Delivery attempts in flight, each with a connection."""
    kept: int


def raise_limit() -> None:
    """Raise this process's soft limit of open files to the hard limit."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):  # macOS reports no limit, but accepts less
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def shares(settings: Settings) -> OpenFiles:
    """Divide the files that this process may open. If there are too few, clients and pushes get half each."""
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
    """Log how many connections and attempts the file limit allows, if fewer than set. Raises SettingsInvalid if it is too low."""
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
