"""The memory limit of this process (control groups of containers and systemd), and the share for request bodies."""

import logging
from collections.abc import Iterator
from pathlib import Path

from trunkline.settings import Settings

OWN_BYTES = 256 * 1024 * 1024
"""The memory of a process with all plugins (130 MiB at rest), small requests and deliveries."""
TIMES_ITS_SIZE = 4
"""The memory that a body takes until the event is stored, as a multiple of the body's size."""
LEAST_BODIES = 1024 * 1024
_log = logging.getLogger(__name__)


def fit(settings: Settings, *, processes: int) -> Settings:
    """Lower ``server.max_body_bytes_in_flight`` if it exceeds a process's share of the memory limit, and log the change."""
    if (limit := limit_bytes()) is None:
        return settings
    wanted = settings.server.max_body_bytes_in_flight
    room = max((limit // processes - OWN_BYTES) // TIMES_ITS_SIZE, LEAST_BODIES)
    if room >= wanted:
        return settings
    _log.warning(
        "this process may take %d MiB of memory: it holds %d bytes of request bodies at once instead of %d "
        "(server.max_body_bytes_in_flight); raise its limit (memory.max, MemoryMax=, --memory)",
        *(limit // processes // (1024 * 1024), room, wanted),
    )
    server = settings.server.model_copy(update={"max_body_bytes_in_flight": room})
    return settings.model_copy(update={"server": server})


def limit_bytes(
    groups: Path = Path("/proc/self/cgroup"), *, mount: Path = Path("/sys/fs/cgroup")
) -> int | None:
    """Read the lowest limit of this process's control group and its parents (version 1 or 2); None if there is none."""
    limits: list[int] = []
    for file in _limit_files(groups, mount):
        try:
            limits.append(int(file.read_text()))
        except (OSError, ValueError):  # no such group in this namespace, or "max"
            continue
    return min(limits, default=None)


def _limit_files(groups: Path, mount: Path) -> Iterator[Path]:
    try:
        lines = groups.read_text().splitlines()
    except OSError:  # not Linux
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if not controllers:
            base, name = mount, "memory.max"
        elif "memory" in controllers.split(","):
            base, name = mount / "memory", "memory.limit_in_bytes"
        else:
            continue
        group = Path(path.lstrip("/"))
        yield from (base / folder / name for folder in (group, *group.parents))
