"""API keys as plugins see them: the views of the API, without secrets."""

import pytest

from trunkline.errors import NotFound, Unauthenticated
from trunkline.runtime import callers


@pytest.mark.own_hub(settings={"plugins.enabled": "webhooks"})
async def test_a_key_is_made_shown_used_and_revoked_as_over_http(running):
    keys = running.hub.registry.context("webhooks").keys
    shown, api_key = await keys.create(7, name="Portal", scopes=["events:read", "admin"])
    assert shown["last_used_utc"] is None
    principal = await keys.authenticate(api_key)
    own = (principal.key_id, principal.company_id, principal.scopes)
    assert own == (shown["id"], 7, {"events:read", "admin"})
    assert await keys.principal(shown["id"]) == principal

    answer = await running.operator.get("/api/v1/keys", headers={"X-Company-Id": "7"})
    unused = {"last_used_utc": None}  # written in the background, perhaps between the two reads
    assert [one | unused for one in answer.json()["keys"]] == [one | unused for one in await keys.list(7)]
    assert [one["id"] for one in await keys.list(7)] == [shown["id"]]
    assert len(await keys.list(None)) == 3
    assert [one["company_id"] for one in await keys.list(0)] == [None]
    assert api_key not in str(await keys.list(7))

    with pytest.raises(NotFound):
        await keys.revoke(shown["id"], company_id=running.company_id)
    await keys.revoke(shown["id"], company_id=7)
    assert await keys.principal(shown["id"]) is None
    with pytest.raises(Unauthenticated):
        await keys.authenticate(api_key)


async def test_a_call_works_for_the_company_of_its_key_and_a_visitors_for_that_of_the_visitor(api):
    keys = api.hub.key_service
    own, _ = await keys.create(7, name="Own", scopes=["events:read"])
    operators, secret = await keys.create(None, name="Operator", scopes=["operator"])
    await keys.principal(own["id"], company_id=8)
    assert callers.company() == 7
    await keys.principal(operators["id"], company_id=8)
    assert callers.company() == 8
    await keys.authenticate(secret)
    assert callers.company() == callers.OPERATORS
    callers.begin(None)
