"""n8n for many workflows: in queue mode, with Redis, PostgreSQL and a worker that does all work.

The tests begin with an earlier package, which has a smaller catalogue and only keys, and continue with the present one.
"""

import asyncio
import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import make_url
from tests.plugins.n8n.chat_model import DONE, ChatModel, make_agent, served
from tests.plugins.n8n.server import N8n, node, outputs
from tests.plugins.n8n.test_server import (
    ACTION,
    OFTEN,
    OPERATIONS,
    POLLING,
    TRIGGER,
    Office,
)
from tests.plugins.oauth.flow import Person, filled
from tests.plugins.products import installed_product
from tests.programs import redis_program
from tests.waiting import wait_for

from trunkline_kit.databases import Databases
from trunkline_n8n.generator import generate

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with redis_program(tmp_path_factory.mktemp("redis")) as (port, _):
        yield port


@pytest.fixture(scope="module")
def queue_mode(redis: int, trunkline_databases: Databases) -> Iterator[dict[str, str]]:
    """Give n8n's settings for the queue and for a database that is made here and removed at the end."""
    postgres_server = trunkline_databases.server
    name = asyncio.run(postgres_server.create())
    url = make_url(postgres_server.url)
    host = url.query.get("host", url.host)
    yield {
        "EXECUTIONS_MODE": "queue",
        "OFFLOAD_MANUAL_EXECUTIONS_TO_WORKERS": "true",
        "QUEUE_BULL_REDIS_HOST": "127.0.0.1",
        "QUEUE_BULL_REDIS_PORT": str(redis),
        "DB_TYPE": "postgresdb",
        "DB_POSTGRESDB_HOST": str(host),
        "DB_POSTGRESDB_PORT": str(url.port or 5432),
        "DB_POSTGRESDB_DATABASE": name,
        "DB_POSTGRESDB_USER": url.username or "postgres",
        "DB_POSTGRESDB_PASSWORD": url.password or "",
    }
    asyncio.run(postgres_server.drop(name))


def package_of_before(hub: Any, n8n_tools: Any, folder: Path) -> Path:
    """Build a package as an earlier deployment exported it: fewer events, fewer operations, only keys."""
    whole = installed_product()
    product = dataclasses.replace(
        whole,
        brand=dataclasses.replace(whole.brand, version="0.9.0"),
        api_url=hub.url,
        event_types=tuple(kind for kind in whole.event_types if kind.name != "lead.created"),
        actions=tuple(action for action in whole.actions if action.name != "create_affiliate"),
    )
    package: Path = n8n_tools.write(generate(product), folder / f"n8n-nodes-{product.brand.slug}")
    return Path(n8n_tools.build(package))


@pytest.fixture(scope="module")
def office(
    served_hub: Any, n8n_tools: Any, queue_mode: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Office]:
    served_hub.environment = served_hub.environment | {
        "TRUNKLINE_CONNECTORS__AUTH": "both",
        "TRUNKLINE_DELIVERY__RETRY_SCHEDULE_SECONDS": ",".join(["1"] * 300),
    }
    served_hub.stop()
    served_hub.start()
    before = package_of_before(served_hub, n8n_tools, tmp_path_factory.mktemp("before"))
    with N8n(tmp_path_factory.mktemp("n8n"), before, queue_mode) as n8n:
        n8n.start()
        n8n.set_up()
        n8n.start_worker()
        credential = n8n.make_credential("wlcroApi", {"apiKey": served_hub.key, "baseUrl": served_hub.url})
        yield Office(served_hub, n8n, credential)


@pytest.fixture(scope="module")
def upgraded(office: Office, n8n_tools: Any, tmp_path_factory: pytest.TempPathFactory) -> Office:
    """Replace the earlier package in the office by the present one, while a workflow is active."""
    office.kept = office.make_triggered("Kept", TRIGGER, "payment.succeeded", "invoice.created")
    office.n8n.activate(office.kept)
    wait_for("the hub has the hook", office.hooks)
    office.emit(1)
    wait_for("the workflow ran", lambda: office.received(office.kept), seconds=90)
    package = tmp_path_factory.mktemp("today") / "n8n-nodes-wlcro"
    office.hub.run("export", "n8n", str(package))
    n8n_tools.build(package)
    office.n8n.stop()
    office.n8n.install(package)
    office.n8n.start()
    office.n8n.start_worker()
    return office


def test_workflows_go_on_after_an_upgrade_and_have_what_is_new(upgraded):
    office = upgraded
    [hook] = office.hooks()
    events = [*office.received(office.kept), office.emit(2)]
    wait_for("the workflow ran", lambda: office.received(office.kept) == events, seconds=90)
    assert [one["id"] for one in office.hooks()] == [hook["id"]]

    names = {"firstName": "Ann", "lastName": "Ash", "email": "ann@example.com"}
    choice = {"resource": "affiliate", "operation": "createAffiliate", **names}
    [made] = outputs(office.run("New", node("Do", ACTION, choice, office.credential)), "Do")
    assert made["affiliate_id"] > 0


@pytest.fixture
def quiet(upgraded: Office) -> Office:
    """Deactivate the upgraded workflow; then only the workflows of a test have hooks."""
    if upgraded.hooks():
        upgraded.n8n.deactivate(upgraded.kept)
        wait_for("the hook has gone", lambda: not upgraded.hooks())
    return upgraded


