"""Resources (RFC 8707): a token opens only the resource that it is for."""

import pytest
from tests.plugins.mcp.conversation import Conversation
from tests.plugins.oauth.flow import connect, told

HUB = "http://hub.test"
API, AGENTS = f"{HUB}/api/v1", f"{HUB}/mcp"


async def opened(hub, app, token) -> tuple[int, int]:
    """Call the API and the server for agents with *token*; return both statuses."""
    agent = Conversation(hub.anonymous, headers={"authorization": f"Bearer {token}"})
    return (await app.me(token)).status_code, (await agent.send("tools/list")).status_code


@pytest.mark.parametrize(
    ("resource", "statuses"),
    [
        (None, (200, 200)),
        (HUB, (200, 200)),
        (f"{HUB}/", (200, 200)),
        (API, (200, 401)),
        (AGENTS, (401, 200)),
        (f"{AGENTS}/", (401, 200)),
    ],
)
async def test_a_token_opens_its_resource_and_nothing_else(api, register, sign_in, resource, statuses):
    app, person = await register(api), await sign_in(api)
    tokens = await connect(app, person, resource=resource)
    assert await opened(api, app, tokens["access_token"]) == statuses
    renewed = await app.refresh(tokens["refresh_token"])
    assert await opened(api, app, renewed["access_token"]) == statuses


async def test_a_refusal_says_what_the_token_is_for(api, register, sign_in):
    app = await register(api)
    answer = await app.me((await connect(app, await sign_in(api), resource=AGENTS))["access_token"])
    assert "is for '/mcp' of this hub" in answer.json()["detail"]
    assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"'


async def test_a_token_may_be_for_less_than_its_connection_and_never_for_more(running, register, sign_in):
    app, person = await register(running), await sign_in(running)
    code = (await person.decide(await person.open(app.asks())))["code"]
    tokens = await app.exchange(code, resource=AGENTS)
    assert (await app.me(tokens["access_token"])).status_code == 401
    tokens = await app.refresh(tokens["refresh_token"], resource=API)
    assert (await app.me(tokens["access_token"])).status_code == 200
    code = (await person.decide(await person.open(app.asks(resource=AGENTS))))["code"]
    assert (await app.exchange(code, resource=API, expect=400))["error"] == "invalid_target"
    tokens = await connect(app, person, resource=API)
    for wanted in (AGENTS, HUB, "https://other.example"):
        refused = await app.refresh(tokens["refresh_token"], resource=wanted, expect=400)
        assert refused["error"] == "invalid_target"
    assert (await app.refresh(tokens["refresh_token"], resource=API))["access_token"]


@pytest.mark.parametrize(
    "query",
    [
        "&resource=http://hub.test/no-such",
        "&resource=http://hub.test/mcp%23part",
        "&resource=/mcp",
        "&resource=http://hub.test/mcp&resource=http://hub.test/api/v1",
        "&resource=http://hub.test/mcp&resource=http://hub.test/mcp",
    ],
)
async def test_another_resource_and_several_are_invalid_targets(api, register, sign_in, query):
    app, person = await register(api), await sign_in(api)
    assert told(await person.http.get(app.asks() + query))["error"] == "invalid_target"
    tokens = await connect(app, person)
    form = f"grant_type=refresh_token&refresh_token={tokens['refresh_token']}{query}"
    headers = {"content-type": "application/x-www-form-urlencoded"}
    auth = (app.client_id, app.secret)
    answer = await api.anonymous.post("/oauth/token", content=form, headers=headers, auth=auth)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_target")
