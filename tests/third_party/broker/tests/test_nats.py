"""The channel is judged by the kit, and tested for NATS's own features, all against a real server."""

import asyncio
import time

import nats
import pytest
import pytest_asyncio
from nats_server import Feed, NatsServer, free_port
from standardwebhooks import Webhook

from trunkline.testing import ChannelConformance, PluginConformance, SettingsInvalid

PORT = free_port()
SETTINGS = {
    "nats.servers": f"nats://127.0.0.1:{PORT}",
    "nats.user": "hub",
    "nats.password": "un-checked-by-this-server",
}
HOOKS = "/api/v1/nats/hooks"


@pytest.fixture
def server(tmp_path):
    folder = tmp_path / "nats"
    folder.mkdir()
    started = NatsServer(folder, PORT)
    started.start()
    yield started
    started.stop()


class TestPlugin(PluginConformance):
    plugin = "nats"
    settings = SETTINGS


class TestChannel(ChannelConformance):
    plugin = "nats"
    channel = "nats"
    settings = SETTINGS
    own_addresses = (("127.0.0.1", PORT),)
    encrypts_by = ({"nats.servers": f"tls://127.0.0.1:{PORT}"},)
    signs = True
    content_type = None

    @pytest_asyncio.fixture
    async def far_side(self, server):
        await server.make_stream()
        async with await nats.connect(server.url) as client:
            yield await Feed(server, client, "crm").listen()


@pytest.fixture
async def hub(server, trunkline_hub):
    schedule = {"delivery.retry_schedule_seconds": ",".join(["0.5"] * 60), "delivery.retry_jitter": "0"}
    return await trunkline_hub(plugins=["nats"], settings=SETTINGS | schedule)


async def subscribe(hub, name: str = "crm") -> dict:
    answer = await hub.client.post(HOOKS, json={"target_url": f"nats:{name}", "event_types": ["*"]})
    assert answer.status_code == 201, answer.text
    return answer.json()


async def until(hub, event, **values) -> dict:
    """Wait until the event's delivery is as *wanted*, and return it."""
    deadline = time.monotonic() + 60
    while True:
        for row in await hub.hub.deliveries.of_event(92, event.event_id):
            detail = await hub.hub.deliveries.get(92, row["id"])
            last = detail["attempts"][-1] if detail["attempts"] else {}
            if all(
                {**detail, **last, "status": detail["status"]}.get(name) == value
                for name, value in values.items()
            ):
                return detail
        assert time.monotonic() < deadline, await hub.hub.deliveries.of_event(92, event.event_id)
        await asyncio.sleep(0.1)


async def test_an_event_is_kept_under_the_subject_of_its_company_and_type(server, hub):
    await server.make_stream()
    made = await subscribe(hub)
    event = await hub.emit("client.created")
    detail = await until(hub, event, status="delivered")
    assert detail["attempts"][-1]["response_body"] == "TRUNKLINE 1"
    (message,) = await server.kept()
    assert message.subject == "trunkline.92.client.created"
    assert message.data == event.body
    assert message.headers["Nats-Msg-Id"] == f"{event.event_id}.{made['id']}"
    assert message.headers["trunkline-feed"] == "crm"
    assert message.headers["webhook-signature"].startswith("v1,")


async def test_an_attempt_that_is_made_again_is_kept_once(server, hub):
    await server.make_stream()
    await subscribe(hub)
    event = await hub.emit("client.created")
    detail = await until(hub, event, status="delivered")
    await hub.hub.deliveries.retry(92, detail["id"])
    await until(hub, event, status="delivered", number=2, response_body="TRUNKLINE 1, where it was already")
    assert len(await server.kept()) == 1


async def test_feeds_of_one_company_have_a_message_each(server, hub):
    await server.make_stream()
    await subscribe(hub, "crm")
    await subscribe(hub, "billing")
    event = await hub.emit("client.created")
    await until(hub, event, status="delivered")
    async with asyncio.timeout(60):
        while len(kept := await server.kept()) < 2:
            await asyncio.sleep(0.1)
    assert {message.headers["trunkline-feed"] for message in kept} == {"crm", "billing"}


async def test_without_a_stream_the_log_says_which_to_make_and_the_event_waits_for_it(server, hub):
    await subscribe(hub)
    event = await hub.emit("client.created")
    reason = "no stream takes the subject 'trunkline.92.client.created'; make the stream 'TRUNKLINE' with 'trunkline.>'"
    await until(hub, event, error=reason)
    await server.make_stream()
    await until(hub, event, status="delivered")
    assert len(await server.kept()) == 1


async def test_another_stream_under_the_subject_is_not_taken_for_the_right_one(server, hub):
    await server.replace_stream()
    await subscribe(hub)
    detail = await until(hub, await hub.emit("client.created"), outcome="retry")
    assert detail["attempts"][-1]["error"].startswith(
        "the stream 'TRUNKLINE' refused it: expected stream does not match"
    )


async def test_a_broker_that_stops_loses_nothing_and_is_connected_to_again(server, hub):
    await server.make_stream()
    await subscribe(hub)
    await until(hub, await hub.emit("client.created"), status="delivered")
    server.stop()
    event = await hub.emit("client.created")
    await until(hub, event, outcome="retry")
    server.start()
    await until(hub, event, status="delivered")
    assert [message.data for message in await server.kept()][-1] == event.body


