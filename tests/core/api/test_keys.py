"""Keys over HTTP, and their checks on every route: authentication, limits, scopes, companies."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Annotated

import httpx2
import pytest
from fastapi import APIRouter, Depends, FastAPI
from openapi_spec_validator import validate
from pydantic import BaseModel, Field
from tests.answers import json_of, paths
from tests.databases import limits_over

from trunkline.access.key_service import KeyService
from trunkline.access.keys import COMPANY_SCOPES, Keys
from trunkline.access.limits import Limits
from trunkline.access.vault import Vault
from trunkline.api import problems
from trunkline.api.keys import KeyHandlers
from trunkline.api.requests import StrictRoute
from trunkline.api.routing import bind
from trunkline.api.security import Caller, requires
from trunkline.contract import BearerRequest, Routes
from trunkline.model.principals import Principal
from trunkline.plugins.route_values import check_routes
from trunkline.settings import Limits as LimitSettings
from trunkline.store.database import Database
from trunkline.store.directory import CompanyDirectory

VAULT = Vault(pepper="p" * 32, encryption_key="k" * 32)
LIMIT_HEADERS = {f"x-ratelimit-{name}" for name in ("limit", "remaining", "reset", "window", "policy")}
START = 28_000_000 * 60


class Thing(BaseModel):
    name: str
    company: int | None = Field(default=None, alias="companyId")


class Tokens:
    """Knows one token, of company 92."""

    principal = Principal("grant_1", 92, "An app", frozenset({"events:read"}))

    async def authenticate(self, request: BearerRequest) -> Principal | None:
        return self.principal if request.token == "known-token" else None

    async def find(self, principal_id: str) -> Principal | None:
        return self.principal if principal_id == self.principal.key_id else None

    async def describe_end(self, principal_id: str) -> list[str]:
        return []


@dataclass
class TestHub:
    __test__ = False

    keys: Keys
    key_service: KeyService
    limits: Limits
    tokens: Tokens
    directory: CompanyDirectory
    issuer: None = None
    secrets: dict[str, str] = field(default_factory=dict)


def make_app(hub: TestHub) -> FastAPI:
    router = APIRouter(prefix="/api/v1", route_class=StrictRoute)

    @router.post("/things")
    async def create(
        body: Thing, caller: Annotated[Caller, Depends(requires("events:write", bucket="write"))]
    ) -> int:
        return caller.company_for(body.company)

    @router.get("/things")
    async def list_things(caller: Annotated[Caller, Depends(requires("events:read"))], page: int = 1) -> int:
        return caller.company_id

    app = FastAPI()
    app.state.hub = hub
    app.include_router(router)
    app.include_router(bind(KeyHandlers(hub.key_service, subscriptions=None), prefix="/api/v1"))
    problems.install(app)
    return app


@pytest.fixture
async def hub(sqlite_database: Database) -> AsyncIterator[TestHub]:
    settings = LimitSettings(read="5/minute", write="3/minute", admin="4/minute")
    limits = limits_over(sqlite_database)
    async with Keys(sqlite_database, vault=VAULT, prefix="wlcro", limits=limits) as keys:
        tokens = Tokens()
        hub = TestHub(
            keys,
            KeyService(keys, find_other=tokens.find, describe_end=tokens.describe_end),
            Limits(settings, now=lambda: START + 20.5),
            tokens,
            CompanyDirectory(sqlite_database),
        )
        for name, company_id, scopes in (
            ("operator", None, ["operator"]),
            ("all", 92, COMPANY_SCOPES),
            ("reader", 92, ["events:read"]),
            ("other", 93, COMPANY_SCOPES),
        ):
            hub.secrets[name] = (await keys.create(company_id, name=name, scopes=scopes))[1]
        yield hub


@pytest.fixture
async def client(hub: TestHub) -> AsyncIterator[httpx2.AsyncClient]:
    transport = httpx2.ASGITransport(app=make_app(hub))
    async with httpx2.AsyncClient(transport=transport, base_url="http://hub/api/v1") as opened:
        yield opened


def as_(hub: TestHub, name: str, **headers: str) -> dict[str, str]:
    return {"X-Api-Key": hub.secrets[name]} | {key.replace("_", "-"): value for key, value in headers.items()}


def limit_headers(answer: httpx2.Response) -> set[str]:
    return {name.lower() for name in answer.headers if name.lower().startswith("x-ratelimit")}


async def test_me_tells_whose_key_it_is(client, hub):
    answer = json_of(await client.get("/me", headers=as_(hub, "reader")))
    assert answer == {"company_id": 92, "key_name": "reader", "scopes": ["events:read"]}
    operator = await client.get("/me", headers=as_(hub, "operator"))
    assert operator.json() == {"company_id": None, "key_name": "operator", "scopes": ["operator"]}


async def test_a_key_may_come_as_a_bearer_token(client, hub):
    token = hub.secrets["reader"]
    for headers in (
        {"Authorization": f"Bearer {token}"},
        {"Authorization": f"bearer  {token}"},
        as_(hub, "reader"),
    ):
        answer = await client.get("/things", headers=headers)
        assert (answer.status_code, answer.json()) == (200, 92), headers
        assert limit_headers(answer) == LIMIT_HEADERS


async def test_a_token_that_a_plugin_knows_is_as_good_as_a_key(client, hub):
    known = {"Authorization": "Bearer known-token"}
    answer = await client.get("/me", headers=known)
    assert answer.json() == {"company_id": 92, "key_name": "An app", "scopes": ["events:read"]}
    assert limit_headers(answer) == LIMIT_HEADERS
    assert (await client.post("/things", json={"company": 92}, headers=known)).status_code == 403
    assert (await client.get("/me", headers={"X-Api-Key": "known-token"})).status_code == 401
    assert (await client.get("/me", headers=known | as_(hub, "other"))).json()["company_id"] == 93
    assert (await hub.key_service.principal("grant_1")) is Tokens.principal
    assert (await hub.key_service.principal("grant_2")) is None


@pytest.mark.parametrize(
    ("headers", "challenge"),
    [
        ({}, "Bearer"),
        ({"Authorization": "Bearer"}, "Bearer"),
        ({"Authorization": "Basic eDp5"}, "Bearer"),
        ({"Authorization": "Bearer x y"}, "Bearer"),
        ({"Authorization": "Bearer x"}, 'Bearer error="invalid_token"'),
        ({"Authorization": "Bearer wlcro_live_92_" + "A" * 43}, 'Bearer error="invalid_token"'),
        ({"X-Api-Key": "x"}, 'Bearer error="invalid_token"'),
        ({"X-Api-Key": "wlcro_live_92_" + "A" * 43}, 'Bearer error="invalid_token"'),
    ],
)
async def test_without_a_valid_key_or_token_it_is_401_with_a_challenge(client, headers, challenge):
    for answer in (
        await client.get("/things", headers=headers),
        await client.get("/things?unknown=1", headers=headers),
        await client.post("/things", content=b"no json", headers=headers),
    ):
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, challenge)
        assert answer.json()["type"] == "urn:trunkline:problem:unauthenticated"
        assert not limit_headers(answer)


async def test_a_call_without_the_scope_is_403_and_the_challenge_names_it(client, hub):
    for headers in (as_(hub, "reader"), {"Authorization": "Bearer known-token"}):
        answer = await client.post("/things", json={"company": 92}, headers=headers)
        challenge = 'Bearer error="insufficient_scope", scope="events:write"'
        assert (answer.status_code, answer.headers["www-authenticate"]) == (403, challenge)


async def test_every_answer_to_a_companys_key_shows_its_limit(client, hub):
    answers = [
        await client.get("/things", headers=as_(hub, "all")),
        await client.get("/things?unknown=1", headers=as_(hub, "all")),
        await client.get("/things", headers=as_(hub, "all", X_Company_Id="93")),
        await client.get("/things?page=x", headers=as_(hub, "all")),
    ]
    assert [answer.status_code for answer in answers] == [200, 400, 403, 400]
    assert [answer.headers["x-ratelimit-remaining"] for answer in answers] == ["4", "3", "2", "1"]
    writes = [
        await client.post("/things", content=b'{"name": "a", "name": "b"}', headers=as_(hub, "all")),
        await client.post("/things", json={"name": "a"}, headers=as_(hub, "all")),
        await client.post("/things", json={"name": "a"}, headers=as_(hub, "reader")),
    ]
    assert [answer.status_code for answer in writes] == [422, 200, 403]
    assert [answer.headers["x-ratelimit-remaining"] for answer in writes] == ["2", "1", "2"]
    assert all(limit_headers(answer) == LIMIT_HEADERS for answer in answers + writes)
    told = [writes[0].headers[f"x-ratelimit-{name}"] for name in ("policy", "window", "reset")]
    assert told == ["write:3/1m", "1m", str(START + 60)]


@pytest.mark.own_hub(settings={"limits.enabled": "true", "limits.read": "3/minute"})
async def test_an_answer_that_no_route_gives_shows_the_limit_too(api):
    base = "/api/v1"
    answers = [
        await api.client.post(f"{base}/events", content=b"{}", headers={"content-type": "text/plain"}),
        await api.client.post(f"{base}/events", content=b"{}", headers={"content-encoding": "br"}),
        await api.client.delete(f"{base}/me"),
        await api.client.get(f"{base}/nothing"),
        await api.client.post(f"{base}/nothing"),
        await api.client.get(f"{base}/nothing"),
    ]
    assert [answer.status_code for answer in answers] == [415, 415, 405, 404, 404, 429]
    assert all(limit_headers(answer) == LIMIT_HEADERS for answer in answers)
    strangers = [
        await api.anonymous.delete(f"{base}/me"),
        await api.anonymous.get(f"{base}/nothing", headers={"X-Api-Key": "wlcro_live_92_no"}),
    ]
    assert [answer.status_code for answer in strangers] == [405, 404]
    assert not any(map(limit_headers, strangers))


async def test_over_the_limit_it_is_429_with_each_header_once(client, hub):
    for _ in range(5):
        assert (await client.get("/me", headers=as_(hub, "all"))).status_code == 200
    answer = await client.get("/me", headers=as_(hub, "all"))
    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "40"
    assert answer.headers["x-ratelimit-remaining"] == "0"
    names = [name.lower() for name, _ in answer.headers.multi_items()]
    assert sorted(name for name in names if name.startswith("x-ratelimit")) == sorted(LIMIT_HEADERS)


async def test_an_operator_is_not_limited_and_sees_no_limit(client, hub):
    answers = [await client.get("/me", headers=as_(hub, "operator")) for _ in range(8)]
    assert {answer.status_code for answer in answers} == {200}
    assert not any(limit_headers(answer) for answer in answers)


@pytest.mark.parametrize(
    ("who", "header", "status"),
    [
        ("all", None, 92),
        ("all", "92", 92),
        ("all", "93", 403),
        ("all", "x", 403),
        ("operator", "7", 7),
        ("operator", None, 400),
        ("operator", "", 400),
        ("operator", "0", 0),
        ("operator", "-1", 400),
        ("operator", "+7", 400),
        ("operator", "9223372036854775807", 9223372036854775807),
        ("operator", "9223372036854775808", 400),
    ],
)
async def test_the_company_is_the_keys_or_the_one_an_operator_names(client, hub, who, header, status):
    headers = as_(hub, who) | ({} if header is None else {"X-Company-Id": header})
    answer = await client.get("/things", headers=headers)
    if answer.status_code == 200:
        assert answer.json() == status
    else:
        assert answer.status_code == status
        assert "X-Company-Id" in answer.json()["detail"] or status == 403


@pytest.mark.parametrize(
    ("who", "header", "body", "expected"),
    [
        ("all", None, None, 92),
        ("all", None, 92, 92),
        ("all", None, 93, 403),
        ("operator", None, 7, 7),
        ("operator", "7", None, 7),
        ("operator", "7", 7, 7),
        ("operator", "7", 8, 422),
        ("operator", None, None, 400),
    ],
)
async def test_a_body_may_name_the_company_too(  # noqa: PLR0917
    client, hub, who, header, body, expected
):
    headers = as_(hub, who) | ({} if header is None else {"X-Company-Id": header})
    answer = await client.post("/things", json={"name": "a", "companyId": body}, headers=headers)
    assert (answer.json() if answer.status_code == 200 else answer.status_code) == expected


async def test_another_company_than_the_headers_is_refused_at_the_field_that_names_it(client, hub):
    headers = as_(hub, "operator") | {"X-Company-Id": "7"}
    for path in ("/company_id", "/companyId"):
        call, body = ("/keys", {"scopes": ["events:read"]}) if path == "/company_id" else ("/things", {})
        refused = await client.post(call, json={"name": "a", path[1:]: 8, **body}, headers=headers)
        assert (refused.status_code, paths(refused)) == (422, [path])


async def test_an_operator_makes_a_companys_key_which_then_works(client, hub):
    asked = {"company_id": 7, "name": "Zapier", "scopes": ["events:read"]}
    made = json_of(await client.post("/keys", json=asked, headers=as_(hub, "operator")), 201)
    key = made["key"]
    never = dict.fromkeys(("last_used_utc", "revoked_utc", "expires_utc"))
    assert made == {name: made[name] for name in ("id", "created_utc", "key")} | asked | never | {
        "last4": key[-4:],
        "created_by": {"kind": "operator", "id": (await hub.key_service.list(0))[0]["id"]},
        "allowed_networks": [],
    }
    me = await client.get("/me", headers={"X-Api-Key": key})
    assert me.json() == {"company_id": 7, "key_name": "Zapier", "scopes": ["events:read"]}


async def test_a_company_makes_no_keys(client, hub):
    body = {"company_id": 92, "name": "x", "scopes": ["admin"]}
    answer = await client.post("/keys", json=body, headers=as_(hub, "all"))
    assert "'operator'" in json_of(answer, 403)["detail"]
    assert answer.headers["x-ratelimit-policy"] == "admin:4/1m"


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"scopes": ["admin", "events:reed"]}, "/scopes/1"),
        ({"scopes": []}, "/scopes"),
        ({"scopes": ["operator"]}, "/scopes/0"),
        ({"company_id": -1}, "/company_id"),
        ({"company_id": "92"}, "/company_id"),
        ({"company_id": 2**63}, "/company_id"),
        ({"name": ""}, "/name"),
        ({"nme": "x"}, "/nme"),
    ],
)
async def test_a_wrong_key_request_is_422_at_its_field(client, hub, change, path):
    body = {"company_id": 92, "name": "x", "scopes": ["admin"]} | change
    answer = json_of(await client.post("/keys", json=body, headers=as_(hub, "operator")), 422)
    assert answer["errors"][0]["path"] == path
    if path.startswith("/scopes"):
        assert all(scope in answer["errors"][0]["message"] for scope in COMPANY_SCOPES)


async def test_a_refused_key_request_says_what_to_write(client, hub):
    body = {"companyId": 92, "name": "x", "scopes": ["evnts:read"]}
    spelt = (await client.post("/keys", json=body, headers=as_(hub, "operator"))).json()["errors"]
    assert spelt[0] == {"path": "/company_id", "message": "is required"}
    assert spelt[1]["path"] == "/companyId"
    assert spelt[1]["message"].endswith("; write 'company_id'")
    body["company_id"] = body.pop("companyId")
    (scope,) = (await client.post("/keys", json=body, headers=as_(hub, "operator"))).json()["errors"]
    assert scope["message"].startswith("is not a known scope: 'evnts:read'; known are events:read, ")
    assert scope["message"].endswith("; did you mean 'events:read'?")


async def test_keys_are_listed_without_secrets(client, hub):
    own = await client.get("/keys", headers=as_(hub, "all"))
    everyones = await client.get("/keys", headers=as_(hub, "operator"))
    one_companys = await client.get("/keys", headers=as_(hub, "operator", X_Company_Id="93"))
    assert sorted(key["name"] for key in own.json()["keys"]) == ["all", "reader"]
    assert everyones.json()["count"] == 4
    assert [key["name"] for key in one_companys.json()["keys"]] == ["other"]
    assert not any(secret[-43:] in everyones.text for secret in hub.secrets.values())
    assert (await client.get("/keys", headers=as_(hub, "reader"))).status_code == 403


async def test_a_revoked_key_stops_working_at_once(client, hub):
    listed = (await client.get("/keys", headers=as_(hub, "all"))).json()["keys"]
    reader = next(key["id"] for key in listed if key["name"] == "reader")
    assert (await client.delete(f"/keys/{reader}", headers=as_(hub, "other"))).status_code == 404
    revoked = await client.delete(f"/keys/{reader}", headers=as_(hub, "all"))
    assert revoked.status_code == 204
    assert revoked.content == b""
    assert revoked.headers["x-ratelimit-policy"] == "write:3/1m"
    assert (await client.get("/me", headers=as_(hub, "reader"))).status_code == 401
    after = (await client.get("/keys", headers=as_(hub, "all"))).json()["keys"]
    assert next(key for key in after if key["id"] == reader)["revoked_utc"].endswith("Z")


@pytest.mark.parametrize("key_id", ["key_000000000000000000000000", "x", "a%00b", "%F0%9F%94%91"])
async def test_an_unknown_key_is_404(client, hub, key_id):
    assert (await client.delete(f"/keys/{key_id}", headers=as_(hub, "operator"))).status_code == 404


def test_a_route_that_does_not_say_how_its_calls_count_stops_the_start():
    router = APIRouter(route_class=StrictRoute)

    @router.post("/x")
    async def x(caller: Annotated[Caller, Depends(requires("admin"))]) -> None: ...

    with pytest.raises(RuntimeError, match=r"/x must say in which bucket POST counts"):
        check_routes("acme", [Routes(router)], reads=True)


async def test_openapi_shows_the_key_scheme_and_the_examples(hub):
    app = make_app(hub)
    document = app.openapi()
    schema = problems.Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    document["components"]["schemas"] |= schema.pop("$defs") | {"Problem": schema}
    validate(document)
    scheme = document["components"]["securitySchemes"]["ApiKey"]
    assert (scheme["type"], scheme["in"], scheme["name"]) == ("apiKey", "header", "X-Api-Key")
    assert document["paths"]["/api/v1/keys"]["post"]["security"] == [{"ApiKey": []}]
    assert document["components"]["schemas"]["NewKey"]["examples"][0]["key"].startswith("trunkline_live_92_")
