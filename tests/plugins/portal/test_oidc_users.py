"""Users of an identity provider, as the portal stores them."""

import asyncio

from trunkline.model.principals import EVENTS_READ, Principal
from trunkline_portal.oidc.users import Users


async def test_one_user_may_sign_in_for_the_first_time_from_several_places_at_once(running):
    users = Users(running.hub.registry.context("portal"), issuer="https://id.example.com")
    jane = Principal(f"oidc_{running.company_id}", running.company_id, "Jane", frozenset({EVENTS_READ}))
    await asyncio.gather(*(users.remember(jane) for _ in range(8)))
    assert await users.find(jane.key_id) == jane
