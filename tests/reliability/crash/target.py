"""The receiver of all cases: it answers by what it is sent, and notes each request under its case."""

from collections import defaultdict
from dataclasses import dataclass

import orjson

from trunkline.testing.receiver import Answer, ReceivedRequest, Receiver, Reply, Reset

SLOW_SECONDS = 0.45
NEVER = 19
"""Every 19th event of the flaky target fails until it is exhausted."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """One request: which event, to which path, which attempt, and when (monotonic seconds)."""

    event: int
    path: str
    attempt: int
    body: bytes
    at: float


class Target(Receiver):
    """Four subscriptions' target."""

    def __init__(self) -> None:
        super().__init__(record=False)
        self.arrivals: defaultdict[int, list[Arrival]] = defaultdict(list)

    def _received(self, request: ReceivedRequest) -> Reply:
        super()._received(request)
        metadata = orjson.loads(request.body)["metadata"]
        attempt = int(request.headers["trunkline-attempt"])
        self.arrivals[metadata["case"]].append(
            Arrival(
                int(request.headers["webhook-id"]),
                request.path,
                attempt,
                request.body,
                request.received_at / 1e9,
            )
        )
        return _reply(request.path, metadata["n"], attempt)


def _reply(path: str, n: int, attempt: int) -> Reply:
    if path != "/flaky":
        return Answer(delay_seconds=SLOW_SECONDS if n % 31 == 7 else 0.01 * (n % 3))
    if n % NEVER == NEVER - 1 or (n % 5 in {1, 2} and attempt == 1):
        return Answer(500)
    if n % 7 == 3 and attempt <= 2:
        return Reset()
    return Answer(delay_seconds=SLOW_SECONDS if n % 11 == 5 else 0.005)