def test_nothing_is_lost_while_no_worker_runs_or_the_hub_is_away(quiet):
    office = quiet
    filters = {"onlyPaymentId": 12}
    pushed = office.make_triggered("Pushed", TRIGGER, "payment.succeeded")
    polled = office.make_triggered("Polled", POLLING, "payment.succeeded", filters=filters, **OFTEN)
    for workflow in (pushed, polled):
        office.n8n.activate(workflow)
    [hook] = wait_for("the hub has the hook", office.hooks)
    events = [office.emit(10)]
    wait_for("the push arrived", lambda: office.received(pushed) == events, seconds=90)

    office.n8n.stop_worker()
    events.append(office.emit(11))
    log = f"/api/v1/subscriptions/{hook['id']}/deliveries?status=delivered"
    wait_for("n8n took it", lambda: len(office.hub.call("GET", log)["deliveries"]) == 2)
    assert office.received(pushed) == events[:1]  # the execution waits in the queue
    office.n8n.start_worker()
    wait_for("a worker ran it", lambda: office.received(pushed) == events, seconds=120)

    office.hub.stop()
    office.hub.start()
    events.append(office.emit(12))
    wait_for("the push arrived", lambda: office.received(pushed) == events, seconds=120)
    assert [one["id"] for one in office.hooks()] == [hook["id"]]
    wait_for("the poll found it", lambda: office.received(polled) == events[2:], seconds=150)
    for workflow in (pushed, polled):
        office.n8n.deactivate(workflow)
    wait_for("the hook has gone", lambda: not office.hooks())


def connected(office: Office) -> dict[str, Any]:
    """Make a credential, and connect it as a person with a browser does; return the reference by which nodes name it."""
    callback = f"{office.n8n.url}/rest/oauth2-credential/callback"
    operator = office.hub.run("keys", "create", "--operator", "--name", "test")
    app = httpx2.post(
        f"{office.hub.url}/api/v1/oauth/apps",
        json={"name": "n8n", "redirect_uris": [callback]},
        headers={"X-Api-Key": operator},
    ).json()
    data = {"baseUrl": office.hub.url, "clientId": app["client_id"], "clientSecret": app["client_secret"]}
    credential = office.n8n.make_credential("wlcroOAuth2Api", data)
    query = {"id": credential["wlcroOAuth2Api"]["id"]}
    address = office.n8n.call("GET", "/rest/oauth2-credential/auth", params=query)["data"]
    back = asyncio.run(_allow(office.hub, address))
    assert back.startswith(f"{callback}?"), back
    answer = office.n8n.client.get(back)
    assert answer.is_success, answer.text
    return credential


async def _allow(hub: Any, address: str) -> str:
    """Allow an app's request at *address*; return the target of the browser's redirect."""
    async with httpx2.AsyncClient(base_url=hub.url, timeout=60) as http:
        person = Person(http)
        await person.sign_in(hub.key)
        page = await person.open(address)
        answer = await http.post(page.url, data={"decision": "allow", **filled(page)})
        return str(answer.headers["location"])


def test_somebody_connects_by_oauth_and_is_disconnected(quiet):
    office = quiet
    credential = connected(office)
    by_oauth = {"authentication": "oAuth2"}
    names = {"firstName": "Jo", "lastName": "Doe", "email": "oauth@example.com"}
    choice = {"resource": "lead", "operation": "createLead", **names, **by_oauth}
    do = node("Do", ACTION, choice, credential)
    [made] = outputs(office.run("By OAuth", do), "Do")
    assert (made["email"], made["status"]) == ("oauth@example.com", "Lead - New")

    trigger = node("Hear", TRIGGER, {"eventTypes": ["payment.succeeded"], **by_oauth}, credential)
    end = node("End", "n8n-nodes-base.noOp", {})
    workflow = office.n8n.make_workflow("Hear", trigger, end, links={"Hear": ["End"]})
    office.n8n.activate(workflow)
    wait_for("the hub has the hook", office.hooks)
    event = office.emit(20)
    wait_for("the workflow ran", lambda: office.received(workflow) == [event], seconds=90)
    office.n8n.deactivate(workflow)
    wait_for("the hook has gone", lambda: not office.hooks())

    [connection] = office.hub.call("GET", "/api/v1/oauth/connections")["connections"]
    office.hub.call("DELETE", f"/api/v1/oauth/connections/{connection['id']}")
    assert office.run("Ended", do)["status"] == "error"


def test_an_agent_uses_it_as_a_tool(upgraded):
    office = upgraded
    office.create("clients", first_name="Ida", last_name="Fox", email="ida@example.com")
    by_model = {"email": "={{ $fromAI('email', 'Of the client', 'string') }}"}
    find = office.operation(OPERATIONS["find_client"], by_model)["parameters"]
    with served(ChatModel({"email": "ida@example.com"})) as model:
        tool = node("Tool", f"{ACTION}Tool", find, office.credential)
        workflow = make_agent(office.n8n, model, tool)
        execution = office.n8n.run(workflow, start="Start")
        [answered] = outputs(execution, "Agent")
    assert answered["output"] == DONE
    offered = model.requests[0]["tools"][0]["function"]
    assert "email" in offered["parameters"]["properties"], (offered, model.results())
    assert "Ida" in model.results()[0]
