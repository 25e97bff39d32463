"""A channel whose target is a URL (``Channel(…, target=Url)``): it delivers as webhooks do, without a route of its own."""

import pytest

from trunkline.contract import Channel
from trunkline.contract.targets import Url
from trunkline.errors import BodyInvalid, TargetRefused
from trunkline.outbound.push import deliver

CHANNEL = Channel("plain", "Plain", "As it is.", deliver, target=Url)
on_sqlite = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)


@on_sqlite
async def test_the_envelope_is_posted_to_the_url_of_the_target(open_house, receiver):
    async with open_house(channels=[CHANNEL]) as house:
        request = {"target": {"url": f"{receiver.url}/h"}, "event_types": ["*"]}
        view = await house.hub.subscriptions.create(92, request, channel="plain")
        made = await house.hub.subscriptions.find(92, view["id"], channel="plain")
        [position] = await house.emit(to=[made.no])
        await house.check_settled()
        tried = await house.hub.subscriptions.test(92, view["id"], channel="plain")
    assert tried["outcome"] == "delivered"
    assert next((r.path, r.headers["webhook-id"]) for r in receiver.requests) == ("/h", str(position))
    assert receiver.count == 2


@on_sqlite
@pytest.mark.parametrize("url", ["ftp://x.example/", "//x.example", "https://", "no url", ""])
async def test_what_is_no_url_is_refused_at_its_place(open_house, url):
    async with open_house(channels=[CHANNEL]) as house:
        with pytest.raises(BodyInvalid) as caught:
            await house.hub.subscriptions.create(
                92, {"target": {"url": url}, "event_types": ["*"]}, channel="plain"
            )
    assert [error.path for error in caught.value.errors] == ["/target/url"]


@on_sqlite
@pytest.mark.parametrize("url", ["http://169.254.169.254/x", "https://u:p@x.example/", "https://10.0.0.1/"])
async def test_where_it_must_not_lead_is_refused_at_its_place_when_it_is_made_and_changed(open_house, url):
    async with open_house(channels=[CHANNEL], allow_private_networks="false") as house:
        subscriptions = house.hub.subscriptions
        wrong, right = ({"url": one} for one in (url, "https://1.1.1.1/h"))
        with pytest.raises(TargetRefused) as made:
            await subscriptions.create(92, {"target": wrong, "event_types": ["*"]}, channel="plain")
        view = await subscriptions.create(92, {"target": right, "event_types": ["*"]}, channel="plain")
        with pytest.raises(TargetRefused) as changed:
            await subscriptions.update(92, view["id"], {"target": wrong}, channel="plain")
        listed = await subscriptions.list(92, channel="plain", target_url="https://1.1.1.1/h")
    assert [error.path for caught in (made, changed) for error in caught.value.errors] == ["/target/url"] * 2
    assert [(one["target_url"], one["target"]) for one in listed] == [("https://1.1.1.1/h", right)]
