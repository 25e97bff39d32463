"""A call ends when its client disconnects or cancels; the calls of other clients continue."""

import asyncio
import json
from types import ModuleType

import pytest
from tests.plugins.mcp.conversation import Conversation
from tests.plugins.mcp.test_event_streams import Listener
from tests.plugins.mcp.test_provided import definition
from tests.waiting import until

from trunkline import Answer, Operation, hookimpl

ERAS = ["2026-07-28", "2025-11-25"]


class Slow:
    """A plugin whose search ends when the test lets it, or when it is cancelled."""

    def __init__(self):
        self.began, self.ended, self.may_end = asyncio.Queue(), asyncio.Queue(), asyncio.Event()

    async def run(self, call):
        self.began.put_nowait(call)
        try:
            await self.may_end.wait()
        except asyncio.CancelledError:
            self.ended.put_nowait("cancelled")
            raise
        self.ended.put_nowait("done")
        return Answer({})

    def plugin(self):
        module = ModuleType("slow")

        @hookimpl
        def register_operations(context):
            return [Operation("wait", self.run, definition("search", "wait"), uses_database=False)]

        module.register_operations = register_operations
        return module


@pytest.fixture
def slow():
    return Slow()


@pytest.fixture
async def hub(trunkline_hub, slow):
    return await trunkline_hub(plugins=[slow.plugin(), "mcp"], dispatch=False)


async def begin(hub, slow, era, **headers):
    """Begin a call directly over ASGI; return its agent, its listener and its task."""
    agent = Conversation(hub.client, version=era)
    params = {"name": "wait", "arguments": {}}
    listener = Listener(hub, agent.message("tools/call", params), agent.head("tools/call", params) | headers)
    task = asyncio.create_task(listener.run())
    await asyncio.wait_for(slow.began.get(), 60)
    return agent, listener, task


async def outcome(hub, slow):
    """Give the outcome of the tool's call, and the outcome in the log."""
    ended = await asyncio.wait_for(slow.ended.get(), 60)
    lines = await until(lambda: [line for line in hub.log.records if getattr(line, "outcome", None)])
    return ended, lines[-1].outcome


@pytest.mark.parametrize("era", ERAS)
async def test_a_client_that_goes_away_ends_its_call(hub, slow, era):
    _, listener, task = await begin(hub, slow, era)
    listener.left.set()
    await asyncio.wait_for(task, 60)
    assert await outcome(hub, slow) == ("cancelled", "left")
    assert not listener.start.done()  # no client is left to answer


@pytest.mark.parametrize("era", ERAS)
async def test_a_client_that_cancels_its_call_ends_it_and_no_other(hub, slow, era):
    agent, listener, task = await begin(hub, slow, era, **{"user-agent": "ours"})
    _, other, others_task = await begin(hub, slow, era, **{"user-agent": "another"})

    async def cancel(request_id):
        body = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": request_id}}
        head = {
            name: value for name, value in agent.head("tools/call", {}).items() if name.lower() != "mcp-name"
        }
        sent = Listener(
            hub, body | {"id": None}, {**head, "user-agent": "ours", "mcp-method": body["method"]}
        )
        sent._message.pop("id")
        await sent.run()
        return (await sent.start)[0]

    for not_running in (str(listener.id), listener.id + 10_000, other.id, [listener.id]):
        assert await cancel(not_running) in {202, 400}
    assert slow.ended.empty()
    assert await cancel(listener.id) == 202
    await asyncio.wait_for(task, 60)
    assert await outcome(hub, slow) == ("cancelled", "left")
    assert (await listener.start)[0] == 200
    answered = json.loads(listener.frames.get_nowait())
    assert (answered["id"], answered["error"]["code"]) == (listener.id, -32800)
    slow.may_end.set()
    await asyncio.wait_for(others_task, 60)
    assert await asyncio.wait_for(slow.ended.get(), 60) == "done"
    assert "result" in json.loads(other.frames.get_nowait())
