"""Reading requests strictly: JSON, bodies and queries."""

import json
from collections.abc import AsyncIterator
from typing import Annotated, Any
from urllib.parse import parse_qsl, urlencode

import httpx2
import pytest
from fastapi import APIRouter, Body, Depends, FastAPI, Query, Request
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field
from tests.answers import json_of

from trunkline.api import problems
from trunkline.api.requests import LOCATION, QueryModel, StrictRoute, check_query, read_body, read_json
from trunkline.errors import BadQuery, BodyInvalid

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
NUMBERS = st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=20,
)


@given(JSON, st.booleans(), st.sampled_from([None, 1, "\t"]))
def test_any_json_is_read_as_the_standard_library_reads_it(value, ascii_only, indent):
    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent)
    compact, parsed = read_json(text.encode())
    assert parsed == value
    assert json.loads(compact) == value
    assert compact.decode() == json.dumps(value, ensure_ascii=ascii_only, separators=(",", ":"))


@given(st.dictionaries(st.text(':"\\ab', max_size=3), st.text(':"\\ab', max_size=3), min_size=1, max_size=4))
def test_a_key_given_twice_is_always_found_and_only_then(members):
    once = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in members.items()]
    assert read_json(("{" + ", ".join(once) + "}").encode())[1] == members
    with pytest.raises(BodyInvalid, match="twice"):
        read_json(("[{" + ", ".join([*once, once[0]]) + "}]").encode())


def test_an_escaped_colon_does_not_hide_a_repeated_key():
    for body in (b'{"a": 1, "a": "\\u003a"}', b'{"a": 1, "\\u0061": 2}'):
        with pytest.raises(BodyInvalid, match="names the key 'a' twice"):
            read_json(body)


def test_digits_stay_as_they_came():
    body = b' { "a" : 99.00 , "b" : [ 1E5 , -0, 123456789012345678901234567890, 0.1000000000000000000001 ] } '
    assert read_json(body)[0] == body.replace(b" ", b"")


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b'{"a":\n 1,}', "is not valid JSON: trailing comma is not allowed (line 2, column 3)"),
        (b"[NaN]", "is not valid JSON"),
        (b"[-Infinity]", "is not valid JSON"),
        (b"[1e400]", "is not valid JSON: number is infinity"),
        (b"\xff", "is not valid JSON: str is not valid UTF-8"),
        (b'["\xed\xa0\x80"]', "is not valid JSON: str is not valid UTF-8"),
        (b'["\\ud800"]', "is not valid JSON: no low surrogate"),
        (b'["\\udc00"]', "is not valid JSON"),
        (b'["\x00"]', "is not valid JSON"),
        (b"[1] x", "is not valid JSON"),
        (b"\xef\xbb\xbf[]", "BOM"),
        (b"[" * 65 + b"]" * 65, "is nested deeper than 64 levels"),
        (b'{"a":' * 65 + b"1" + b"}" * 65, "is nested deeper than 64 levels"),
        (b"[" * 100_000, "is nested deeper than 64 levels"),
    ],
)
def test_what_is_no_json_is_refused_with_the_reason(body, says):
    with pytest.raises(BodyInvalid) as refused:
        read_json(body)
    assert says in refused.value.detail
    assert refused.value.errors[0].path == ""


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 64 + b"]" * 64,
        b"[" + b"[]," * 500 + b"[]]",
        b'["' + b"[{" * 500 + b'"]',
        b'["\\"' + b"[{" * 500 + b'"]',
    ],
    ids=["64 levels", "wide", "brackets in a string", "brackets after an escaped quote"],
)
def test_nesting_up_to_64_levels_is_read(body):
    assert json.loads(read_json(body)[0]) == json.loads(body)


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (b'{"a": {"b/c": [1, "x\\u0000y"]}}', "/a/b~1c/1"),
        (b'{"a": {"x\\u0000": 1}}', "/a"),
        (b'["\\\\\\u0000"]', "/0"),
        (b'"\\u0000"', ""),
    ],
)
def test_a_nul_is_refused_where_it_stands(body, path):
    with pytest.raises(BodyInvalid, match="NUL") as refused:
        read_json(body)
    assert refused.value.errors[0].path == path


