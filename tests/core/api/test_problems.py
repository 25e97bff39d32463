"""Every fault as a problem document, and the headers of every answer."""

import asyncio
import errno
import inspect
import logging
from collections.abc import AsyncIterator
from typing import Annotated

import httpx2
import pytest
from fastapi import FastAPI, Path, Query
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field
from tests.answers import json_of

from trunkline import errors
from trunkline.api import problems
from trunkline.api.problems import refusal_of
from trunkline.errors import (
    FieldError,
    ProviderFailed,
    Refused,
    StoreUnavailable,
    TrunklineError,
    WritesRefused,
)

REFUSALS: list[Refused] = [
    errors.Refused("No."),
    errors.BadQuery.parameter("limit", "is too large"),
    errors.BadCursor(),
    errors.RequestMalformed.header("Host", "is missing"),
    errors.CursorExpired("2026-01-28T10:30:00Z"),
    errors.CursorUnknown(),
    errors.PageLeaseLost("billing"),
    errors.Unauthenticated("No key."),
    errors.Forbidden.scope_missing("admin"),
    errors.NotFound("event", 7),
    errors.CompanyUnknown("acme"),
    errors.CompanyErased(92),
    errors.Conflict("No."),
    errors.IdempotencyConflict("a"),
    errors.LimitReached("keys", 100, things="API keys", remedy="revoke one first"),
    errors.TooManySubscriptions(100),
    errors.BodyTooLarge(10),
    errors.BodyInvalid([FieldError("/a", "is missing"), FieldError("/b", "is odd")]),
    errors.EventRejected([FieldError("/payload/amount", "is required")]),
    errors.FilterTooDear(12_300, 10_000),
    errors.TargetRefused("is private"),
    errors.TooMuchAtOnce("long polls", limit=100, retry_after_seconds=5),
    errors.RateLimited(bucket="read", limit=60, retry_after_seconds=9),
    errors.TooFast("events_per_second", 10, pace="events a second", retry_after_seconds=3),
    errors.KeysTooFast(30),
    errors.RequestTimeout("body"),
    errors.HeadTooLarge(16_384),
    errors.CodingUnknown("br"),
    errors.PreconditionFailed(),
    errors.Overloaded("All is taken", retry_after_seconds=5),
    errors.MachineExhausted("No files", retry_after_seconds=1),
    errors.Stopping(retry_after_seconds=1),
    errors.ProviderRefused(418, "No tea."),
]


