"""The channel is judged by the kit, and tested for features of a broker, all against a real mosquitto."""

import json

import pytest
import pytest_asyncio
from mqtt_broker import PASSWORD, Listener, Mosquitto, free_port
from standardwebhooks import Webhook

from trunkline.testing import ChannelConformance, PluginConformance, Relay

PORT = free_port()
SUBSCRIPTIONS = "/api/v1/subscriptions"


@pytest.fixture
def broker(tmp_path):
    started = Mosquitto(tmp_path, PORT)
    started.start()
    yield started
    started.stop()


@pytest_asyncio.fixture
async def listener(broker):
    async with Relay("127.0.0.1", broker.port) as relay:
        listening = await Listener(broker, relay, "crm").listen()
        yield listening
        await listening.leave()


class TestPlugin(PluginConformance):
    plugin = "mqtt"


class TestChannel(ChannelConformance):
    plugin = "mqtt"
    channel = "mqtt"
    signs = True

    @pytest_asyncio.fixture
    async def far_side(self, listener):
        yield listener


@pytest.fixture
async def hub(broker, trunkline_hub):
    return await trunkline_hub(plugins=["mqtt"])


async def subscribe(hub, listener, **target) -> dict:
    request = {"channel": "mqtt", "event_types": ["*"], "target": {**listener.target, **target}}
    answer = await hub.client.post(SUBSCRIPTIONS, json=request)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def try_it(hub, made) -> dict:
    return (await hub.client.post(f"{SUBSCRIPTIONS}/{made['id']}/test")).json()


async def test_a_message_goes_to_the_topic_of_its_type_with_a_signature_as_of_webhooks(listener, hub):
    made = await subscribe(hub, listener)
    event = await hub.emit("client.created")
    (arrived,) = await listener.arrivals(1)
    assert listener.heard[0][0] == "crm/client.created"
    assert arrived.body == event.body
    assert Webhook(made["secret"]).verify(arrived.body, dict(arrived.headers))["id"] == event.event_id


async def test_the_password_is_nowhere_to_be_seen(listener, hub):
    made = await subscribe(hub, listener)
    listed = (await hub.client.get(SUBSCRIPTIONS)).text
    assert made["target"]["password"] == "••••"
    await try_it(hub, made)
    assert PASSWORD not in listed + json.dumps(made) + hub.log.text


@pytest.mark.parametrize(
    ("target", "error"),
    [
        ({"password": "wrong"}, "the broker lets this user not do it"),
        ({"port": free_port()}, "no answer of the broker: NoAnswer"),
        ({"tls": True}, "no answer of the broker: NoAnswer"),
        ({"topic": "others"}, "the broker lets this user not do it"),
    ],
)
async def test_what_the_broker_refuses_is_said(listener, hub, target, error):
    result = await try_it(hub, await subscribe(hub, listener, **target))
    assert (result["outcome"], result["error"]) == ("retry", error)


async def test_an_event_that_the_broker_can_never_take_is_rejected(tmp_path, listener, trunkline_hub):
    listener.broker.stop()
    listener.broker.options = ("max_packet_size 300",)
    listener.broker.start()
    hub = await trunkline_hub(plugins=["mqtt"])
    made = await subscribe(hub, listener)
    result = await try_it(hub, made)
    assert (result["outcome"], result["error"]) == ("rejected", "the broker takes no message of this size")
