"""A person connects an app after signing in at the product's own identity provider: a real one, from npm."""

import re
from html import unescape

import httpx2
import pytest
from tests.plugins.oauth.flow import Person
from tests.plugins.portal.openid import providing, sign_in_there
from tests.plugins.portal.test_oidc import BACK, HUB, settings_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


async def test_somebody_of_the_product_s_own_provider_connects_an_app(
    sqlite_database_url, make_hub, register, stack
):
    with providing(BACK) as url:
        settings = settings_for(url) | {"plugins.enabled": "portal, oauth, webhooks"}
        hub = await make_hub(sqlite_database_url, settings, dispatch=False)
        app = await register(hub)
        client = httpx2.AsyncClient(transport=httpx2.ASGITransport(app=hub.app), base_url=HUB)
        person = Person(await stack.enter_async_context(client))

        page = await person.open(app.asks(scope="events:read"))
        button = re.search(r'href="(/portal/sign-in/begin\?[^"]*)"', page.text)
        begun = await person.http.get(unescape(button[1]))
        back = await sign_in_there(begun.headers["location"], "jane:93")
        page = await person.open(back.removeprefix(HUB))
        assert "Desk asks for access to company 93" in page.text

        tokens = await app.exchange((await person.decide(page))["code"])
        me = (await app.me(tokens["access_token"])).json()
        assert me == {"company_id": 93, "key_name": "Desk", "scopes": ["events:read"]}
