"""A subscription of MCP Events on a deployment that crashes meanwhile: renewed, lapsed, paused, and made again.

Afterwards a client that keeps the newest cursor must have every event, except events reported as left out. The client
must have exactly one subscription, without open deliveries.
"""

import asyncio
import random
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from calls import Call, answer_of

from trunkline_kit.receiver import Answer, ReceivedRequest, Reply

COMPANY = 6
"""The company of these events; it has no other subscription."""
LONG_MS, SHORT_MS = 60_000, 200
PATIENCE_SECONDS = 30.0
HELD = f"SELECT status, disabled_reason, gap_position FROM subscriptions WHERE company_id = {COMPANY} AND name IS NOT NULL"
OPEN = (
    "SELECT d.position, d.status FROM deliveries AS d JOIN subscriptions AS s ON s.no = d.subscription_no "
    f"WHERE s.company_id = {COMPANY} AND d.status IN ('pending', 'held')"
)
_VERSION = "2026-07-28"
_META = {
    "io.modelcontextprotocol/protocolVersion": _VERSION,
    "io.modelcontextprotocol/clientCapabilities": {},
}


class Agent:
    """The callback at *url*: it answers challenges, refuses every fifth event once, and keeps the newest cursor."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.got: set[int] = set()
        self.gaps = 0
        self.cursor: str | None = None
        self._refused: set[int] = set()

    def take(self, request: ReceivedRequest) -> Reply:
        message = orjson.loads(request.body)
        match message.get("type"):
            case "verification":
                return Answer(body=orjson.dumps({"challenge": message["challenge"]}))
            case "gap":
                self.gaps += 1
            case None:
                event = int(message["eventId"])
                if event % 5 == 0 and event not in self._refused:
                    self._refused.add(event)
                    return Answer(503)
                self.got.add(event)
        self.cursor = message.get("cursor", self.cursor)
        return Answer()


class Tenant:
    """Renews a subscription to *agent*, and emits *event* meanwhile; calls without an answer are sent again."""

    def __init__(self, agent: Agent, chance: random.Random, event: Mapping[str, Any]) -> None:
        self._agent = agent
        self._chance = random.Random(chance.random())
        self._event = event
        self._name = event["type"]
        self._call: Call
        self._made = 0
        self.accepted: list[int] = []
        self._excused: set[int] = set()
        """Events during a pause. The subscription is resumed without them, so they may be missing."""
        self._truncated = 0
        self._surprises: list[str] = []

    async def run(self, call: Call) -> None:
        """Carry out all steps, and renew until every event has come."""
        self._call = call
        for _ in range(2):
            await self._subscribe(LONG_MS)
            await self._emit(2)
            await self._subscribe(SHORT_MS)
            await self._emit(2)
            await asyncio.sleep(SHORT_MS / 1000 + 0.2)
            await self._emit(2)
            await self._subscribe(LONG_MS)
        await self._pause()
        ends = asyncio.get_running_loop().time() + PATIENCE_SECONDS
        while not self._is_done and asyncio.get_running_loop().time() < ends:
            await self._subscribe(LONG_MS)
            await asyncio.sleep(0.4)

    @property
    def missing(self) -> set[int]:
        """Give the events that neither came nor were reported as left out."""
        return set(self.accepted) - self._agent.got - self._excused

    @property
    def _is_done(self) -> bool:
        return not self.missing and bool(self._agent.gaps or self._truncated)

    def check(self, held: Sequence[Any], still_open: Sequence[Any]) -> list[str]:
        """Compare with the stored rows (``HELD``, ``OPEN``); return every fault."""
        faults = list(self._surprises)
        if [tuple(row) for row in held] != [("active", None, None)]:
            faults.append(f"the client renewed one subscription, these are there: {list(held)}")
        if still_open:
            faults.append(f"still open of those that are renewed: {list(still_open)[:5]}")
        if not self._agent.gaps and not self._truncated:
            faults.append("nobody was told of events that were left out")
        return faults

    async def _pause(self) -> None:
        """Pause, emit an event, and resume without the missed event."""
        listed = await self._send("GET", "/subscriptions?channel=mcp", {})
        live = [each["id"] for each in listed["subscriptions"] if each["status"] == "active"]
        path = f"/subscriptions/{live[-1]}"
        await self._send("PATCH", path, {"status": "paused"})
        before = len(self.accepted)
        await self._emit(1)
        self._excused.update(self.accepted[before:])
        await self._send("PATCH", path, {"status": "active", "catch_up": False})
        await asyncio.sleep(self._chance.uniform(0, 0.4))
        await self._emit(1)

    async def _emit(self, count: int) -> None:
        for _ in range(count):
            self._made += 1
            answer = await self._send("POST", "/events", self._event, key=f"{self._agent.url}-{self._made}")
            self.accepted.append(answer["id"])

    async def _subscribe(self, ttl_ms: int) -> None:
        delivery = {"mode": "webhook", "url": self._agent.url, "secret": "whsec_" + "c2VjcmV0" * 4}
        params = {"name": self._name, "delivery": delivery, "cursor": self._agent.cursor, "ttlMs": ttl_ms}
        params["_meta"] = _META
        message = {"jsonrpc": "2.0", "id": 1, "method": "events/subscribe", "params": params}
        more = {
            "Accept": "application/json, text/event-stream",
            "MCP-Protocol-Version": _VERSION,
            "Mcp-Method": "events/subscribe",
        }
        while True:
            answer = await self._send("POST", "/mcp", message, base="", more=more)
            if "result" in answer:
                break
            await asyncio.sleep(0.05)
            if answer["error"]["code"] != -32603:  # the database was unavailable
                self._surprises.append(f"events/subscribe was answered with {answer['error']}")
                return
        self._agent.cursor = answer["result"]["cursor"]
        self._truncated += answer["result"]["truncated"]

    async def _send(self, method: str, path: str, body: Any, **more: Any) -> dict[str, Any]:
        _, answer = await answer_of(
            *(self._call, method, path, body),
            pause=lambda: self._chance.uniform(0, 0.02),
            company=COMPANY,
            **more,
        )
        return answer
