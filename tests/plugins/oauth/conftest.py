"""Apps and people, over a hub that runs in this process."""

from contextlib import AsyncExitStack

import httpx2
import pytest
from tests.answers import json_of
from tests.keys import scopes_of
from tests.plugins.oauth.flow import CALLBACK, App, Person

from trunkline.model.principals import COMPANY_SCOPES
from trunkline_kit import MovableClock


@pytest.fixture
async def stack():
    async with AsyncExitStack() as opened:
        yield opened


@pytest.fixture
async def timed(trunkline_hub):
    """Start a hub whose clock the test moves."""
    clock = MovableClock()
    return await trunkline_hub(clock=clock, dispatch=False), clock


@pytest.fixture
def register():
    """``await register(hub, public=True)``: an app that the operator has registered."""

    async def register_one(hub, **changed) -> App:
        body = {"name": "Desk", "redirect_uris": [CALLBACK], **changed}
        answer = json_of(await hub.operator.post("/api/v1/oauth/apps", json=body), 201)
        return App(hub.anonymous, answer["client_id"], answer["client_secret"])

    return register_one


@pytest.fixture
def open_person(stack):
    """``await open_person(hub)``: a person with a browser who is not signed in."""

    async def open_one(hub) -> Person:
        transport = httpx2.ASGITransport(app=hub.app)
        http = httpx2.AsyncClient(transport=transport, base_url="http://hub.test")
        return Person(await stack.enter_async_context(http))

    return open_one


@pytest.fixture
def sign_in(open_person):
    """``await sign_in(hub, ["events:read"])``: somebody of the hub's company, or with ``company_id=None`` an operator."""

    async def sign_in_with(hub, scopes=COMPANY_SCOPES, *, company_id=0, name="Jane's <key>") -> Person:
        company_id = hub.company_id if company_id == 0 else company_id
        _, key = await hub.hub.keys.create(company_id, name=name, scopes=scopes_of(company_id, scopes))
        person = await open_person(hub)
        await person.sign_in(key)
        return person

    return sign_in_with
