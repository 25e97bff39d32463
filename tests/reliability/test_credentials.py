"""Each kind of credential is granted, used, ended in each way, and used again, over the processes of a deployment."""

import json
from contextlib import AsyncExitStack

import httpx2
import pytest
from tests.keys import make_key
from tests.plugins.mcp.issuer import issuing
from tests.reliability.credential_ways import AUDIENCE, WAYS, Place

from trunkline.store.engines import EngineDatabase

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


async def test_what_has_ended_works_nowhere_any_more(engine, database_url, deploy, receiver, until):
    """One process serves an SQLite file, two serve PostgreSQL."""
    deployment = deploy(database_url)
    async with issuing() as issuer, EngineDatabase(database_url) as database, AsyncExitStack() as stack:
        deployment.environment |= {
            "TRUNKLINE_PLUGINS__ENABLED": "webhooks,polling,zapier,portal,oauth,mcp",
            "TRUNKLINE_SERVER__PUBLIC_URL": AUDIENCE,
            "TRUNKLINE_AUTH__OAUTH": json.dumps({"issuer": issuer.url, "company_claim": "company_id"}),
        }
        urls = [(await deployment.serve()).url for _ in range(1 if engine == "sqlite" else 2)]
        operator = make_key(deployment.environment, None)
        async with (
            httpx2.AsyncClient(base_url=urls[0], timeout=60) as here,
            httpx2.AsyncClient(base_url=urls[-1], timeout=60) as there,
        ):
            place = Place(here, there, operator, database, issuer, receiver, stack)
            left = []
            for named, way in WAYS.items():
                granted = await way(place)
                for client in () if granted.is_spent else (here, there):
                    assert await granted.use(client), named
                await granted.end()
                for client in (there, here):
                    assert not await granted.use(client), named
                left += [granted.after] if granted.after else []
            for after in left:
                await until(after, what="the end of what ends with it")
