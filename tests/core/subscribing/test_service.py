"""Subscriptions of a channel without HTTP: made, changed, shown, tested and deleted; and the state that its hooks share."""

import json

import pytest
from tests.answers import json_of

from trunkline.errors import PluginFailed, TargetRefused
from trunkline_kit import Source

PIGEON = '''
"""Messages by pigeon: a loft of the operator's, and the name of whoever gets them."""

import asyncio
import contextlib

from trunkline import Channel, Outcome, Result, hookimpl
from trunkline.routes import rest_hook_routes


class Loft:
    def __init__(self, context):
        self.is_open = False
        self.sent = []

    async def deliver(self, push, http):
        name = push.target.url.removeprefix("pigeon:")
        if name == "lost":
            await asyncio.Event().wait()
        if name == "odd":
            return "a feather"
        if not self.is_open:
            return Result(Outcome.RETRY, error="the loft is closed")
        self.sent.append((name, push.event_id))
        return Result(Outcome.DELIVERED)

    @contextlib.asynccontextmanager
    async def opened(self):
        self.is_open = True
        yield
        self.is_open = False


def find_fault(url):
    return None if url.removeprefix("pigeon:").isalpha() else "names nobody that a pigeon could find"


@hookimpl
def register_channels(context):
    loft = context.shared(Loft)
    assert context.shared(Loft) is loft
    return [Channel("pigeon", "Pigeon", "By bird.", loft.deliver, schemes=SCHEMES, check_target=find_fault)]


@hookimpl
def register_routes(context):
    return [rest_hook_routes(context, channel="pigeon", title="Pigeon", example="pigeon:jane")]


@hookimpl
def lifespan(context):
    return context.shared(Loft).opened()
'''
HOOKS = "/api/v1/pigeon/hooks"


def pigeon(schemes: str = '("pigeon",)') -> Source:
    return Source("pigeon", PIGEON.replace("SCHEMES", schemes))


@pytest.fixture
async def hub(trunkline_hub):
    return await trunkline_hub(plugins=[pigeon(), "webhooks"], settings={"delivery.timeout_seconds": "1"})


async def subscribe(hub, target: str = "pigeon:jane") -> dict:
    return json_of(await hub.client.post(HOOKS, json={"target_url": target, "event_types": ["*"]}), 201)


async def attempt(hub, target: str) -> dict:
    made = await subscribe(hub, target)
    return await hub.hub.subscriptions.test(92, made["id"], channel="pigeon")


async def test_a_target_of_the_channels_scheme_is_subscribed_and_shown_as_it_was_written(hub):
    made = await subscribe(hub)
    assert made["target_url"] == "pigeon:jane"
    found = await hub.client.get("/api/v1/subscriptions", params={"target_url": "pigeon:jane"})
    (listed,) = found.json()["subscriptions"]
    assert (listed["id"], listed["channel"]) == (made["id"], "pigeon")
    again = await hub.client.post(HOOKS, json={"target_url": "pigeon:jane", "event_types": ["*"]})
    assert (again.status_code, again.json()["id"]) == (200, made["id"])


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("https://example.com/", "must start with 'pigeon:'"),
        ("pigeon:", "names nothing after 'pigeon:'"),
        ("pigeon:jane%0a", "must not contain whitespace, control characters or backslashes"),
        ("pigeon:j4ne", "names nobody that a pigeon could find"),
    ],
)
async def test_a_target_that_cannot_be_is_refused_with_its_reason(hub, target, message):
    answer = json_of(await hub.client.post(HOOKS, json={"target_url": target, "event_types": ["*"]}), 422)
    assert answer["errors"] == [{"path": "/target_url", "message": message}]


async def test_no_other_channel_takes_a_target_of_that_scheme(hub):
    request = {"target_url": "pigeon:jane", "event_types": ["*"]}
    (fault,) = (await hub.client.post("/api/v1/webhooks/subscriptions", json=request)).json()["errors"]
    message = "must start with 'https://' or 'http://', not with 'pigeon:'"
    assert fault == {"path": "/target_url", "message": message}


async def test_a_changed_target_is_judged_as_a_new_one(hub):
    made = await subscribe(hub)
    with pytest.raises(TargetRefused, match="names nobody"):
        await hub.hub.subscriptions.update(92, made["id"], {"target_url": "pigeon:7"}, channel="pigeon")
    shown = await hub.hub.subscriptions.update(92, made["id"], {"target_url": "pigeon:joe"}, channel="pigeon")
    assert shown["target_url"] == "pigeon:joe"


async def test_two_hubs_in_one_process_share_nothing(trunkline_hub):
    first = await trunkline_hub(plugins=[pigeon()])
    second = await trunkline_hub(plugins=["pigeon"])
    await first.stop()
    assert (await attempt(second, "pigeon:jane"))["outcome"] == "delivered"


@pytest.mark.parametrize(
    ("target", "error"),
    [("pigeon:lost", "timeout"), ("pigeon:odd", "channel_error: gave str instead of a Result")],
    ids=["hangs until the time limit", "gives nonsense"],
)
async def test_a_test_call_of_a_channel_that_errs_is_one_failed_attempt(hub, target, error):
    shown = await attempt(hub, target)
    assert (shown["outcome"], shown["error"]) == ("retry", error)


async def test_the_documentation_shows_a_target_that_the_channel_takes(hub):
    paths = (await hub.client.get("/openapi.json")).json()["paths"]
    content = paths[HOOKS]["post"]["requestBody"]["content"]["application/json"]
    (example,) = content["examples"].values()
    assert example["value"]["target_url"] == "pigeon:jane"
    assert "hooks.example.com" not in json.dumps(content["examples"])


@pytest.mark.parametrize("schemes", ['("Pigeon",)', '("pigeon:",)', "()", '"pigeon"', "None"])
async def test_a_channel_whose_schemes_are_none_is_refused_with_its_reason(trunkline_hub, schemes):
    with pytest.raises(PluginFailed, match="gave a faulty Channel in register_channels: its scheme"):
        await trunkline_hub(plugins=[pigeon(schemes)])


async def test_a_check_of_targets_that_is_no_function_is_refused(trunkline_hub):
    text = PIGEON.replace("SCHEMES", '("pigeon",)').replace("check_target=find_fault", "check_target='later'")
    with pytest.raises(PluginFailed, match="its check_target is a value of type str, not a function"):
        await trunkline_hub(plugins=[Source("pigeon", text)])
