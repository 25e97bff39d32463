"""Events by webhook (AI SDK) and by stream from ``trunkline serve``: both agree with a poll over kill -9, a lapse and renewals."""

import json
import queue
import shutil
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.plugins import npm
from tests.plugins.mcp.conversation import Conversation
from tests.waiting import wait_for

HERE = Path(__file__).parent
TYPE = "payment.failed"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def packages(install_node_packages: Callable[[Path], Path]) -> Path:
    """Install the SDK; give its folder, with our program in it."""
    folder = install_node_packages(HERE / "node")
    shutil.copy(HERE / "node" / "events.mjs", folder)
    return folder


class Agent:
    """The program, which takes commands line by line; its events are kept separately from its answers."""

    def __init__(self, folder: Path, url: str, key: str) -> None:
        self.process = subprocess.Popen(
            ["node", "events.mjs", f"{url}/mcp", key],
            cwd=folder,
            env=npm.node_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.events: list[dict[str, Any]] = []
        self.others: list[dict[str, Any]] = []
        self._answers: queue.Queue[dict[str, Any]] = queue.Queue()
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()
        assert self._answers.get(timeout=120)["kind"] == "ready"

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            said = json.loads(line)
            if said["kind"] == "event":
                self.events.append(said["event"])
            elif said["kind"] in {"gap", "terminated", "error"}:
                self.others.append(said)
            else:
                self._answers.put(said)

    def tell(self, command: str, **rest: Any) -> Any:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"command": command} | rest) + "\n")
        self.process.stdin.flush()
        answer = self._answers.get(timeout=120)
        assert "failed" not in answer, answer
        return answer

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self._listener.join()
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            pipe.close()

    @property
    def ids(self) -> set[int]:
        return {int(event["eventId"]) for event in self.events}

    def until(self, wanted: set[int]) -> None:
        wait_for(f"all of {sorted(wanted)}", lambda: wanted <= self.ids)


class Follower:
    """A client of ``events/stream`` that reopens the stream with the last cursor whenever it ends."""

    def __init__(self, url: str, key: str, cursor: str) -> None:
        self.url, self.key, self.cursor = url, key, cursor
        self.events: list[dict[str, Any]] = []
        self.opened = 0
        self._is_over = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._is_over:
            try:
                self._follow()
            except httpx2.HTTPError:
                time.sleep(0.2)

    def _follow(self) -> None:
        params = {"name": TYPE, "cursor": self.cursor}
        asked = Conversation(None)  # type: ignore[arg-type]
        headers = asked.head("events/stream", params) | {"authorization": f"Bearer {self.key}"}
        body = json.dumps(asked.message("events/stream", params))
        timeout = httpx2.Timeout(90)
        with (
            httpx2.Client(timeout=timeout) as client,
            client.stream("POST", f"{self.url}/mcp", content=body, headers=headers) as answer,
        ):
            for line in answer.iter_lines():
                if line.startswith("data: "):
                    self._take(json.loads(line.removeprefix("data: ")))

    def _take(self, message: dict[str, Any]) -> None:
        kind = message.get("method", "").rpartition("/")[2]
        self.opened += kind == "active"
        if kind == "event":
            self.events.append(message["params"])
        if kind:
            self.cursor = message["params"]["cursor"]

    def close(self) -> None:
        self._is_over = True


@pytest.fixture
def started(packages: Path, serve_hub) -> Iterator[tuple[Any, Agent]]:
    hub = serve_hub(TRUNKLINE_MCP__RETRY_SCHEDULE_SECONDS="0.5,1,2,4")
    agent = Agent(packages, hub.url, hub.key)
    yield hub, agent
    agent.close()


def emit(hub: Any, count: int) -> set[int]:
    example = hub.call("GET", f"/api/v1/event-types/{TYPE}")["example"]
    events = [{"type": TYPE, "payload": example} for _ in range(count)]
    return {
        each["id"] for each in hub.call("POST", "/api/v1/events/batch", json={"events": events})["events"]
    }