class Item(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str = Field(max_length=3)
    tags: list[int] = []


class OfAPlugin(errors.Conflict):
    title = "Of a plugin"


OTHERS: dict[str, BaseException] = {
    "store": StoreUnavailable("SELECT secret FROM table"),
    "full": WritesRefused("the disk is full", remedy="free space", answer="SELECT secret FROM table"),
    "provider": ProviderFailed("create_lead", "the provider failed"),
    "plugin": OfAPlugin("No."),
    "bug": RuntimeError("SELECT secret FROM table"),
    "cancelled": asyncio.CancelledError("SELECT secret FROM table"),
    "memory": MemoryError(),
    "files": OSError(errno.EMFILE, "Too many open files"),
    "threads": RuntimeError("can't start new thread"),
}


def make_app() -> FastAPI:
    app = FastAPI()

    @app.get("/raise/{name}")
    async def raise_it(name: str) -> None:
        if name in OTHERS:
            raise OTHERS[name]
        raise next(error for error in REFUSALS if type(error).__name__ == name)

    @app.get("/items/{item_id}")
    async def item(item_id: Annotated[int, Path(ge=1)], limit: Annotated[int, Query(le=9)] = 1) -> int:
        return item_id + limit

    @app.post("/items")
    async def create(body: Item) -> Item:
        return body

    @app.get("/half")
    async def half() -> StreamingResponse:
        async def content() -> AsyncIterator[bytes]:
            yield b"half"
            raise RuntimeError("in the middle")

        return StreamingResponse(content())

    problems.install(app)
    return app


@pytest.fixture
async def client() -> AsyncIterator[httpx2.AsyncClient]:
    transport = httpx2.ASGITransport(app=make_app())
    async with httpx2.AsyncClient(transport=transport, base_url="http://hub") as opened:
        yield opened


def test_every_refusal_has_a_place_in_the_table_and_a_name_of_its_own():
    kinds = {
        kind
        for _, kind in inspect.getmembers(errors, inspect.isclass)
        if issubclass(kind, Refused | StoreUnavailable | ProviderFailed)
    }
    assert (
        set(problems.TYPES)
        == kinds - {WritesRefused}  # a caller need not distinguish it from its base
        == {type(error) for error in REFUSALS} | {StoreUnavailable, ProviderFailed}
    )
    assert len(set(problems.TYPES.values())) == len(problems.TYPES)
    assert all(issubclass(kind, TrunklineError) for kind in problems.TYPES)


@pytest.mark.parametrize("error", REFUSALS, ids=lambda error: type(error).__name__)
async def test_a_refusal_is_answered_with_its_own_facts(client, error):
    answer = await client.get(f"/raise/{type(error).__name__}")
    assert answer.status_code == error.status
    assert answer.headers["content-type"] == "application/problem+json"
    expected = {
        "type": f"urn:trunkline:problem:{problems.TYPES[type(error)]}",
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
        "request_id": answer.headers["x-request-id"],
    }
    if error.errors:
        expected["errors"] = [{"path": fault.path, "message": fault.message} for fault in error.errors]
    assert answer.json() == expected
    assert answer.headers.get("retry-after") == error.headers.get("Retry-After")


LACKING = "no memory, file or thread left for the request, which may or may not"


@pytest.mark.parametrize(
    ("name", "status", "kind", "says"),
    [
        ("plugin", 409, "conflict", "No."),  # the type of its nearest relative
        (
            "store",
            503,
            "store-unavailable",
            "The database does not answer; a change may or may not have been stored.",
        ),
        ("full", 503, "store-unavailable", "The disk is full; nothing was stored. Try again in 5 s."),
        ("provider", 502, "provider-failed", "'create_lead' could not be carried out: the provider failed."),
        ("memory", 503, "machine-exhausted", LACKING),
        ("files", 503, "machine-exhausted", LACKING),
        ("threads", 503, "machine-exhausted", LACKING),
    ],
)
async def test_another_failure_has_the_status_and_the_type_of_its_kind(client, name, status, kind, says):
    answer = await client.get(f"/raise/{name}")
    problem = json_of(answer, status)
    assert (problem["type"], problem["status"]) == (f"urn:trunkline:problem:{kind}", status)
    assert (problem["title"] == "Of a plugin") is (name == "plugin")
    assert says in problem["detail"]
    assert "SELECT" not in answer.text
    assert answer.headers.get("retry-after") == ("5" if status == 503 else None)


@pytest.mark.parametrize("name", ["bug", "cancelled"])
async def test_what_nobody_foresaw_is_a_neutral_500_logged_once(client, caplog, name):
    with caplog.at_level(logging.INFO):
        answer = await client.get(f"/raise/{name}", headers={"X-Request-Id": "mine-1"})
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-request-id"] == answer.json()["request_id"] == "mine-1"
    assert "SELECT" not in answer.text
    assert "Traceback" not in answer.text
    (logged,) = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert "mine-1" in logged.getMessage()
    assert logged.exc_info is not None


async def test_an_answer_that_breaks_off_is_logged_and_not_mended(caplog):
    sent: list[dict[str, object]] = []

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    scope = {"type": "http", "asgi": {"spec_version": "2.4"}, "method": "GET", "path": "/half"}
    scope |= {"http_version": "1.1", "query_string": b"", "headers": [(b"host", b"hub")]}
    await make_app()(scope, receive, send)
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]
    assert len([record for record in caplog.records if record.levelno >= logging.ERROR]) == 1


@pytest.mark.parametrize(
    ("method", "path", "status", "says"),
    [
        ("GET", "/nowhere", 404, "nothing at this address"),
        ("DELETE", "/items", 405, "does not take DELETE; it takes POST"),
        ("GET", "/items", 404, "nothing to read at this address; it takes POST"),
        ("GET", "/items/x", 404, "There is no record 'x' here."),
        ("GET", "/items/0", 404, "There is no record '0' here."),
        ("GET", "/items/1?limit=10", 400, "'limit' must be 9 at most, not '10'"),
        ("GET", "/items/1?limit=x", 400, "'limit' must be a whole number, not 'x'"),
    ],
)
async def test_wrong_addresses_and_parameters_are_named(client, method, path, status, says):
    answer = await client.request(method, path)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert says in answer.json()["detail"]
    assert (answer.headers.get("allow") == "POST") == (status == 405)


