"""The deployment as plugins and their pages see it."""

import json

import pytest

from trunkline.errors import NotFound


async def test_what_runs_is_told_as_over_http(running):
    deployment = running.hub.registry.context("webhooks").deployment
    assert deployment.plugins() == (await running.operator.get("/api/v1/plugins")).json()["plugins"]
    assert await deployment.readiness() == (await running.anonymous.get("/readyz")).json()


@pytest.mark.own_hub
async def test_the_status_is_json_with_times_as_text(running):
    found = json.loads(json.dumps(await running.hub.deployment.status()))
    assert found["taken_utc"].endswith("Z")
    assert (found["log"]["newest_accepted_utc"], len(found["shards"])) == (None, 16)
    assert [worker["is_alive"] for worker in found["workers"]] == [True]


async def test_product_brand_and_address_are_those_of_the_settings(sqlite_database_url, make_hub):
    changed = {"server.public_url": "https://hub.example.com/", "brand.title": "Acme"}
    deployment = (await make_hub(sqlite_database_url, changed, dispatch=False)).hub.deployment
    assert deployment.public_url == deployment.product().api_url == "https://hub.example.com"
    assert deployment.brand == deployment.product().brand
    assert deployment.brand.title == "Acme"
    assert {one.name for one in deployment.product().actions} >= {"create_lead"}


async def test_without_a_public_address_there_is_none(api):
    assert api.hub.deployment.public_url is None


@pytest.mark.slow
async def test_every_connector_makes_its_files(api):
    deployment = api.hub.deployment
    names = [connector.name for connector in deployment.connectors()]
    assert names == sorted(api.hub.registry.collected.connectors)
    for name in names:
        made = deployment.connector_files(name)
        assert made == deployment.connector_files(name)
        assert all(isinstance(content, bytes) and not path.startswith("/") for path, content in made.items())
    with pytest.raises(NotFound, match="There is no connector 'fax' here"):
        deployment.connector_files("fax")