async def test_a_hub_starts_without_its_broker_and_connects_when_it_is_there(server, trunkline_hub):
    await server.make_stream()
    server.stop()
    schedule = {"delivery.retry_schedule_seconds": ",".join(["0.5"] * 60)}
    hub = await trunkline_hub(plugins=["nats"], settings=SETTINGS | schedule)
    await subscribe(hub)
    event = await hub.emit("client.created")
    await until(hub, event, error="no connection to NATS; see that its servers run")
    server.start()
    await until(hub, event, status="delivered")


async def test_a_publish_that_is_not_acknowledged_is_tried_again_and_kept_once(server, trunkline_hub):
    await server.make_stream(no_ack=True)
    schedule = {"delivery.retry_schedule_seconds": ",".join(["0.5"] * 60), "nats.ack_seconds": "2"}
    hub = await trunkline_hub(plugins=["nats"], settings=SETTINGS | schedule)
    await subscribe(hub)
    event = await hub.emit("client.created")
    await until(hub, event, error="timeout", number=2)
    async with await nats.connect(server.url) as client:
        await client.jetstream().update_stream(name="TRUNKLINE", subjects=["trunkline.>"], no_ack=False)
    await until(hub, event, status="delivered")
    assert len(await server.kept()) == 1


async def test_a_broker_that_hangs_ends_an_attempt_in_time(server, trunkline_hub):
    await server.make_stream()
    hub = await trunkline_hub(plugins=["nats"], settings=SETTINGS | {"nats.ack_seconds": "2"})
    made = await subscribe(hub)
    assert (await hub.hub.subscriptions.test(92, made["id"], channel="nats"))["outcome"] == "delivered"
    server.freeze()
    result = await hub.hub.subscriptions.test(92, made["id"], channel="nats")
    assert (result["outcome"], result["error"]) == ("retry", "timeout")
    assert result["duration_ms"] < 10_000


async def test_an_event_that_the_broker_can_never_take_is_rejected(server, trunkline_hub, tmp_path):
    server.stop()
    (tmp_path / "small.conf").write_text("max_payload: 256\n")
    server.options = ("--config", str(tmp_path / "small.conf"))
    server.start()
    hub = await trunkline_hub(plugins=["nats"], settings=SETTINGS)
    await subscribe(hub)
    detail = await until(hub, await hub.emit("client.created"), status="rejected")
    assert detail["attempts"][-1]["error"] == "the event is larger than max_payload of NATS"


async def test_it_signs_in_and_neither_log_nor_settings_show_the_password(server, trunkline_hub):
    server.stop()
    server.options = ("--user", "hub", "--pass", "s3cret")
    server.start()
    wrong = await trunkline_hub(
        plugins=["nats"], settings=SETTINGS | {"nats.user": "hub", "nats.password": "wr0ng"}
    )
    made = await subscribe(wrong)
    assert (await wrong.hub.subscriptions.test(92, made["id"], channel="nats"))["outcome"] == "retry"
    right = await trunkline_hub(
        plugins=["nats"], settings=SETTINGS | {"nats.user": "hub", "nats.password": "s3cret"}
    )
    made = await subscribe(right)
    async with asyncio.timeout(60):
        while "connected to NATS" not in right.log.text:
            await asyncio.sleep(0.1)
    result = await right.hub.subscriptions.test(92, made["id"], channel="nats")
    assert result["error"].startswith("no stream takes")
    for secret in ("s3cret", "wr0ng"):
        assert secret not in wrong.log.text + right.log.text + repr(right.hub.registry.collected)


@pytest.mark.parametrize(
    "target", ["https://example.com/", "nats:", "nats:Upper", "nats:a.b", "nats:>", "nats://host/a"]
)
async def test_a_target_is_the_name_of_a_feed_and_never_an_address(hub, target):
    answer = await hub.client.post(HOOKS, json={"target_url": target, "event_types": ["*"]})
    assert answer.status_code == 422
    assert [error["path"] for error in answer.json()["errors"]] == ["/target_url"]


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("servers", "127.0.0.1:4222"),
        ("servers", "nats://u:p@host"),
        ("prefix", "a b"),
        ("stream", "a.b"),
        ("prefix", ">"),
    ],
)
async def test_a_setting_that_cannot_be_stops_the_start_and_is_named(trunkline_hub, setting, value):
    with pytest.raises(SettingsInvalid, match=rf"nats\.{setting}"):
        await trunkline_hub(plugins=["nats"], settings={f"nats.{setting}": value})


async def test_the_signature_is_that_of_webhooks(server, hub):
    await server.make_stream()
    made = await subscribe(hub)
    event = await hub.emit("client.created")
    await until(hub, event, status="delivered")
    (message,) = await server.kept()
    headers = {
        name: message.headers[name] for name in ("webhook-id", "webhook-timestamp", "webhook-signature")
    }
    assert Webhook(made["secret"]).verify(message.data, headers)["id"] == event.event_id
