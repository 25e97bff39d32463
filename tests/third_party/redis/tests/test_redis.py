"""The channel is judged by the kit, and tested for features of Redis, all against a real server."""

import asyncio
import json

import pytest
import pytest_asyncio
from redis_server import PASSWORD, Consumer, RedisServer, free_port
from standardwebhooks import Webhook

from trunkline.testing import ChannelConformance, PluginConformance, Relay

PORT = free_port()
SUBSCRIPTIONS = "/api/v1/subscriptions"


@pytest.fixture
def server(tmp_path):
    started = RedisServer(tmp_path, PORT)
    started.start()
    yield started
    started.stop()


@pytest_asyncio.fixture
async def consumer(server):
    async with Relay("127.0.0.1", server.port) as relay:
        yield Consumer(server, relay, "crm")


class TestPlugin(PluginConformance):
    plugin = "redis"


class TestChannel(ChannelConformance):
    plugin = "redis"
    channel = "redis"
    signs = True
    answers_each = True

    @pytest_asyncio.fixture
    async def far_side(self, consumer):
        yield consumer


@pytest.fixture
async def hub(server, trunkline_hub):
    return await trunkline_hub(plugins=["redis"])


async def subscribe(hub, consumer, **target) -> dict:
    request = {"channel": "redis", "event_types": ["*"]}
    request["target"] = {**consumer.target, **target}
    answer = await hub.client.post(SUBSCRIPTIONS, json=request)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def try_it(hub, made) -> dict:
    return (await hub.client.post(f"{SUBSCRIPTIONS}/{made['id']}/test")).json()


async def test_an_entry_has_the_event_its_type_and_a_signature_as_of_webhooks(consumer, hub):
    made = await subscribe(hub, consumer, keep=1000)
    event = await hub.emit("client.created")
    (arrived,) = await consumer.arrivals(1)
    assert (arrived.body, arrived.headers["type"]) == (event.body, "client.created")
    assert Webhook(made["secret"]).verify(arrived.body, dict(arrived.headers))["id"] == event.event_id


async def test_the_password_is_nowhere_to_be_seen(consumer, hub):
    made = await subscribe(hub, consumer)
    listed = (await hub.client.get(SUBSCRIPTIONS)).text
    assert made["target"]["password"] == "••••"
    await try_it(hub, made)
    assert PASSWORD not in listed + json.dumps(made) + hub.log.text


@pytest.mark.parametrize(
    ("target", "error"),
    [
        ({"password": "wrong"}, "Redis does not know this user and password"),
        ({"password": None}, "Redis asks for a password"),
        ({"port": free_port()}, "no connection to Redis: NoAnswer"),
        ({"tls": True}, "no connection to Redis: TimeoutError"),
    ],
)
async def test_a_connection_that_fails_is_said_before_anything_is_sent(consumer, hub, target, error):
    made = await subscribe(hub, consumer, **target)
    result = await try_it(hub, made)
    assert (result["outcome"], result["error"]) == ("retry", error)


async def test_a_stream_is_kept_about_as_long_as_was_asked(server, consumer, hub):
    await subscribe(hub, consumer, keep=10)
    await asyncio.gather(*(hub.emit("lead.created") for _ in range(250)))
    async with asyncio.timeout(60), server.client() as client:
        while not await client.exists("crm") or (await client.xinfo_stream("crm"))["entries-added"] < 250:
            await asyncio.sleep(0.05)
    assert 10 <= len(await consumer.entries()) < 200  # "~" drops whole nodes, of a hundred entries each


async def test_a_key_that_is_no_stream_is_left_alone(server, consumer, hub):
    async with server.client() as client:
        await client.set("crm", "mine")
        result = await try_it(hub, await subscribe(hub, consumer))
        assert result["error"] == "the key of this name holds something else than a stream"
        assert await client.get("crm") == b"mine"


async def test_events_that_come_together_share_a_connection_and_are_each_accounted_for(consumer, hub):
    made = await subscribe(hub, consumer)
    await hub.emit("client.created")
    await consumer.arrivals(1)
    before = await batches(hub)
    emitted = await asyncio.gather(*(hub.emit("lead.created") for _ in range(40)))
    arrived = await consumer.arrivals(41)
    assert {one.event_id for one in arrived[1:]} == {str(event.event_id) for event in emitted}
    assert await batches(hub) - before < 30
    async with asyncio.timeout(60):
        while True:
            rows = await deliveries(hub, made)
            if [row["status"] for row in rows] == ["delivered"] * 41:
                break
            await asyncio.sleep(0.02)
    assert [row["attempts"] for row in rows] == [1] * 41


async def batches(hub) -> float:
    metrics = (await hub.operator.get("/metrics")).text
    (line,) = [line for line in metrics.splitlines() if line.startswith("trunkline_delivery_batch_count{")]
    return float(line.split()[-1])


async def deliveries(hub, made) -> list[dict]:
    answer = await hub.client.get(f"{SUBSCRIPTIONS}/{made['id']}/deliveries", params={"limit": 200})
    return answer.json()["deliveries"]
