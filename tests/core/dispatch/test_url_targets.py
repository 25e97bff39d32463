"""A channel whose target is a URL (``Channel(…, target=Url)``) or a secret one (``target=SecretUrl``).

It delivers as webhooks do, and has no route of its own.
"""

import json

import pytest

from trunkline.contract import Channel
from trunkline.contract.targets import SecretUrl, Url
from trunkline.errors import BodyInvalid, TargetRefused
from trunkline.outbound.push import deliver
from trunkline_kit.receiver import Answer

CHANNEL = Channel("plain", "Plain", "As it is.", deliver, target=Url)
SECRET = Channel("plain", "Plain", "As it is.", deliver, target=SecretUrl)
both = pytest.mark.parametrize("channel", [CHANNEL, SECRET], ids=["open", "secret"])
on_sqlite = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)


@on_sqlite
async def test_the_envelope_is_posted_to_the_url_of_the_target(open_house, receiver):
    async with open_house(channels=[CHANNEL]) as house:
        request = {"target": {"url": f"{receiver.url}/h"}, "event_types": ["*"]}
        view = await house.hub.subscriptions.create(92, request, channel="plain")
        made = await house.hub.subscriptions.find(92, view["id"], channel="plain")
        [position] = await house.deliver(to=[made.no])
        tried = await house.hub.subscriptions.test(92, view["id"], channel="plain")
    assert tried["outcome"] == "delivered"
    assert next((r.path, r.headers["webhook-id"]) for r in receiver.requests) == ("/h", str(position))
    assert receiver.count == 2


@on_sqlite
@both
@pytest.mark.parametrize("url", ["ftp://x.example/", "//x.example", "https://", "no url", ""])
async def test_what_is_no_url_is_refused_at_its_place(open_house, channel, url):
    async with open_house(channels=[channel]) as house:
        with pytest.raises(BodyInvalid) as caught:
            await house.hub.subscriptions.create(
                92, {"target": {"url": url}, "event_types": ["*"]}, channel="plain"
            )
    assert [error.path for error in caught.value.errors] == ["/target/url"]


@on_sqlite
@both
@pytest.mark.parametrize("url", ["http://169.254.169.254/x", "https://u:p@x.example/", "https://10.0.0.1/"])
async def test_a_forbidden_url_is_refused_when_it_is_made_and_changed(open_house, channel, url):
    async with open_house(channels=[channel], allow_private_networks="false") as house:
        subscriptions = house.hub.subscriptions
        wrong, right = ({"url": one} for one in (url, "https://1.1.1.1/h"))
        with pytest.raises(TargetRefused) as made:
            await subscriptions.create(92, {"target": wrong, "event_types": ["*"]}, channel="plain")
        view = await subscriptions.create(92, {"target": right, "event_types": ["*"]}, channel="plain")
        with pytest.raises(TargetRefused) as changed:
            await subscriptions.update(92, view["id"], {"target": wrong}, channel="plain")
        listed = await subscriptions.list(92, channel="plain", target_url=view["target_url"])
    assert [error.path for caught in (made, changed) for error in caught.value.errors] == ["/target/url"] * 2
    shown = (
        ("https://1.1.1.1/••••ba6b52b8", {"url": "••••"})
        if channel is SECRET
        else ("https://1.1.1.1/h", right)
    )
    assert [(one["target_url"], one["target"]) for one in listed] == [shown]


@on_sqlite
async def test_a_secret_url_is_posted_to_and_shown_nowhere(open_house, receiver, caplog):
    caplog.set_level("DEBUG", logger="trunkline")
    receiver.always(Answer(404, {}, b"Cannot POST /T0/s3cret"))
    async with open_house(channels=[SECRET]) as house:
        subscriptions = house.hub.subscriptions
        request = {"target": {"url": f"{receiver.url}/T0/s3cret"}, "event_types": ["*"]}
        view = await subscriptions.create(92, request, channel="plain")
        other = await subscriptions.create(
            92, {**request, "target": {"url": f"{receiver.url}/T0/other"}}, channel="plain"
        )
        made = await subscriptions.find(92, view["id"], channel="plain")
        await house.emit(to=[made.no])
        tried = await subscriptions.test(92, view["id"], channel="plain")
        same = await subscriptions.update(92, view["id"], {"target": {"url": "••••"}}, channel="plain")
        deliveries = await house.hub.deliveries.of_subscription(92, view["id"], channel="plain")
        seen = json.dumps([view, tried, same, deliveries], default=str) + repr(made) + caplog.text
    assert {request.path for request in receiver.requests} >= {"/T0/s3cret"}
    assert "s3cret" not in seen
    assert tried["response_body"] == "Cannot POST /••••"
    assert view["target_url"].startswith(f"{receiver.url}/••••")
    assert same["target_url"] == view["target_url"] != other["target_url"]