async def test_every_fault_of_a_body_has_its_pointer(client):
    answer = json_of(await client.post("/items", json={"name": "long", "tags": [1, "x"], "a/b~c": 1}), 422)
    assert {fault["path"]: fault["message"] for fault in answer["errors"]} == {
        "/name": "must have 3 characters at most",
        "/tags/1": "must be a whole number, not 'x'",
        "/a~1b~0c": "is not known here; known are name, tags",
    }
    missing = await client.post("/items", json={})
    assert missing.json()["errors"] == [{"path": "/name", "message": "is required"}]


def test_a_header_at_fault_is_called_one():
    refusal = refusal_of([{"type": "missing", "loc": ("header", "X-Thing"), "msg": "Field required"}])
    assert (refusal.status, refusal.detail) == (400, "The header 'X-Thing' is required.")


@pytest.mark.parametrize("name", ["Host", "Authorization", "X-Api-Key", "X-Company-Id", "Idempotency-Key"])
async def test_a_header_that_may_stand_there_once_is_refused_twice(client, name):
    answer = await client.get("/items/1", headers=[("Host", "hub"), (name, "a"), (name.lower(), "a")])
    problem = answer.json()
    assert (answer.status_code, problem["type"]) == (400, "urn:trunkline:problem:request-malformed")
    assert problem["errors"] == [{"path": name, "message": "is given more than once; send it once"}]
    assert problem["request_id"] == answer.headers["x-request-id"]


@pytest.mark.parametrize(
    ("given", "kept"), [("abc-1_2.Z", True), ("a" * 64, True), ("a" * 65, False), ("a b", False)]
)
async def test_a_clients_request_id_is_kept_where_it_is_well_formed(client, given, kept):
    answer = await client.get("/items/1", headers={"X-Request-Id": given})
    assert (answer.headers["x-request-id"] == given) is kept
    assert answer.headers["x-request-id"]


async def test_made_request_ids_differ(client):
    answers = [await client.get("/items/1") for _ in range(3)]
    assert len({answer.headers["x-request-id"] for answer in answers}) == 3


def test_openapi_gets_a_problem_per_status():
    described = problems.responses(404, 422)
    assert list(described) == [404, 422]
    assert described[404]["content"] == {
        "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
    }


async def test_an_answer_names_fifty_faults_and_counts_the_rest(api):
    events = [{"type": "no.such", "payload": {}}] * 1000
    problem = json_of(await api.client.post("/api/v1/events/batch", json={"events": events}), 422)
    assert [fault["path"] for fault in problem["errors"]] == [f"/events/{n}/type" for n in range(50)]
    assert problem["more_errors"] == 950


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("webhooks/subscriptions", {"filter": {"payload.client_id": {"in": ["x"] * 1000}}}),
        ("events", {"type": "client.created", "payload": {f"x{number}": 1 for number in range(1000)}}),
    ],
    ids=["filter", "payload"],
)
async def test_checking_ends_with_the_fault_after_the_fiftieth_and_the_answer_says_so(api, path, body):
    if "filter" in body:
        body |= {"target_url": "https://example.com/", "event_types": ["client.created"]}
    problem = (await api.client.post(f"/api/v1/{path}", json=body)).json()
    assert (problem["status"], len(problem["errors"]), problem["more_errors"]) == (422, 50, 1)
    assert "(and at least 50 more)" in problem["detail"]


@pytest.mark.parametrize(
    "unknown", [{f"x{n}": 1 for n in range(10_000)}, {"x" * 100_000: 1}], ids=["many", "a long one"]
)
async def test_unknown_fields_give_a_short_answer(api, unknown):
    event = {"type": "payment.failed", "payload": {}} | unknown
    answer = await api.client.post("/api/v1/events/batch", json={"events": [event] * 10})
    assert answer.status_code == 422
    assert len(answer.content) < 25_000
    assert answer.json()["errors"][0]["path"].startswith("/events/0/x")


async def test_a_body_of_very_many_values_is_refused_before_it_is_walked_through(api):
    body = b'{"events":[' + b",".join([b"[[1]]"] * 1_000_001) + b"]}"
    headers = {"Content-Type": "application/json"}
    answer = json_of(await api.client.post("/api/v1/events/batch", content=body, headers=headers), 422)
    assert answer["errors"] == [{"path": "", "message": "holds more than 2,000,000 values"}]
