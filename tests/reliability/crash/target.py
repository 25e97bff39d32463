"""The receiver of all cases: it answers by the event, and notes each request by case."""

from collections import defaultdict
from dataclasses import dataclass

import orjson
from tenant import Agent

from trunkline_kit.receiver import Answer, ReceivedRequest, Receiver, Reply, Reset

SLOW_SECONDS = 0.45
AGENTS = "/agents/"
"""Prefix of the paths of MCP Events callbacks; the case's number follows."""
NEVER = 19
"""Every 19th event of the flaky target fails on every attempt."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """One request: event, path, attempt, and time (monotonic seconds).

    *taken_at* is the time of its 2xx answer, or None. *closed_kept* is true if the target reset a kept connection instead of
    answering; the hub may then repeat the request at once on a new connection.
    """

    event: int
    path: str
    attempt: int
    body: bytes
    at: float
    taken_at: float | None
    closed_kept: bool


class Target(Receiver):
    """The target of all subscriptions."""

    def __init__(self) -> None:
        super().__init__(record=False)
        self.arrivals: defaultdict[int, list[Arrival]] = defaultdict(list)
        self._agents: dict[int, Agent] = {}
        self._connections: set[int] = set()

    def agent(self, case: int) -> Agent:
        """Give the callback of a case's MCP Events client."""
        return self._agents.setdefault(case, Agent(f"{self.url}{AGENTS}{case}"))

    def forget(self, case: int) -> None:
        self.arrivals.pop(case, None)
        self._agents.pop(case, None)

    def _received(self, request: ReceivedRequest) -> Reply:
        super()._received(request)
        if request.path.startswith(AGENTS):
            return self.agent(int(request.path.removeprefix(AGENTS))).take(request)
        metadata = orjson.loads(request.body)["metadata"]
        attempt = int(request.headers["trunkline-attempt"])
        reply = _reply(request.path, metadata["n"], attempt)
        is_kept = request.connection in self._connections
        self._connections.add(request.connection)
        self.arrivals[metadata["case"]].append(
            Arrival(
                int(request.headers["webhook-id"]),
                request.path,
                attempt,
                request.body,
                request.received_at / 1e9,
                _taken_at(request, reply),
                closed_kept=is_kept and isinstance(reply, Reset),
            )
        )
        return reply


def _taken_at(request: ReceivedRequest, reply: Reply) -> float | None:
    if not isinstance(reply, Answer) or reply.status != 200:
        return None
    return request.received_at / 1e9 + reply.delay_seconds


def _reply(path: str, n: int, attempt: int) -> Reply:
    if path not in {"/flaky", "/ordered"}:
        return Answer(delay_seconds=SLOW_SECONDS if n % 31 == 7 else 0.01 * (n % 3))
    if n % NEVER == NEVER - 1 or (n % 5 in {1, 2} and attempt == 1):
        return Answer(500)
    if n % 7 == 3 and attempt <= 2:
        return Reset()
    return Answer(delay_seconds=SLOW_SECONDS if n % 11 == 5 else 0.005)
