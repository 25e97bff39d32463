"""Gzip in both directions, HEAD for every GET, and CORS by a setting."""

import asyncio
import gzip
import json
import zlib

import pytest
from tests.payloads import PAID

from trunkline.api import codings

EVENT = {"type": "payment.succeeded", "payload": PAID | {"payment_amount": 149999.99}}
GZIPPED = {"Content-Encoding": "gzip", "Content-Type": "application/json"}


def problem(answer, status: int) -> str:
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    return answer.json()["detail"]


@pytest.mark.parametrize("path", ["/api/v1/events", "/api/v1/webhooks/subscriptions"])
async def test_a_compressed_body_is_read_on_every_route(api, path):
    hook = {"target_url": "https://example.com/gzip", "event_types": ["*"]}
    body = EVENT if path.endswith("events") else hook
    answer = await api.client.post(path, content=gzip.compress(json.dumps(body).encode()), headers=GZIPPED)
    assert answer.status_code == 201


async def test_a_body_that_inflates_beyond_the_limit_is_refused(api):
    bomb = gzip.compress(b'{"type": "' + b"a" * 50_000_000 + b'"}')
    assert len(bomb) < 60_000
    for path in ("/api/v1/events", "/api/v1/webhooks/subscriptions"):
        answer = await api.client.post(path, content=bomb, headers=GZIPPED)
        assert "larger than" in problem(answer, 413)


async def test_others_have_their_turn_while_a_body_is_inflated():
    scope, turns = {"type": "http", "method": "POST", "headers": []}, 0

    async def receive():
        return {"type": "http.request", "body": gzip.compress(bytes(2**24)), "more_body": False}

    async def take_turns():
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    other = asyncio.create_task(take_turns())
    _, inflated, _ = codings.applied(scope, receive, receive, {b"content-encoding": b"gzip"})
    pieces = 1
    while (await inflated())["more_body"]:
        pieces += 1
    other.cancel()
    assert pieces >= 2**24 / codings.PIECE_BYTES
    assert turns >= pieces - 2


@pytest.mark.parametrize(
    "body",
    [b"{}", gzip.compress(b"{}")[:-4], gzip.compress(b"{}") + b"x", zlib.compress(b"{}"), b""],
    ids=["plain", "cut", "longer", "zlib", "empty"],
)
async def test_a_body_that_is_not_gzip_is_refused(api, body):
    answer = await api.client.post("/api/v1/events", content=body, headers=GZIPPED)
    assert "not one whole gzip member" in problem(answer, 400)


@pytest.mark.parametrize("padding", [b"\0\0\0\xff\xff", b"x"], ids=["empty-blocks", "endless-file-name"])
@pytest.mark.parametrize("path", ["/api/v1/events", "/oauth/token"])
async def test_a_gzip_body_that_never_holds_anything_is_refused(api, path, padding):
    async def endless():
        yield b"\x1f\x8b\x08%b\0\0\0\0\0\xff" % (b"\x08" if padding == b"x" else b"\0")
        for _ in range(200):
            yield padding * 2**13
        pytest.fail("the hub has read megabytes of nothing")

    form = {"Content-Type": "application/x-www-form-urlencoded"} if path == "/oauth/token" else {}
    headers = {**GZIPPED, **form, **api.client.headers}
    answer = await api.anonymous.post(path, content=endless(), headers=headers)
    assert "more than what it holds" in answer.text
    assert answer.status_code == 400


async def test_another_coding_is_refused_with_the_one_that_is_read(api):
    answer = await api.client.post("/api/v1/events", content=b"{}", headers={"Content-Encoding": "br"})
    assert problem(answer, 415) == "The header Content-Encoding must be gzip, or absent, not 'br'."
    assert answer.headers["accept-encoding"] == "gzip"


async def test_a_long_answer_is_compressed_for_whoever_takes_it(api):
    whole = await api.client.get("/api/v1/event-types", headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in whole.headers
    answer = await api.client.get("/api/v1/event-types", headers={"Accept-Encoding": "br, gzip;q=0.5"})
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["vary"] == "Accept-Encoding"
    assert int(answer.headers["content-length"]) < int(whole.headers["content-length"]) / 2
    assert answer.content == whole.content
    for accepted in ("gzip;q=0", "deflate"):
        plain = await api.client.get("/api/v1/event-types", headers={"Accept-Encoding": accepted})
        assert "content-encoding" not in plain.headers
    short = await api.client.get("/api/v1/me", headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in short.headers
    page = await api.anonymous.get("/docs", headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in page.headers, "a secret in a page could be guessed by its length"


async def test_head_answers_wherever_get_does(api):
    calls = ("/api/v1/me", "/api/v1/events/sample", "/api/v1/event-types")
    for path in ("/healthz", *calls, "/openapi.json", "/portal/sign-in"):
        got = await api.client.get(path, headers={"Accept-Encoding": "identity"})
        head = await api.client.head(path, headers={"Accept-Encoding": "identity"})
        assert (head.status_code, head.content) == (got.status_code, b""), path
        assert head.headers["content-length"] == got.headers["content-length"], path
    assert (await api.client.head("/api/v1/events/test")).status_code == 404


async def test_web_pages_may_call_the_api_only_from_the_origins_of_the_setting(
    api, sqlite_database_url, make_hub
):
    origin = {"Origin": "https://app.example.com"}
    answer = await api.client.get("/api/v1/me", headers=origin)
    assert "access-control-allow-origin" not in answer.headers
    hub = await make_hub(sqlite_database_url, {"server.cors_origins": origin["Origin"]}, dispatch=False)
    wish = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x-api-key"}
    asked = await hub.anonymous.options("/api/v1/events", headers=origin | wish)
    assert (asked.status_code, asked.headers["access-control-allow-origin"]) == (200, origin["Origin"])
    refused = await hub.anonymous.get("/api/v1/me", headers=origin)
    assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (401, origin["Origin"])
    assert refused.headers["www-authenticate"]
    other = await hub.client.get("/api/v1/me", headers={"Origin": "https://elsewhere.example.com"})
    assert "access-control-allow-origin" not in other.headers
