"""Bodies that no client makes: every answer is a problem document with 4xx, however deep, broken or long the body is."""

import random

import pytest

DEPTHS = (65, 1_020, 1_100)
OFF_LOOP = b" " * 70_000
"""So many bytes that the body is read outside of the event loop."""
PLACES = (
    b"%b",
    b'{"events":%b}',
    b'{"events":[%b]}',
    b'{"events":[{"type":"client.created","payload":{"first_name":%b}}]}',
    b'{"type":"client.created","payload":%b}',
)
CALLS = ("events/batch", "events", "webhooks/subscriptions", "zapier/hooks")


def nested(depth):
    """Give arrays, objects, and texts that end in the middle."""
    yield b"[" * depth + b"]" * depth
    yield b'{"a":' * depth + b"1" + b"}" * depth
    yield b'[{"a":' * depth
    yield b"]" * depth


async def refused(client, path, body):
    answer = await client.post(f"/api/v1/{path}", content=body, headers={"Content-Type": "application/json"})
    assert 400 <= answer.status_code < 500, (path, body[:200], answer.text)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-request-id"] == answer.json()["request_id"]
    return answer


@pytest.fixture
async def client(lend_hub):
    return (await lend_hub("sqlite", {"limits.enabled": "false"}, dispatch=False)).client


@pytest.mark.parametrize("depth", DEPTHS)
async def test_what_nests_too_deep_is_refused_wherever_it_does(client, depth):
    for inner in nested(depth):
        for place in PLACES:
            for path, padding in (("events/batch", b""), ("events/batch", OFF_LOOP), ("events", OFF_LOOP)):
                answer = await refused(client, path, place % inner + padding)
                assert answer.status_code == 422 or len(inner) > 64 * 1024


async def test_a_filter_in_a_query_that_nests_too_deep_is_refused(client):
    for inner in ("[" * 1_020 + "]" * 1_020, '{"not":' * 500 + "{}" + "}" * 500):
        answer = await client.get("/api/v1/events", params={"filter": inner})
        assert (answer.status_code, answer.json()["errors"][0]["path"]) == (400, "filter")


async def test_garbage_is_refused(client):
    chance = random.Random(41)
    whole = (PLACES[3] % b'"Ann"', PLACES[4] % b'{"a":[1,2.5e3,null,true,"\\u0000"]}', *nested(70))
    for _ in range(300):
        body = bytearray(chance.choice(whole))
        for _ in range(chance.randrange(1, 6)):
            at = chance.randrange(len(body))
            inserted = (b"", b'"', b"\\", b"\xff\xfe", b"[{", b"\0", b"1e999")
            body[at : at + chance.randrange(4)] = chance.choice(inserted)
        await refused(client, chance.choice(CALLS), bytes(body))
