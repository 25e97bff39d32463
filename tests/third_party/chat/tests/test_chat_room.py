"""The channel is judged by the kit, and tested with Slack's own answers."""

import html
import json

import pytest

from trunkline.testing import Arrival, ChannelConformance, FarSide, HttpFarSide, PluginConformance
from trunkline.testing.receiver import Answer

SUBSCRIPTIONS = "/api/v1/subscriptions"
FAILED = """{"type": "payment.failed", "payload": {"payment_id": 1, "invoice_id": 2, "client_id": 3,
    "amount_attempted": 99.00, "failure_reason": "<!channel> & more"}}"""


class Room(HttpFarSide):
    """A room that recognises a repeated event by the number at the end of its message."""

    async def arrivals(self, count: int) -> list[Arrival]:
        return [
            Arrival(number_in(arrival.body), arrival.body, arrival.headers, arrival.at)
            for arrival in await super().arrivals(count)
        ]

    async def another(self) -> "Room":
        other = Room(self.receiver, rejects=(400,))
        other.be_declared()
        return other


def number_in(body: bytes) -> str:
    source = json.loads(body)["blocks"][-1]["elements"][0]["text"]
    return source.removeprefix("Event ").partition(",")[0]


class TestPlugin(PluginConformance):
    plugin = "chat_room"


class TestChannel(ChannelConformance):
    plugin = "chat_room"
    channel = "chat_room"
    rejects = (400,)
    rewrites = True

    @pytest.fixture
    def far_side(self, trunkline_receiver) -> FarSide:
        return Room(trunkline_receiver, rejects=(400,))

    def read_body(self, body):
        sections = [block for block in json.loads(body)["blocks"] if block["type"] == "section"]
        return html.unescape("\n".join(field["text"] for block in sections for field in block["fields"]))


@pytest.fixture
async def hub(trunkline_hub):
    return await trunkline_hub(plugins=["chat_room"], settings={"delivery.retry_schedule_seconds": "0.2,0.2"})


async def add_room(hub, url: str, *event_types: str) -> dict:
    request = {"channel": "chat_room", "target": {"url": url}, "event_types": event_types or ["*"]}
    answer = await hub.client.post(SUBSCRIPTIONS, json=request)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def test_a_message_has_the_titles_of_the_schema_and_every_digit(hub, trunkline_receiver):
    await add_room(hub, f"{trunkline_receiver.url}/services/T0/B0/s3cret")
    event = await hub.client.post("/api/v1/events", content=FAILED)
    (request,) = await trunkline_receiver.wait_for(1)
    assert request.path == "/services/T0/B0/s3cret"
    message = json.loads(request.body)
    header, section, source = message["blocks"]
    assert message["text"] == header["text"]["text"] == "Payment Failed"
    texts = [field["text"] for field in section["fields"]]
    assert "*Amount Attempted*\n99.00" in texts
    assert "*Failure Reason*\n&lt;!channel&gt; &amp; more" in texts
    assert source["elements"][0]["text"].startswith(f"Event {event.json()['id']}, payment.failed, ")


async def test_the_secret_part_of_a_webhook_is_shown_nowhere(hub, trunkline_receiver):
    made = await add_room(hub, f"{trunkline_receiver.url}/services/T0/B0/s3cret")
    assert made["target_url"].startswith(f"{trunkline_receiver.url}/••••")
    assert made["target"] == {"url": "••••"}
    trunkline_receiver.always(Answer(403, {}, b"action_prohibited for /services/T0/B0/s3cret"))
    event = await hub.emit("payment.failed")
    await trunkline_receiver.wait_for(1)
    views = [
        made,
        (await hub.client.get(SUBSCRIPTIONS)).json(),
        (await hub.client.get(f"{SUBSCRIPTIONS}/{made['id']}/deliveries")).json(),
        (await hub.client.post(f"{SUBSCRIPTIONS}/{made['id']}/test")).json(),
        await hub.hub.deliveries.of_event(92, event.event_id),
    ]
    assert "s3cret" not in json.dumps(views) + hub.log.text


@pytest.mark.parametrize(
    "url",
    ["hooks.slack.com/services/T0", "https://u:p@hooks.slack.com/s3cret", "ftp://hooks.slack.com/s3cret", ""],
)
async def test_what_is_no_url_is_refused_at_its_own_field(hub, url):
    request = {"channel": "chat_room", "target": {"url": url}, "event_types": ["*"]}
    answer = await hub.client.post(SUBSCRIPTIONS, json=request)
    assert answer.status_code == 422
    assert [error["path"] for error in answer.json()["errors"]] == ["/target/url"]
    assert "s3cret" not in answer.text


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (Answer(200, {}, b"ok"), "delivered"),
        (Answer(400, {}, b"invalid_payload"), "rejected"),
        (Answer(403, {}, b"invalid_token"), "gone"),
        (Answer(404, {}, b"no_service"), "gone"),
        (Answer(404, {}, b"channel_not_found"), "gone"),
        (Answer(410, {}, b"channel_is_archived"), "gone"),
        (Answer(403, {}, b"action_prohibited"), "retry"),
        (Answer(404, {}, b"<html>a proxy's page</html>"), "retry"),
        (Answer(500, {}, b"rollup_error"), "retry"),
        (Answer(429, {"retry-after": "30"}), "retry"),
    ],
)
async def test_an_answer_is_read_as_slack_means_it(hub, trunkline_receiver, answer, outcome):
    made = await add_room(hub, f"{trunkline_receiver.url}/services/T0/B0/s3cret")
    trunkline_receiver.always(answer)
    result = await hub.hub.subscriptions.test(92, made["id"], channel="chat_room")
    assert (result["outcome"], result["status_code"]) == (outcome, answer.status)


async def test_a_room_that_was_removed_is_written_to_no_more(hub, trunkline_receiver):
    gone = await add_room(hub, f"{trunkline_receiver.url}/services/T0/B0/one")
    await add_room(hub, f"{trunkline_receiver.url}/services/T0/B0/two")
    assert (await hub.client.delete(f"{SUBSCRIPTIONS}/{gone['id']}")).status_code == 204
    await hub.emit("payment.failed")
    (request,) = await trunkline_receiver.wait_for(1)
    assert request.path.endswith("/two")
    assert (await hub.client.get(SUBSCRIPTIONS)).json()["count"] == 1
