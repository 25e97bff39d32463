"""The names of worker processes. A name contains the host and the process number."""

import re

LEASE_MS = 6_000
"""How long a worker's lease lasts without renewal: other workers take over the deliveries of a killed worker within 10 s."""
_MAX_HOST = 20
"""The maximum length of the host's part: with seven digits for the process, a name then has 40 characters at most."""
_NAME = re.compile(r"wrk_(?P<host>[a-z0-9-]+)_(?P<process>\d+)_[0-9a-f]+")


def name_worker(host: str, process: int, token: str) -> str:
    """Name the process *process* of *host*; the hexadecimal *token* differs for each start.

    The host's domain is left out. A long host name is cut at its beginning, because the names of a service's replicas
    differ at the end.
    """
    short = re.sub(r"[^a-z0-9-]", "-", host.partition(".")[0].lower())[-_MAX_HOST:] or "host"
    return f"wrk_{short}_{process}_{token}"


def place_of(worker: str) -> tuple[str, int] | None:
    """Return the host and the process number in the name *worker*; None if the name has another form."""
    parts = _NAME.fullmatch(worker)
    return (parts["host"], int(parts["process"])) if parts else None
