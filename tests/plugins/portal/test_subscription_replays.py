"""Replays from the portal: counted, started, watched, cancelled."""

import pytest
from tests.plugins.portal.worlds import shown_when

from trunkline_kit.receiver import Answer

LIST = "/portal/subscriptions"


async def create(running, url: str = "https://example.com/hooks", **changed) -> str:
    request = {"target_url": url, "event_types": ["lead.created", "payment.failed"], **changed}
    return (await running.hub.subscriptions.create(running.company_id, request, channel="webhooks"))["id"]


@pytest.fixture
async def browser(hub_of_test, sign_in):
    return await sign_in(hub_of_test, ["webhooks:write"])


def mark_in(page) -> str:
    return page.text.partition('name="counted" value="')[2].partition('"')[0]


async def test_a_replay_is_counted_started_and_watched(running, receiver, browser):
    for name in ("lead.created", "payment.failed", "lead.created"):
        await running.send_test_event(name)
    subscription = await create(running, receiver.url)
    page = f"{LIST}/{subscription}/replays"
    assert "No replay yet" in browser.words(await browser.get(page))

    fields = {"what": "all", "event_types": ["lead.created"], "from": "2020-01-01T00:00"}
    counted = await browser.post(page + "/new", fields, expect=200)
    assert "2 events would be replayed." in browser.words(counted)
    assert 'value="lead.created" checked' in counted.text
    assert not await running.hub.replays.of_subscription(running.company_id, subscription, channel=None)

    answer = await browser.post(page + "/new", {**fields, "counted": mark_in(counted), "start": "1"})
    assert "The replay has started." in browser.words(await browser.follow(answer))
    await receiver.wait_for(2)
    await shown_when(browser, page, "completed")
    await shown_when(browser, page, "2 of 2 delivered")
    part = await browser.get(page + "/part")
    assert "lead.created" in part.text
    assert "<html" not in part.text


async def test_only_what_was_counted_is_started(api, browser):
    await api.send_test_event()
    subscription = await create(api)
    page = f"{LIST}/{subscription}/replays/new"
    counted = await browser.post(page, {"what": "all"}, expect=200)
    changed = {"what": "all", "to": "2020-01-01T00:00", "counted": mark_in(counted), "start": "1"}
    again = await browser.post(page, changed, expect=200)
    assert "No event is in this range." in browser.words(again)
    assert 'name="start"' not in again.text
    assert not await api.hub.replays.of_subscription(api.company_id, subscription, channel=None)


async def test_only_what_failed_is_sent_again(running, receiver, browser):
    receiver.script([Answer(200), *[Answer(500)] * 3])
    subscription = await create(running, receiver.url)
    await running.send_test_event()
    await receiver.wait_for(1)
    await running.send_test_event()
    await shown_when(browser, f"{LIST}/{subscription}", "failed for good")
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
async def test_a_range_that_is_none_is_refused_and_kept(api, browser, fields, sentence):
    subscription = await create(api)
    page = f"{LIST}/{subscription}/replays/new"
    refused = await browser.post(page, {"what": "failed", **fields, "start": "1"}, expect=422)
    assert sentence in browser.words(refused)
    assert 'value="failed" checked' in refused.text
    if "from" in fields:
        assert f'value="{fields["from"]}"' in refused.text
    assert not await api.hub.replays.of_subscription(api.company_id, subscription, channel=None)


async def test_a_replay_offers_operational_types(api, browser):
    subscription = await create(api, event_types=["operational.*"])
    page = await browser.get(f"{LIST}/{subscription}/replays/new")
    assert 'name="event_types" value="key.created"' in page.text


async def test_a_replay_of_a_paused_subscription_waits_and_can_be_cancelled(api, browser):
    await api.send_test_event()
    subscription = await create(api)
    await api.hub.subscriptions.update(api.company_id, subscription, {"status": "paused"}, channel=None)
    page = f"{LIST}/{subscription}/replays"
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
