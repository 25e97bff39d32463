"""The channel is judged by the kit, and tested for features of mail, all against a real server."""

import asyncio
import time
from email import message_from_bytes
from email.policy import default

import pytest
import pytest_asyncio
from mail_server import Mailbox, MailServer, free_port

from trunkline.testing import ChannelConformance, PluginConformance, SettingsInvalid

PORT = free_port()
SETTINGS = {
    "email.host": "127.0.0.1",
    "email.port": str(PORT),
    "email.security": "none",
    "email.sender": "events@hub.example.com",
    "email.timeout_seconds": "2",
}
MAILBOXES = "/api/v1/email/mailboxes"
JANE = "mailto:jane@example.com"
FAILED = """{"type": "payment.failed", "payload": {"payment_id": 1, "invoice_id": 2, "client_id": 3,
    "amount_attempted": 99.00, "failure_reason": "Zoë's card"}}"""


@pytest_asyncio.fixture
async def server():
    async with MailServer(PORT) as started:
        yield started


class TestPlugin(PluginConformance):
    plugin = "email"
    settings = SETTINGS


class TestChannel(ChannelConformance):
    plugin = "email"
    channel = "email"
    settings = SETTINGS
    own_addresses = (("127.0.0.1", PORT),)
    encrypts_by = ({"email.security": "starttls"}, {"email.security": "tls"})
    rewrites = True
    content_type = None

    def read_body(self, body):
        return body.decode()

    @pytest_asyncio.fixture
    async def far_side(self, server):
        return Mailbox(server)


@pytest.fixture
async def hub(server, trunkline_hub):
    schedule = {"delivery.retry_schedule_seconds": ",".join(["0.5"] * 60), "delivery.retry_jitter": "0"}
    return await trunkline_hub(plugins=["email"], settings=SETTINGS | schedule)


async def subscribe(hub, target: str = JANE) -> dict:
    answer = await hub.client.post(MAILBOXES, json={"target_url": target, "event_types": ["*"]})
    assert answer.status_code == 201, answer.text
    return answer.json()


async def messages(server: MailServer, count: int) -> list:
    async with asyncio.timeout(40):
        while len(server.messages) < count:
            await asyncio.sleep(0.05)
    return [message_from_bytes(content, policy=default) for _, content, _ in server.messages]


async def test_a_message_has_the_titles_of_the_schema_and_every_digit(server, hub):
    made = await subscribe(hub)
    event = (await hub.client.post("/api/v1/events", content=FAILED.encode())).json()
    (message,) = await messages(server, 1)
    assert message["From"] == "events@hub.example.com"
    assert message["To"] == "jane@example.com"
    assert message["Subject"] == "Payment Failed"
    assert message["Message-ID"] == f"<{event['id']}.{made['id']}@hub.example.com>"
    assert message["Auto-Submitted"] == "auto-generated"
    lines = message.get_content().splitlines()
    assert {"Amount Attempted: 99.00", "Failure Reason: Zoë's card"} <= set(lines)
    assert lines[-1].startswith(f"Event {event['id']}, payment.failed, ")


async def test_a_message_that_is_tried_again_is_the_same_message(server, hub):
    await subscribe(hub)
    server.replies["jane@example.com"] = "451 4.3.0 disk full"
    await hub.emit("payment.failed")
    first, second = (await messages(server, 2))[:2]
    assert first.as_bytes() == second.as_bytes()


@pytest.mark.parametrize(
    ("reply", "outcome", "code"),
    [
        ("250 taken", "delivered", 250),
        ("rcpt 450 4.2.0 mailbox busy", "retry", 450),
        ("rcpt 550 5.1.1 no such user", "rejected", 550),
        ("451 4.3.0 disk full", "retry", 451),
        ("554 5.7.1 looks like spam", "rejected", 554),
        ("421 4.3.2 shutting down", "retry", 421),
    ],
)
async def test_an_answer_is_read_by_its_class(server, hub, reply, outcome, code):
    made = await subscribe(hub)
    server.replies["jane@example.com"] = reply
    result = await hub.hub.subscriptions.test(92, made["id"], channel="email")
    assert (result["outcome"], result["status_code"]) == (outcome, code)


