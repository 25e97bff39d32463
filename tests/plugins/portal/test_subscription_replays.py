"""Replays from the portal: counted, started, watched, cancelled."""

import pytest
from tests.waiting import until

from trunkline_kit.receiver import Answer

LIST = "/portal/subscriptions"


async def create(running, url: str = "https://example.com/hooks", **changed) -> str:
    request = {"target_url": url, "event_types": ["lead.created", "payment.failed"], **changed}
    return (await running.hub.subscriptions.create(running.company_id, request, channel="webhooks"))["id"]


def mark_in(page) -> str:
    return page.text.partition('name="counted" value="')[2].partition('"')[0]


async def test_a_replay_is_counted_started_and_watched(running, receiver, sign_in):
    for name in ("lead.created", "payment.failed", "lead.created"):
        await running.send_test_event(name)
    subscription = await create(running, receiver.url)
    browser = await sign_in(running, ["webhooks:write"])
    page = f"{LIST}/{subscription}/replays"
    assert "No replay yet" in browser.words(await browser.get(page))
    await browser.get(page + "/new")

    fields = {"what": "all", "event_types": ["lead.created"], "from": "2020-01-01T00:00"}
    counted = await browser.post(page + "/new", fields, expect=200)
    assert "2 events would be replayed." in browser.words(counted)
    assert 'value="lead.created" checked' in counted.text
    assert not await running.hub.replays.of_subscription(running.company_id, subscription, channel=None)

    answer = await browser.post(page + "/new", {**fields, "counted": mark_in(counted), "start": "1"})
    assert "The replay has started." in browser.words(await browser.follow(answer))
    await receiver.wait_for(2)

    async def is_completed() -> bool:
        words = browser.words(await browser.get(page))
        return "completed" in words and "2 of 2 delivered" in words

    await until(is_completed)
    part = await browser.get(page + "/part")
    assert "lead.created" in part.text
    assert "<html" not in part.text


async def test_only_what_was_counted_is_started(api, sign_in):
    await api.send_test_event()
    subscription = await create(api)
    browser = await sign_in(api, ["webhooks:write"])
    page = f"{LIST}/{subscription}/replays/new"
    await browser.get(page)
    counted = await browser.post(page, {"what": "all"}, expect=200)
    changed = {"what": "all", "to": "2020-01-01T00:00", "counted": mark_in(counted), "start": "1"}
    again = await browser.post(page, changed, expect=200)
    assert "No event is in this range." in browser.words(again)
    assert 'name="start"' not in again.text
    assert not await api.hub.replays.of_subscription(api.company_id, subscription, channel=None)


async def test_only_what_failed_is_sent_again(running, receiver, sign_in):
    receiver.script([Answer(200), *[Answer(500)] * 3])
    subscription = await create(running, receiver.url)
    await running.send_test_event()
    await receiver.wait_for(1)
    await running.send_test_event()
    browser = await sign_in(running, ["webhooks:write"])

    async def has_failed() -> bool:
        page_of_log = await running.hub.deliveries.of_subscription(
            running.company_id, subscription, channel=None, status="exhausted"
        )
        return len(page_of_log["deliveries"]) == 1

    await until(has_failed)
    page = f"{LIST}/{subscription}/replays/new"
    form = await browser.get(page, only_failed="1")
    assert 'value="failed" checked' in form.text
    counted = await browser.post(page, {"what": "failed"}, expect=200)
    assert "1 event would be replayed." in browser.words(counted)
    await browser.post(page, {"what": "failed", "counted": mark_in(counted), "start": "1"})
    await receiver.wait_for(5)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"from": "yesterday"}, "Enter a date and a time in UTC"),
        ({"from": "0001-01-01T00:00+14:00"}, "Enter a date and a time in UTC"),
        ({"to": "2026-13-01T00:00"}, "Enter a date and a time in UTC"),
        ({"from": "2026-02-01T00:00", "to": "2026-01-01T00:00"}, "Must be after 'from'"),
        ({"event_types": ["no.such"]}, "Is not a known event type"),
    ],
)
async def test_a_range_that_is_none_is_refused_and_kept(api, sign_in, fields, sentence):
    subscription = await create(api)
    browser = await sign_in(api, ["webhooks:write"])
    page = f"{LIST}/{subscription}/replays/new"
    await browser.get(page)
    refused = await browser.post(page, {"what": "failed", **fields, "start": "1"}, expect=422)
    assert sentence in browser.words(refused)
    assert 'value="failed" checked' in refused.text
    if "from" in fields:
        assert f'value="{fields["from"]}"' in refused.text
    assert not await api.hub.replays.of_subscription(api.company_id, subscription, channel=None)


async def test_a_replay_offers_operational_types(api, sign_in):
    subscription = await create(api, event_types=["operational.*"])
    browser = await sign_in(api, ["webhooks:write"])
    page = await browser.get(f"{LIST}/{subscription}/replays/new")
    assert 'name="event_types" value="key.created"' in page.text


async def test_a_replay_of_a_paused_subscription_waits_and_can_be_cancelled(api, sign_in):
    await api.send_test_event()
    subscription = await create(api)
    await api.hub.subscriptions.update(api.company_id, subscription, {"status": "paused"}, channel=None)
    browser = await sign_in(api, ["webhooks:write"])
    page = f"{LIST}/{subscription}/replays"
    await browser.get(page + "/new")
    counted = await browser.post(page + "/new", {"what": "all"}, expect=200)
    assert "the replay waits until it is resumed" in browser.words(counted)
    await browser.post(page + "/new", {"what": "all", "counted": mark_in(counted), "start": "1"})
    assert "waits until the subscription is resumed" in browser.words(await browser.get(page))
    (replay,) = await api.hub.replays.of_subscription(api.company_id, subscription, channel=None)
    cancel = f"{page}/{replay['id']}/cancel"
    assert "not begun is taken back" in browser.words(await browser.get(cancel))
    words = browser.words(await browser.follow(await browser.post(cancel)))
    assert "The replay was cancelled." in words
    assert "cancelled" in words.partition("Progress")[2]


async def test_another_companys_replay_is_not_there(api, sign_in):
    theirs = await api.hub.subscriptions.create(
        api.neighbour_id, {"target_url": "https://example.com/", "event_types": ["*"]}, channel="webhooks"
    )
    replay = await api.hub.replays.start(api.neighbour_id, theirs["id"], {}, channel=None)
    subscription = await create(api)
    browser = await sign_in(api, ["webhooks:write"])
    await browser.get(f"{LIST}/{subscription}/pause")
    for replay_id in (replay["id"], "rpl_x", "%00"):
        await browser.get(f"{LIST}/{subscription}/replays/{replay_id}/cancel", expect=404)
        await browser.post(f"{LIST}/{subscription}/replays/{replay_id}/cancel", expect=404)
    assert (await api.hub.replays.get(api.neighbour_id, replay["id"]))["status"] == "running"