def test_text_that_only_looks_like_an_escaped_nul_is_read():
    assert read_json(b'["\\\\u0000"]')[1] == ["\\u0000"]


class Thing(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str
    amount: float = 0


class Filter(QueryModel):
    channel: str | None = None
    limit: int = Field(default=50, ge=1, le=200)
    status: list[str] = Field(default=[])


class SmallRoute(StrictRoute):
    max_body_bytes = 100


async def paging(page: int = 1) -> int:
    return page


@pytest.fixture
async def client() -> AsyncIterator[httpx2.AsyncClient]:
    router = APIRouter(route_class=SmallRoute)

    @router.get("/things")
    async def list_things(
        query: Annotated[Filter, Query()], page: Annotated[int, Depends(paging)]
    ) -> dict[str, Any]:
        return query.model_dump() | {"page": page}

    @router.get("/plain/{name}")
    async def plain(name: str, q: str = "none") -> list[str]:
        return [name, q]

    @router.post("/things")
    async def create(body: Thing) -> Thing:
        return body

    @router.post("/named", status_code=201, openapi_extra={LOCATION: "/plain/{name}"})
    async def make_named(body: dict[str, str]) -> dict[str, str]:
        return body

    @router.post("/maybe")
    async def maybe(body: Annotated[Thing | None, Body()] = None) -> str:
        return body.name if body else "nobody"

    @router.post("/raw")
    async def raw(request: Request) -> int:
        return len(await read_body(request, limit=50))

    app = FastAPI()
    app.include_router(router, prefix="/api")
    problems.install(app)
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://hub/api") as opened:
        yield opened


@pytest.mark.parametrize(
    "content_type", ["application/json", "text/json; charset=utf-8", "application/ld+json", None]
)
async def test_json_is_read_whatever_kind_of_json_it_says_it_is(client, content_type):
    headers = {"content-type": content_type} if content_type else {}
    answer = json_of(await client.post("/things", content=b'{"name": "a", "amount": 1.5}', headers=headers))
    assert answer == {"name": "a", "amount": 1.5}


async def test_what_says_that_it_is_no_json_is_415(client):
    answer = json_of(await client.post("/things", data={"name": "a"}), 415)
    assert "application/x-www-form-urlencoded" in answer["detail"]


@pytest.mark.parametrize(
    ("content", "path", "says"),
    [
        (b"", "", "is empty"),
        (b'{"name": "a", "name": "b"}', "", "names the key 'name' twice"),
        (b'{"name": "a\\u0000"}', "/name", "NUL"),
        (b'{"name": NaN}', "", "is not valid JSON"),
        (b'{"name": "a", "nme": 1}', "/nme", "not known here; known are name, amount; did you mean 'name'?"),
        (b'{"amount": 1}', "/name", "is required"),
        (b"[]", "", "must be an object"),
    ],
)
async def test_a_wrong_body_is_422_at_its_pointer(client, content, path, says):
    headers = {"content-type": "application/json"}
    fault = json_of(await client.post("/things", content=content, headers=headers), 422)["errors"][0]
    assert fault["path"] == path
    assert says in fault["message"]


async def test_an_optional_body_may_be_left_out_and_is_otherwise_read_strictly(client):
    assert (await client.post("/maybe")).json() == "nobody"
    assert (await client.post("/maybe", json={"name": "a"})).json() == "a"
    assert (await client.post("/maybe", content=b'{"name": "a", "name": "b"}')).status_code == 422


async def in_pieces(size: int, count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield b" " * size


async def test_a_body_over_the_limit_is_413_announced_or_not(client):
    assert (await client.post("/things", content=b'{"name": "a"}' + b" " * 87)).status_code == 200
    assert (await client.post("/things", content=b'{"name": "a"}' + b" " * 88)).status_code == 413
    assert (await client.post("/things", content=in_pieces(30, 4))).status_code == 413
    assert (await client.post("/raw", content=in_pieces(25, 2))).json() == 50
    assert "50 bytes" in json_of(await client.post("/raw", content=in_pieces(25, 3)), 413)["detail"]


async def test_reading_stops_at_the_limit():
    asked = 0

    async def receive() -> dict[str, Any]:
        nonlocal asked
        asked += 1
        return {"type": "http.request", "body": b"x" * 40, "more_body": True}

    request = Request({"type": "http", "headers": []}, receive)
    with pytest.raises(Exception, match="larger than the 100 bytes"):
        await read_body(request, limit=100)
    assert asked == 3


async def test_an_empty_query_value_counts_as_absent(client):
    answer = await client.get("/things?channel=&limit=&page=&&")
    assert answer.json() == {"channel": None, "limit": 50, "status": [], "page": 1}


async def test_query_values_reach_the_route_as_they_were_sent(client):
    answer = await client.get("/things?channel=a%26b%3D+c&limit=7&status=x&status=y&page=2")
    assert answer.json() == {"channel": "a&b= c", "limit": 7, "status": ["x", "y"], "page": 2}


@pytest.mark.parametrize(
    ("query", "name", "says"),
    [
        ("colour=red", "colour", "is not known here; known are channel, limit, status, page"),
        ("colour=", "colour", "is not known here"),
        ("limits=1", "limits", "known are channel, limit, status, page; did you mean 'limit'?"),
        ("colour", "colour", "is not known here"),
        ("limit=1&limit=2", "limit", "is given more than once"),
        ("channel=a%00b", "channel", "NUL"),
        ("channel=%ff", "channel", "is not UTF-8"),
        ("limit=%D9%A7", "limit", "written in digits"),
        ("limit=%2B5", "limit", "written in digits"),
        ("limit=1_0", "limit", "written in digits"),
        ("limit=201", "limit", "must be 200 at most, not '201'"),
    ],
)
async def test_a_wrong_query_is_400_and_names_the_parameter(client, query, name, says):
    answer = json_of(await client.get(f"/things?{query}"), 400)
    assert answer["errors"][0]["path"] == name
    assert says in answer["errors"][0]["message"]


async def test_a_route_without_parameters_says_that_it_has_none(client):
    assert "this call has none" in json_of(await client.post("/raw?x=1"), 400)["detail"]


async def test_a_nul_in_a_path_leads_nowhere(client):
    assert (await client.get("/plain/a%00b")).status_code == 404
    assert (await client.get("/plain/ab?q=1")).json() == ["ab", "1"]


VALUES = st.text(st.characters(exclude_categories=["Cs"]))


@given(st.lists(st.tuples(st.sampled_from(["a", "b c", "é"]), VALUES)))
def test_a_checked_query_keeps_every_value_or_names_the_fault(pairs):
    names = {"a": True, "b c": True, "é": True}
    query = urlencode(pairs).encode()
    if any("\0" in value for _, value in pairs):
        with pytest.raises(BadQuery, match="NUL"):
            check_query(query, names)
        return
    kept = parse_qsl(check_query(query, names).decode())
    assert sorted(kept) == sorted((name, value) for name, value in pairs if value)


@pytest.mark.parametrize("path", ["/metrics", "/api/v1/me", "/docs", "/portal/sign-in"])
async def test_a_path_that_ends_with_a_line_break_is_another_one(api, path):
    assert (await api.client.get(path)).status_code == 200
    assert f"{path}%0A" in json_of(await api.client.get(f"{path}%0A"), 404)["detail"]


@pytest.mark.parametrize("name", ["Jane", "a b", "Łódź", "a?b#c", "a\r\nx-evil: 1"])
async def test_the_address_of_a_new_record_may_hold_any_text(client, name):
    made = await client.post("/named", json={"name": name})
    assert (made.status_code, made.headers.get("x-evil")) == (201, None)
    assert (await client.get(made.headers["location"])).json()[0] == name
