"""The channel is judged by the kit, and tested for features of a database, all against a real PostgreSQL."""

import asyncio
import json

import pytest
import pytest_asyncio
from postgres_table import PASSWORD, Database, Reader

from trunkline.testing import ChannelConformance, PluginConformance, Relay

SUBSCRIPTIONS = "/api/v1/subscriptions"


@pytest_asyncio.fixture
async def database(trunkline_databases):
    server = trunkline_databases.server
    name = await server.create()
    made = Database(server, name)
    await made.prepare()
    yield made
    await server.drop(name)


@pytest_asyncio.fixture
async def reader(database):
    await database.make_table("events")
    async with Relay(database.socket) as relay:
        yield Reader(database, relay, "events")


class TestPlugin(PluginConformance):
    plugin = "postgres"


class TestChannel(ChannelConformance):
    plugin = "postgres"
    channel = "postgres"
    signs = False

    @pytest_asyncio.fixture
    async def far_side(self, reader):
        yield reader


@pytest.fixture
async def hub(database, trunkline_hub):
    return await trunkline_hub(plugins=["postgres"])


async def subscribe(hub, reader, **target) -> dict:
    request = {"channel": "postgres", "event_types": ["*"], "target": {**reader.target, **target}}
    answer = await hub.client.post(SUBSCRIPTIONS, json=request)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def try_it(hub, made) -> dict:
    return (await hub.client.post(f"{SUBSCRIPTIONS}/{made['id']}/test")).json()


async def test_a_row_has_the_event_byte_for_byte_and_is_there_once_where_its_id_is_a_key(
    database, reader, hub
):
    await database.make_table("keyed", key="PRIMARY KEY")
    await subscribe(hub, reader, table="public.keyed")
    event = await hub.emit("client.created")
    keyed = Reader(database, reader.relay, "keyed")
    (arrived,) = await keyed.arrivals(1)
    assert (arrived.event_id, arrived.body) == (str(event.event_id), event.body)
    async with asyncio.timeout(60):
        while not (rows := await hub.hub.deliveries.of_event(92, event.event_id)):
            await asyncio.sleep(0.02)
        await hub.hub.deliveries.retry(92, rows[0]["id"])
        while len((await hub.hub.deliveries.get(92, rows[0]["id"]))["attempts"]) < 2:
            await asyncio.sleep(0.02)
    last = (await hub.hub.deliveries.get(92, rows[0]["id"]))["attempts"][-1]
    assert (last["outcome"], last["response_body"]) == ("delivered", "0 new of 1")
    assert len(await keyed.arrivals(0)) == 1


async def test_events_that_come_together_share_a_transaction(database, reader, hub):
    await subscribe(hub, reader)
    await asyncio.gather(*(hub.emit("client.created") for _ in range(40)))
    await reader.arrivals(40)
    [(transactions,)] = await database.execute("SELECT count(DISTINCT xmin::text) FROM events")
    assert transactions < 20


async def test_a_row_that_the_table_refuses_is_alone_in_it(database, reader, hub):
    made = await subscribe(hub, reader)
    await database.execute("ALTER TABLE events ADD CHECK (event->>'type' <> 'lead.created')")
    types = ["client.created"] * 9 + ["lead.created"] + ["client.created"] * 9
    emitted = await asyncio.gather(*(hub.emit(name) for name in types))
    arrived = await reader.arrivals(18)
    assert {row.event_id for row in arrived} == {
        str(one.event_id) for one in emitted if one.type == "client.created"
    }
    async with asyncio.timeout(60):
        while (
            len(
                rows := (await hub.client.get(f"{SUBSCRIPTIONS}/{made['id']}/deliveries")).json()[
                    "deliveries"
                ]
            )
            < 19
        ):
            await asyncio.sleep(0.02)
    assert {row["event_type"] for row in rows if row["status"] != "delivered"} == {"lead.created"}


async def test_the_password_is_nowhere_to_be_seen(reader, hub):
    made = await subscribe(hub, reader)
    listed = (await hub.client.get(SUBSCRIPTIONS)).text
    assert made["target"]["password"] == "••••"
    await try_it(hub, made)
    assert PASSWORD not in listed + json.dumps(made) + hub.log.text


@pytest.mark.parametrize(
    ("target", "error"),
    [
        ({"password": "wrong"}, "PostgreSQL does not know this user and password"),
        ({"database": "nowhere"}, "PostgreSQL has no database of this name"),
        ({"table": "nothing"}, "PostgreSQL has no table of this name"),
        ({"table": "pg_class"}, "PostgreSQL has the table without the columns id, type and event"),
        ({"tls": True}, "no connection to PostgreSQL: OperationalError"),
        ({"port": 1}, "no connection to PostgreSQL: OperationalError"),
    ],
)
async def test_what_is_wrong_is_said_before_anything_is_sent(reader, hub, target, error):
    result = await try_it(hub, await subscribe(hub, reader, **target))
    assert (result["outcome"], result["error"]) == ("retry", error)
    assert await reader.arrivals(0) == []


@pytest.mark.parametrize("table", ["a;b", 'a"b', "a.b.c", "1a", ""])
async def test_a_table_is_a_name_and_nothing_else(reader, hub, table):
    request = {"channel": "postgres", "event_types": ["*"], "target": {**reader.target, "table": table}}
    answer = await hub.client.post(SUBSCRIPTIONS, json=request)
    assert [error["path"] for error in answer.json()["errors"]] == ["/target/table"]
