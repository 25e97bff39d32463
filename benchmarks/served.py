"""``trunkline serve`` and ``trunkline worker`` as separate processes with default settings.

Only necessary settings are changed: targets on this machine, and high limits. The hub's log is discarded.
"""

import contextlib
import http.client
import subprocess
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import orjson
import uvloop

from benchmarks import processes
from benchmarks.hubs import PAYLOAD, environment, make_hub

EVENT = b'{"type":"client.created","payload":' + PAYLOAD + b"}"
"""A body of ``POST /events``."""
BATCH = 100
JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True, slots=True)
class Server:
    """A hub at *url* in the process *pid*, and the key of an operator."""

    url: str
    pid: int
    key: str

    def call(self, method: str, path: str, body: Any = None, *, company: int = 92) -> Any:
        """Call the API once, as the operator, for *company*."""
        with contextlib.closing(_connect(self.url)) as connection:
            headers = {"X-Api-Key": self.key, "X-Company-Id": str(company), **JSON}
            return _call(connection, method, path, orjson.dumps(body), headers)

    def subscribe(self, company: int, target: str, **options: Any) -> str:
        """Subscribe *target* to every event of *company* over the API; return the subscription's id."""
        request = {"target_url": target, "event_types": ["*"], **options}
        return str(self.call("POST", "/api/v1/webhooks/subscriptions", request, company=company)["id"])

    def subscribe_many(self, company: int, target: str, count: int) -> int:
        """Make *count* subscriptions of *target* over one kept connection; return *count*."""
        body = orjson.dumps({"target_url": target, "event_types": ["*"]})
        headers = {"X-Api-Key": self.key, "X-Company-Id": str(company), **JSON}
        with contextlib.closing(_connect(self.url)) as connection:
            for _ in range(count):
                _call(connection, "POST", "/api/v1/webhooks/subscriptions", body, headers)
        return count


@contextlib.contextmanager
def started(database_url: str, **settings: str) -> Iterator[tuple[str, int]]:
    """Run ``trunkline serve`` on *database_url* while the block runs; yield its URL and pid."""
    surroundings = environment(database_url, **settings)
    command = ("trunkline.cli", "serve", "--port", "0")
    with processes.child(*command, environment=surroundings, stderr=subprocess.DEVNULL) as server:
        yield server.stdout.readline().split()[3], server.pid


@contextlib.contextmanager
def serving(database_url: str, **settings: str) -> Iterator[Server]:
    """Run a hub like ``started``, and yield it with the key of an operator."""
    key = uvloop.run(operator_key(database_url, **settings))
    with started(database_url, **settings) as (url, pid):
        warm(url)
        yield Server(url, pid, key)


def warm(url: str) -> None:
    """Wait until the hub at *url* has loaded the web framework, and its garbage collector has run."""
    with contextlib.closing(_connect(url)) as connection:
        connection.request("GET", "/api/v1/me")
        connection.getresponse().read()
    time.sleep(0.5)


@contextlib.contextmanager
def working(database_url: str, **settings: str) -> Iterator[Any]:
    """Run ``trunkline worker`` on *database_url* while the block runs; yield the process."""
    surroundings = environment(database_url, **settings)
    with processes.child(
        "trunkline.cli", "worker", environment=surroundings, stderr=subprocess.DEVNULL
    ) as worker:
        yield worker


async def operator_key(database_url: str, **settings: str) -> str:
    """Make an operator's key with all rights, and the database if there is none."""
    async with make_hub(database_url, dispatch=False, **settings) as hub:
        _, key = await hub.keys.create(None, name="bench", scopes=["operator"])
    return key


def post_batches(server: Server, company: int, count: int, *, connections: int = 4) -> list[list[int]]:
    """Post *count* events of *company* in batches of ``BATCH``, over *connections* at once; return the ids of each batch.

    Each event of a batch has a different client; all batches have the same clients.
    """
    event: dict[str, Any] = orjson.loads(EVENT) | {"companyId": company}
    events = [event | {"payload": event["payload"] | {"client_id": number}} for number in range(1, BATCH + 1)]
    body = orjson.dumps({"events": events})
    turns = [range(start, count, BATCH * connections) for start in range(0, BATCH * connections, BATCH)]
    with ThreadPoolExecutor(connections) as pool:
        posted = [pool.submit(_post_again, server, body, len(turn)) for turn in turns]
        return [ids for each in posted for ids in each.result()]


def _post_again(server: Server, body: bytes, times: int) -> list[list[int]]:
    with contextlib.closing(_connect(server.url)) as connection:
        headers = {"X-Api-Key": server.key, **JSON}
        answers = (_call(connection, "POST", "/api/v1/events/batch", body, headers) for _ in range(times))
        return [[event["id"] for event in answer["events"]] for answer in answers]


def tell(sink: str, what: str) -> int:
    """Send a command to a sink: ``refuse`` or ``take`` deliveries, or only ``count``.

    Return the number of accepted deliveries.
    """
    with contextlib.closing(_connect(sink)) as connection:
        return int(_call(connection, "GET", f"/{what}"))


def arrivals(sink: str) -> dict[int, float]:
    """Read the time of each event's first arrival from a sink that records arrivals."""
    with contextlib.closing(_connect(sink)) as connection:
        return {int(key): at for key, at in _call(connection, "GET", "/arrivals").items()}


def wait_for(sink: str, count: int, *, seconds: float = 300) -> None:
    """Wait until *sink* has received *count* deliveries."""
    deadline = time.monotonic() + seconds
    while (got := tell(sink, "count")) < count:
        if time.monotonic() > deadline:
            msg = f"the target got {got} of {count} deliveries in {seconds:g} s"
            raise TimeoutError(msg)
        time.sleep(0.02)


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that is not exceeded by *share* (0 to 1) of *values*; 0 if there are no values."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)] if ordered else 0.0


def _connect(url: str) -> http.client.HTTPConnection:
    parts = urlsplit(url)
    return http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=120)


def _call(
    connection: http.client.HTTPConnection,
    method: str,
    path: str,
    body: bytes | None = None,
    headers: dict[str, str] | None = None,
) -> Any:
    connection.request(method, path, body, headers or {})
    answer = connection.getresponse()
    said = answer.read()
    if answer.status >= 300:
        msg = f"{method} {path}: {answer.status} {said[:500]!r}"
        raise RuntimeError(msg)
    return orjson.loads(said) if said else None