def ask(hub: Any, method: str, params: dict[str, Any]) -> Any:
    asked = Conversation(None)  # type: ignore[arg-type]
    with hub.client() as client:
        answer = client.post(
            "/mcp", content=json.dumps(asked.message(method, params)), headers=asked.head(method, params)
        )
    return answer.json()["result"]


def polled(hub: Any, cursor: str) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = []
    while True:
        page = ask(hub, "events/poll", {"name": TYPE, "cursor": cursor, "maxEvents": 200})
        events += page["events"]
        cursor = page["cursor"]
        if not page["hasMore"]:
            return events


def lapse(hub: Any) -> None:
    """Let the lifetime of every subscription expire."""
    with sqlite3.connect(hub.folder / "trunkline.db", timeout=60) as database:
        database.execute("UPDATE routing SET version = version + 1")
        database.execute(
            "UPDATE subscriptions SET expires_ms = 1, version = (SELECT version FROM routing) WHERE channel = 'mcp'"
        )
    emit_other = {
        "type": "lead.created",
        "payload": hub.call("GET", "/api/v1/event-types/lead.created")["example"],
    }
    hub.call("POST", "/api/v1/events", json=emit_other)  # the dispatcher sees a change at its next read
    listed = lambda: hub.call("GET", "/api/v1/subscriptions")["subscriptions"]  # noqa: E731
    wait_for("the lapse", lambda: listed()[0]["disabled_reason"] == "lapsed")


def test_webhook_stream_and_poll_agree_over_kill_a_lapse_and_renewals(started):
    hub, agent = started
    assert TYPE in agent.tell("list")["names"]
    begun = ask(hub, "events/poll", {"name": TYPE})["cursor"]
    follower = Follower(hub.url, hub.key, begun)
    subscription = agent.tell("subscribe", name=TYPE)["subscription"]
    made = emit(hub, 20)
    agent.until(made)

    made |= emit(hub, 300)
    hub.process.kill()
    hub.process.wait()
    hub.start()
    made |= emit(hub, 20)
    agent.until(made)
    assert agent.tell("refresh", id=subscription["id"])["subscription"]["id"] == subscription["id"]

    lapse(hub)
    missed = emit(hub, 30)
    time.sleep(1)
    assert not missed & agent.ids
    (kept,) = agent.tell("kept")["kept"]
    again = agent.tell("refresh", id=subscription["id"])["subscription"]
    assert (again["id"], again["truncated"]) == (subscription["id"], False)
    made |= missed | emit(hub, 5)
    agent.until(made)
    assert kept["cursor"] is not None

    hub.stop()
    hub.start()
    made |= emit(hub, 5)
    agent.until(made)
    wait_for("every event by the stream", lambda: len(follower.events) >= len(made))
    follower.close()

    by_poll = polled(hub, begun)
    assert [int(event["eventId"]) for event in by_poll] == sorted(made)
    by_stream = [
        {k: v for k, v in event.items() if k not in {"cursor", "_meta"}} for event in follower.events
    ]
    assert by_stream == by_poll, "each once, in order"
    assert follower.opened >= 3
    by_webhook = {
        event["eventId"]: {k: v for k, v in event.items() if k != "cursor"} for event in agent.events
    }
    assert sorted(by_webhook.values(), key=lambda event: int(event["eventId"])) == by_poll
    assert agent.others == []

    agent.tell("unsubscribe", id=subscription["id"])
    before = len(agent.events)
    emit(hub, 3)
    time.sleep(1)
    assert len(agent.events) == before


def test_it_is_told_when_its_key_is_revoked(started, packages):
    hub, _ = started
    key = hub.make_key("events:read", "webhooks:write")
    agent = Agent(packages, hub.url, key)
    try:
        agent.tell("subscribe", name=TYPE)
        (theirs,) = [each for each in hub.call("GET", "/api/v1/keys")["keys"] if each["last4"] == key[-4:]]
        hub.call("DELETE", f"/api/v1/keys/{theirs['id']}")
        emit(hub, 1)
        wait_for("the notice", lambda: agent.others)
        assert [each["kind"] for each in agent.others] == ["terminated"]
        assert (agent.events, agent.tell("kept")["kept"]) == ([], [])
    finally:
        agent.close()