async def test_a_server_that_is_away_is_tried_again(trunkline_hub):
    hub = await trunkline_hub(plugins=["email"], settings=SETTINGS)
    made = await subscribe(hub)
    result = await hub.hub.subscriptions.test(92, made["id"], channel="email")
    assert result["outcome"] == "retry"
    assert result["error"] == "the SMTP server did not take it: SMTPConnectError"


async def test_a_server_that_hangs_ends_an_attempt_in_time(server, trunkline_hub):
    hub = await trunkline_hub(plugins=["email"], settings=SETTINGS | {"email.timeout_seconds": "2"})
    made = await subscribe(hub)
    server.replies["jane@example.com"] = "hang"
    began = time.monotonic()
    result = await hub.hub.subscriptions.test(92, made["id"], channel="email")
    assert result["outcome"] == "retry"
    assert time.monotonic() - began < 10


async def test_it_signs_in_and_a_wrong_password_is_no_fault_of_the_event(server, trunkline_hub):
    server.accounts["hub"] = "s3cret"
    for password, outcome in (("wr0ng", "retry"), ("s3cret", "delivered")):
        signed = {"email.user": "hub", "email.password": password}
        hub = await trunkline_hub(plugins=["email"], settings=SETTINGS | signed)
        made = await subscribe(hub, f"mailto:{outcome}@example.com")
        result = await hub.hub.subscriptions.test(92, made["id"], channel="email")
        assert result["outcome"] == outcome
        assert password not in hub.log.text + repr(hub.hub.registry.collected) + str(result)
    assert set(server.signed_in) == {"hub"}


async def test_a_password_is_never_sent_to_a_server_without_tls_unless_the_settings_say_so(
    server, trunkline_hub
):
    server.accounts["hub"] = "s3cret"
    signed = {"email.user": "hub", "email.password": "s3cret", "email.security": "starttls"}
    hub = await trunkline_hub(plugins=["email"], settings=SETTINGS | signed)
    made = await subscribe(hub)
    result = await hub.hub.subscriptions.test(92, made["id"], channel="email")
    assert result["outcome"] == "retry"
    assert server.signed_in == []


@pytest.mark.parametrize(
    "target",
    [
        "https://example.com/",
        "mailto:jane",
        "mailto:jane@example.com,joe@example.com",
        "mailto:jane@example.com?bcc=joe@example.com",
        "mailto:Jane%20Doe@example.com",
        "mailto:<jane@example.com>",
        "mailto:jane@example.com%0d%0aBcc:joe@example.com",
    ],
)
async def test_a_target_is_one_plain_address(hub, target):
    answer = await hub.client.post(MAILBOXES, json={"target_url": target, "event_types": ["*"]})
    assert answer.status_code == 422
    assert [error["path"] for error in answer.json()["errors"]] == ["/target_url"]


async def test_domains_limit_who_may_be_written_to(server, trunkline_hub):
    chosen = SETTINGS | {"email.domains": "example.com, example.org"}
    hub = await trunkline_hub(plugins=["email"], settings=chosen)
    await subscribe(hub, "mailto:jane@Example.ORG")
    request = {"target_url": "mailto:jane@example.net", "event_types": ["*"]}
    answer = await hub.client.post(MAILBOXES, json=request)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["message"] == "must be an address at example.com or example.org"


async def test_a_mailbox_that_was_removed_is_written_to_no_more(server, hub):
    gone = await subscribe(hub)
    await subscribe(hub, "mailto:joe@example.com")
    assert (await hub.client.delete(f"{MAILBOXES}/{gone['id']}")).status_code == 204
    await hub.emit("payment.failed")
    (message,) = await messages(server, 1)
    assert message["To"] == "joe@example.com"
    assert (await hub.client.get(MAILBOXES)).json()["count"] == 1


@pytest.mark.parametrize(
    ("setting", "value"),
    [("port", "0"), ("security", "some"), ("sender", "Jane <jane@example.com>"), ("host", "")],
)
async def test_a_setting_that_cannot_be_stops_the_start_and_is_named(trunkline_hub, setting, value):
    with pytest.raises(SettingsInvalid, match=rf"email\.{setting}"):
        await trunkline_hub(plugins=["email"], settings=SETTINGS | {f"email.{setting}": value})
