"""Tools of other plugins: clashing names, lookups that fields name, and failing providers."""

import json
from types import ModuleType

import pytest
from tests.plugins.mcp.conversation import HANDSHAKE, MODERN, Conversation

from trunkline import Answer, Definition, Operation, hookimpl
from trunkline.errors import StoreUnavailable
from trunkline.pages import Example, ItemList

OBJECT = {"type": "object", "properties": {}, "additionalProperties": True}


def definition(kind, name, **more):
    described = {
        "title": name.title(),
        "description": f"About {name}.",
        "parameters": {"type": "object", "properties": {}},
    }
    method = "POST" if kind == "action" else "GET"
    listed = {"items": "colors", "value": "code", "label": "code"} if kind == "lookup" else None
    return Definition(
        kind=kind,
        name=name,
        method=method,
        path=f"/{kind}/{name}",
        input=more.get("input", {"type": "object", "properties": {}, "additionalProperties": False}),
        output=more.get("output", OBJECT),
        examples=[Example({}, {}, {"colors": []} if kind == "lookup" else {})],
        listed=ItemList(**listed) if listed else None,
        **described,
    )


def plugin():
    module = ModuleType("paint")
    color = {
        "title": "Color",
        "description": "What color.",
        "type": "string",
        "x-lookup": {"lookup": "colors", "where": {"is_dark": True}},
    }
    mixing = {"type": "object", "properties": {"color": color}, "additionalProperties": False}
    colors = {
        "type": "object",
        "properties": {
            "colors": {
                "title": "Colors",
                "description": "All.",
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {
                        "code": {"title": "Code", "description": "Its code.", "type": "string"},
                        "is_dark": {"title": "Dark", "description": "Whether it is dark.", "type": "boolean"},
                    },
                },
            }
        },
    }

    async def fine(call):
        return Answer({"asked": call.definition.kind, **call.input})

    async def away(call):
        raise StoreUnavailable

    async def broken(call):
        raise RuntimeError("secret words of the database")

    @hookimpl
    def register_operations(context):
        made = {"paint": fine, "get_recent_events": fine, "away": away, "broken": broken}
        return [
            Operation("paint", fine, definition("action", "paint", input=mixing), uses_database=False),
            *(
                Operation(name, run, definition("search", name), uses_database=False)
                for name, run in made.items()
            ),
            Operation("colors", fine, definition("lookup", "colors", output=colors), uses_database=False),
        ]

    module.register_operations = register_operations
    return module


@pytest.fixture
async def agent(trunkline_hub):
    hub = await trunkline_hub(plugins=[plugin(), "mcp"], dispatch=False)
    return Conversation(hub.client)


async def test_names_that_clash_have_their_kind_in_front(agent):
    assert set(await agent.tools()) == {
        "action_paint", "search_paint", "search_get_recent_events", "away", "broken", "list_colors",
        "get_recent_events", "explain_event",
    }  # fmt: skip
    for name, kind in (
        ("action_paint", "action"),
        ("search_paint", "search"),
        ("search_get_recent_events", "search"),
    ):
        assert (await agent.call(name))["structuredContent"]["asked"] == kind


async def test_a_field_says_which_tool_lists_its_values_and_which_of_them(agent):
    color = (await agent.tools())["action_paint"]["inputSchema"]["properties"]["color"]
    assert color["description"] == "What color. Take code from list_colors, where is_dark is true."


async def test_a_provider_that_fails_is_a_result_without_its_words(agent):
    failed = await agent.call("broken")
    assert failed["isError"] is True
    assert "secret" not in failed["content"][0]["text"]
    assert "broken" in failed["content"][0]["text"]
    away = await agent.call("away")
    assert (away["isError"], away["content"][0]["text"]) == (
        True,
        "Something went wrong on our side, and it is not known whether anything was done; it was logged.",
    )


@pytest.mark.parametrize("version", [MODERN, HANDSHAKE[-1]])
async def test_numbers_of_a_call_keep_their_digits(trunkline_hub, version):
    seen: list[bytes] = []
    weight = {"title": "Weight", "description": "In grams.", "type": ["number", "object"]}
    weighing = {"type": "object", "properties": {"weight": weight}, "additionalProperties": False}
    module = ModuleType("scales")

    async def weigh(call):
        seen.append(call.input_json)
        return Answer({})

    @hookimpl
    def register_operations(context):
        return [Operation("weigh", weigh, definition("action", "weigh", input=weighing), uses_database=False)]

    module.register_operations = register_operations
    agent = Conversation((await trunkline_hub(plugins=[module, "mcp"], dispatch=False)).client, version)
    written = ["99.00", "1E2", "0.1000000000000000000000000000000001", "1" + 30 * "0", '{"each":[99.00]}']
    for number in written:
        params = {"name": "weigh", "arguments": {"weight": "@"}}
        message = json.dumps(agent.message("tools/call", params)).replace('"@"', number)
        await agent.http.post(agent.address, content=message, headers=agent.head("tools/call", params))
    assert [text.decode() for text in seen] == [f'{{"weight":{number}}}' for number in written]
