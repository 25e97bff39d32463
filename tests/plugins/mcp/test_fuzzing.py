"""A model that sends input that no schema allows: every tool is called with arguments made from its schema and then spoiled.

For any input the answer is a result or an error of the protocol. A refusal names the faults, and nothing fails.
"""

import json
import logging
import random
from collections.abc import Iterator
from typing import Any

import pytest
from tests.plugins.mcp.conversation import ERAS, Conversation

ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 1.5, -0.0, 1e308, 2**31, 2**63, 2**64, 10**40, -(2**63) - 1,
    "", " ", "x" * 4000, "\x00", "\x00\x01\x1b[31m", "\u202e", "\U0001f600" * 50, "null", "[]", "2026-13-45", "9" * 300,
    "'; DROP TABLE crm_clients; --", "%s%n{}${jndi:x}", "../../etc/passwd", "٣", "NaN",
    [], [None], [[[[[]]]]], ["x"] * 300, [{}], {}, {"": ""}, {"$ref": "#"}, {"$gt": 0}, {"a": {"b": {"c": [1]}}},
)  # fmt: skip
"""Values that a model, or an attacker behind it, might put anywhere."""
NAMES = ("", "__proto__", "$ref", "x" * 300, "idempotency-key", "company_id", "\x00", "a/b~c", "ИД")
FAILED = "Something went wrong on our side"
REFUSAL = "Nothing was done. Mend these arguments and call again:"


def sample(schema: dict[str, Any], random_: random.Random) -> Any:
    if "enum" in schema:
        return random_.choice(schema["enum"])
    if "const" in schema:
        return schema["const"]
    for several in ("anyOf", "oneOf"):
        if several in schema:
            return sample(random_.choice(schema[several]), random_)
    kind = schema.get("type", "string")
    match random_.choice(kind) if isinstance(kind, list) else kind:
        case "object":
            wanted = schema.get("properties", {}).items()
            return {name: sample(child, random_) for name, child in wanted if random_.random() < 0.8}
        case "array":
            return [sample(schema.get("items", {}), random_) for _ in range(random_.randrange(3))]
        case "integer" | "number":
            return random_.choice((1, 2, schema.get("minimum", 0), schema.get("maximum", 100)))
        case "boolean":
            return random_.random() < 0.5
        case "null":
            return None
        case _:
            return random_.choice(("Jane", "jane@example.com", "+1 555 0100", "2026-01-28", "CA", "1"))


def spoiled(value: Any, random_: random.Random) -> Any:
    """Put something odd at some place in *value*."""
    if isinstance(value, dict) and value and random_.random() < 0.9:
        name = random_.choice(list(value))
        deeper = spoiled(value[name], random_) if random_.random() < 0.5 else random_.choice(ODD)
        return {**value, name: deeper}
    if isinstance(value, list) and value and random_.random() < 0.7:
        return [spoiled(value[0], random_), *value[1:]]
    return random_.choice(ODD)


def attempts(schema: dict[str, Any], random_: random.Random, number: int) -> Iterator[Any]:
    """Make arguments that are wrong in one place, in many places, in a name, or not at all."""
    for _ in range(number):
        arguments = sample({**schema, "type": "object"}, random_)
        for _ in range(random_.choice((0, 1, 1, 1, 3))):
            arguments = spoiled(arguments, random_)
            if not isinstance(arguments, dict):
                arguments = {random_.choice(list(schema["properties"])): arguments}
        if random_.random() < 0.15:
            arguments = {**arguments, random_.choice(NAMES): random_.choice(ODD)}
        yield arguments


async def judge(agent: Conversation, name: str, schema: dict[str, Any], arguments: Any) -> str:
    """Call once; return the kind of the outcome."""
    answer = await agent.send("tools/call", {"name": name, "arguments": arguments})
    told = f"{name} {json.dumps(arguments)[:1500]}\n{answer.status_code} {answer.text[:1500]}"
    assert answer.status_code < 500, told
    message = answer.json()
    if "error" in message:
        assert message["error"]["code"] == -32602, told
        assert "/params/arguments" in message["error"]["message"], told
        assert message["id"] is not None, told
        return "error"
    result = message["result"]
    (block,) = result["content"]
    if not result.get("isError"):
        return "done"
    text = block["text"]
    assert FAILED not in text, told
    assert len(text) <= 2_001, told
    if text.startswith(REFUSAL):
        faults = text.split("\n- ")[1:]
        assert faults, told
        known = {*schema["properties"], *arguments, "the arguments", "cursor", "and"}
        for fault in faults:
            named = fault.removesuffix("…").partition(" ")[0].partition(".")[0]
            assert any(word.partition(" ")[0].partition(".")[0].startswith(named) for word in known), told
    else:
        assert text.startswith(("There is no ", "The Idempotency-Key")), told
    return "refused"


async def fuzz(api: Any, *, seed: int, number: int) -> dict[str, int]:
    """Call every tool; return the number of outcomes of each kind."""
    random_, counts = random.Random(seed), {}
    tools = await Conversation(api.client).tools()
    for name, tool in tools.items():
        for arguments in attempts(tool["inputSchema"], random_, number):
            agent = Conversation(api.client, random_.choice(ERAS))
            came = await judge(agent, name, tool["inputSchema"], arguments)
            counts[came] = counts.get(came, 0) + 1
    return counts


async def test_no_argument_of_any_tool_makes_it_fail(api, caplog):
    with caplog.at_level(logging.ERROR):
        counts = await fuzz(api, seed=1, number=2)
    assert counts["refused"] > counts.get("error", 0)
    assert counts["done"] > 0
    assert [record.getMessage() for record in caplog.records] == []


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_no_argument_of_any_tool_makes_it_fail_many_times_over(api, caplog):
    with caplog.at_level(logging.ERROR):
        await fuzz(api, seed=2, number=60)
    assert [record.getMessage() for record in caplog.records] == []


async def test_no_parameter_of_a_poll_makes_it_fail(api, caplog):
    random_ = random.Random(4)
    (offered, *_) = (await Conversation(api.client).ask("events/list"))["events"]
    await api.emit(offered["name"])
    with caplog.at_level(logging.ERROR):
        for arguments in attempts(offered["inputSchema"], random_, 30):
            cursor = (await Conversation(api.client).ask("events/poll", {"name": offered["name"]}))["cursor"]
            params = {"name": offered["name"], "arguments": arguments, "cursor": cursor, "maxEvents": 5}
            if random_.random() < 0.5:
                params = spoiled(params, random_)
            if not isinstance(params, dict):
                continue
            answer = await Conversation(api.client, random_.choice(ERAS)).send("events/poll", params)
            told = f"{json.dumps(params)[:1500]}\n{answer.status_code} {answer.text[:1500]}"
            assert answer.status_code < 500, told
            message = answer.json()
            assert "result" in message or message["error"]["code"] in {-32602, -32011}, told
    assert [record.getMessage() for record in caplog.records] == []
