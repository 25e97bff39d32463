"""An event type in the version that the caller reads: its schema, its arguments, and its payload."""

import pytest
from tests.core.schemas.test_versions_side_by_side import NAME, NEW, OLD, after
from tests.plugins.mcp.conversation import Conversation


@pytest.mark.parametrize(("header", "fields"), [({}, NEW), ({"trunkline-versions": "1"}, OLD)])
async def test_what_is_listed_and_what_is_polled_are_of_one_version(trunkline_hub, tmp_path, header, fields):
    settings = {"product.schemas": str(tmp_path)}
    hub = await trunkline_hub(plugins=[after(), "mcp"], settings=settings, dispatch=False)
    agent = Conversation(hub.client, headers=header)
    (listed,) = [event for event in (await agent.ask("events/list"))["events"] if event["name"] == NAME]
    assert set(listed["payloadSchema"]["properties"]) == set(fields)
    assert set(listed["inputSchema"]["properties"]) == set(fields)
    begun = await agent.ask("events/poll", {"name": NAME})
    await hub.emit(NAME, NEW)
    page = await agent.ask("events/poll", {"name": NAME, "cursor": begun["cursor"], "arguments": fields})
    assert [event["data"] for event in page["events"]] == [fields]
    recent = (await agent.call("get_recent_events"))["structuredContent"]["events"]
    assert [event["payload"] for event in recent] == [fields]
