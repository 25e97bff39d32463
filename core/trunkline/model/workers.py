"""The names of processes that deliver: each says on which host it is, and which process of it."""

import re

LEASE_MS = 6_000
"""How long a lease of a worker lasts unless it is renewed: the share of a killed worker is delivered again within 10 s."""
_MAX_HOST = 20
"""So that a name has 40 characters at most, with seven digits for the process."""
_NAME = re.compile(r"wrk_(?P<host>[a-z0-9-]+)_(?P<process>\d+)_[0-9a-f]+")


def name_worker(host: str, process: int, token: str) -> str:
    """Name the process *process* of *host*; the hexadecimal *token* tells it from those before and after.

    Of a long name without its domain the end is kept: there the replicas of one service differ.
    """
    short = re.sub(r"[^a-z0-9-]", "-", host.partition(".")[0].lower())[-_MAX_HOST:] or "host"
    return f"wrk_{short}_{process}_{token}"


def place_of(worker: str) -> tuple[str, int] | None:
    """Tell on which host the process is that *worker* names, and which one; None where the name does not say."""
    parts = _NAME.fullmatch(worker)
    return (parts["host"], int(parts["process"])) if parts else None
