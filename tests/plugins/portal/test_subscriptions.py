"""The pages of subscriptions: the list, the log, pausing and resuming, secrets, tests, deleting."""

import re

import pytest
from tests.plugins.portal.worlds import shown_when
from tests.statements import execute
from tests.waiting import until

from trunkline_kit.receiver import Answer

LIST = "/portal/subscriptions"
HOOKS = "/api/v1/webhooks/subscriptions"


async def create(running, url: str = "https://example.com/hooks", **changed) -> str:
    return (await running.subscribe(url, **{"event_types": ["lead.created"], **changed}))["id"]


async def times_shown(browser, path: str, pattern: re.Pattern[str], count: int) -> bool:
    return len(pattern.findall(browser.words(await browser.get(path)))) == count


async def is_disabled(running, subscription_id: str) -> bool:
    return await status_of(running, subscription_id) == "disabled"


async def status_of(running, subscription_id: str) -> str:
    return (await running.hub.subscriptions.get(running.company_id, subscription_id, channel=None))["status"]


@pytest.fixture
async def browser(hub_of_test, sign_in):
    return await sign_in(hub_of_test, ["webhooks:write"])


async def test_subscriptions_of_every_channel_are_listed_with_how_they_do(running, receiver, browser):
    receiver.always(Answer(500), path="/bad")
    bad = await create(
        running, receiver.url + "/bad", description="Billing", filter={"metadata.source": "test"}
    )
    await create(running, receiver.url + "/good", event_types=["*"])
    hook = {"hookUrl": receiver.url + "/z", "event_type": "lead.created"}
    await running.client.post("/api/v1/zapier/hooks", json=hook)
    await running.send_test_event()
    await shown_when(browser, LIST, "failed for good")
    await shown_when(browser, LIST, "3 failed in a row")
    delivered = re.compile(r"delivered \d")
    await until(lambda: times_shown(browser, LIST, delivered, 2))
    page = await browser.get(LIST)
    for said in ("Billing", "Zapier", "Every type", "filtered by 1 condition"):
        assert said in browser.words(page)
    assert f'href="{browser.at(LIST)}/{bad}"' in page.text
    assert 'href="http' not in page.text.partition("<main")[2]


async def test_the_list_is_filtered_by_status_and_channel(api, browser):
    await create(api, "https://example.com/on")
    paused = await create(api, "https://example.com/off")
    await api.hub.subscriptions.update(api.company_id, paused, {"status": "paused"}, channel=None)
    hook = {"url": "https://example.com/n8n", "event_type": "lead.created"}
    await api.client.post("/api/v1/n8n/hooks", json=hook)
    for query, listed in (
        ({}, {"on", "off", "n8n"}),
        ({"status": "paused"}, {"off"}),
        ({"channel": "n8n"}, {"n8n"}),
    ):
        page = await browser.get(LIST, **query)
        assert set(re.findall(r"https://example\.com/(\w+)<", page.text)) == listed
    for status in ("disabled", "<script>"):
        assert "No such subscription" in browser.words(await browser.get(LIST, status=status))


async def test_an_operator_looks_after_the_chosen_companys(api, operator):
    subscription = await create(api)
    assert subscription in (await operator.get(LIST)).text
    await operator.post(f"{LIST}/{subscription}/pause")
    assert await status_of(api, subscription) == "paused"


async def test_the_log_shows_each_delivery_and_is_filtered_and_paged(running, receiver, sign_in):
    receiver.script([Answer(500)] * 3)
    subscription = await create(running, receiver.url)
    first = (await running.send_test_event())["id"]
    browser = await sign_in(running, ["webhooks:write", "events:read"])
    page = f"{LIST}/{subscription}"
    await shown_when(browser, page, "failed for good")
    overview = await browser.get(page)
    assert f'href="{browser.root}/deliveries/dlv_{first}_' in overview.text
    assert f'href="{browser.root}/events/{first}"' in overview.text
    assert ": the last 3 attempts failed." in browser.words(overview)
    for _ in range(51):
        await running.send_test_event()

    async def are_delivered() -> bool:
        ended = await running.hub.deliveries.of_subscription(
            running.company_id, subscription, channel=None, status="delivered", limit=100
        )
        return len(ended["deliveries"]) == 51

    await until(are_delivered)
    newest = await browser.get(page)
    assert newest.text.count(f"{browser.root}/deliveries/") == 50
    assert 'rel="next"' in newest.text
    assert 'data-live="' in newest.text
    failed = await browser.get(page, status="exhausted")
    assert failed.text.count(f"{browser.root}/deliveries/") == 1
    older = newest.text.partition(f'href="{browser.at(page)}?cursor=')[2].partition('"')[0]
    last = await browser.get(page, cursor=older)
    assert last.text.count(f"{browser.root}/deliveries/") == 2
    assert "Newest" in browser.words(last)
    assert 'data-live="' not in last.text
    await browser.get(page, cursor="nonsense", expect=400)


async def test_a_new_log_teaches_how_to_fill_it(api, browser):
    subscription = await create(api, event_types=["payment.failed"])
    words = browser.words(await browser.get(f"{LIST}/{subscription}"))
    assert "Nothing has been delivered yet" in words
    assert '"type":"payment.failed"' in words


async def test_settings_show_what_it_takes_and_no_header_value(api, browser):
    takes = {"headers": {"X-Token": "secret-value"}, "filter": {"payload.client_id": {"gte": 5}}}
    subscription = await create(api, **takes, signature="ed25519")
    page = await browser.get(f"{LIST}/{subscription}/settings")
    for said in ("X-Token: ••••", "payload.client_id is at least 5", "whpk_", subscription):
        assert said in browser.words(page)
    assert "secret-value" not in page.text


async def test_it_is_paused_and_resumed_with_what_was_missed(running, receiver, browser):
    subscription = await create(running, receiver.url)
    assert "Nothing more is sent" in browser.words(await browser.get(f"{LIST}/{subscription}/pause"))
    page = await browser.follow(await browser.post(f"{LIST}/{subscription}/pause"))
    assert "The subscription is paused" in browser.words(page)
    assert f'href="{browser.at(LIST)}/{subscription}/resume"' in page.text
    missed = (await running.send_test_event())["id"]

    page = await browser.follow(await browser.post(f"{LIST}/{subscription}/resume", {"catch_up": "yes"}))

    assert "missed events are being delivered" in browser.words(page)
    (request,) = await receiver.wait_for(1)
    assert request.headers["webhook-id"] == str(missed)


async def test_it_is_resumed_from_now_where_that_is_chosen(running, receiver, browser):
    subscription = await create(running, receiver.url)
    await browser.post(f"{LIST}/{subscription}/pause")
    await running.send_test_event()
    page = await browser.follow(await browser.post(f"{LIST}/{subscription}/resume", {"catch_up": "no"}))
    assert "it goes on with the next event" in browser.words(page)
    new = (await running.send_test_event())["id"]
    (request,) = await receiver.wait_for(1)
    assert request.headers["webhook-id"] == str(new)
    assert "nothing to resume" in browser.words(await browser.get(f"{LIST}/{subscription}/resume"))


async def test_a_target_that_is_gone_is_said_to_be_and_can_be_resumed(running, receiver, browser):
    receiver.script([Answer(410)])
    subscription = await create(running, receiver.url)
    await running.send_test_event()
    await until(lambda: is_disabled(running, subscription))
    assert "the target answered 410" in browser.words(await browser.get(f"{LIST}/{subscription}"))
    assert "target gone" in browser.words(await browser.get(LIST))
    await browser.post(f"{LIST}/{subscription}/resume", {"catch_up": "yes"})
    assert await status_of(running, subscription) == "active"


@pytest.mark.parametrize(("hours", "signatures"), [("24", 2), ("0", 1)], ids=["overlap", "at once"])
async def test_a_new_secret_is_shown_and_signs_beside_the_old_one_during_the_overlap(
    running, receiver, browser, hours, signatures
):
    subscription = await create(running, receiver.url)
    rotate = f"{LIST}/{subscription}/rotate"
    assert "until the overlap is over" in browser.words(await browser.get(rotate))
    answer = await browser.post(rotate, {"hours": hours})
    assert "whsec_" in (await browser.follow(answer)).text
    await running.send_test_event()
    (request,) = await receiver.wait_for(1)
    assert len(request.headers["webhook-signature"].split()) == signatures


@pytest.mark.parametrize("hours", ["", "-1", "721", "1.5", "abc", "٢", "9" * 30, "<script>"])
async def test_an_overlap_that_is_none_is_refused(api, browser, hours):
    subscription = await create(api)
    refused = await browser.post(f"{LIST}/{subscription}/rotate", {"hours": hours}, expect=422)
    assert "Enter a number of hours from 0 to 720" in browser.words(refused)
    assert "<script>" not in refused.text.replace('<script type="module"', "")


@pytest.mark.parametrize(
    ("scheme", "words"), [("github", "with the new secret only"), ("ed25519", "A new key pair?")]
)
async def test_rotation_says_what_it_means_for_the_signature(api, browser, scheme, words):
    subscription = await create(api, signature=scheme)
    assert words in browser.words(await browser.get(f"{LIST}/{subscription}/rotate"))
    answer = await browser.post(f"{LIST}/{subscription}/rotate", {"hours": "1"})
    assert ("whpk_" if scheme == "ed25519" else "whsec_") in (await browser.follow(answer)).text


async def test_a_test_shows_what_the_receiver_answered(api, browser, receiver):
    receiver.script([Answer(), Answer(503, body=b"<script>window.xss=1</script>")])
    subscription = await create(api, receiver.url)
    page = await browser.post(f"{LIST}/{subscription}/test", expect=200)
    assert "The receiver accepted it" in browser.words(page)
    page = await browser.post(f"{LIST}/{subscription}/test", expect=200)
    for said in ("The receiver did not accept it", "503", "The target is not available"):
        assert said in browser.words(page)
    assert "<script>window" not in page.text
    assert "&lt;script&gt;" in page.text


async def test_a_test_that_reaches_nobody_says_so(api, browser):
    subscription = await create(api, "http://127.0.0.1:9/")
    words = browser.words(await browser.post(f"{LIST}/{subscription}/test", expect=200))
    assert "There was no answer" in words
    assert "Nothing listens" in words


async def test_deleting_says_how_many_deliveries_end(running, receiver, browser):
    receiver.always(Answer(503, {"retry-after": "3600"}))
    subscription = await create(running, receiver.url)
    assert "No delivery is open." in browser.words(await browser.get(f"{LIST}/{subscription}/delete"))
    for _ in range(2):
        await running.send_test_event()
    sentence = "2 open deliveries will not be made; they end as “gone”."
    await shown_when(browser, f"{LIST}/{subscription}/delete", sentence)
    page = await browser.follow(await browser.post(f"{LIST}/{subscription}/delete"))
    assert "was deleted" in browser.words(page)
    await browser.get(f"{LIST}/{subscription}", expect=404)


async def test_a_platforms_subscription_has_what_can_be_done_with_it_and_no_more(api, browser):
    hook = {"hookUrl": "https://example.com/z", "event_type": "lead.created"}
    page = f"{LIST}/{(await api.client.post('/api/v1/zapier/hooks', json=hook)).json()['id']}"
    for path in ("", "/settings"):
        text = (await browser.get(page + path)).text
        assert f'href="{browser.at(page)}/pause"' in text
        for other in ("edit", "test", "rotate"):
            assert f"{browser.at(page)}/{other}" not in text
    assert "Zapier made this subscription" in browser.words(await browser.get(page + "/settings"))
    await browser.get(f"{page}/secret", expect=404)
    for other in ("edit", "test", "rotate"):
        await browser.get(f"{page}/{other}", expect=404)
        await browser.post(f"{page}/{other}", {"hours": "1"}, expect=404)
    await browser.post(page + "/pause")
    await browser.post(page + "/resume", {"catch_up": "no"})
    assert "Zapier is not told" in browser.words(await browser.get(page + "/delete"))
    await browser.post(page + "/delete")
    assert not await api.hub.subscriptions.list(api.company_id, channel=None)


async def test_one_whose_secrets_do_not_open_says_what_to_do_and_is_given_a_new_secret(running, browser):
    subscription = await create(running, "http://127.0.0.1:9/h")
    junk = b"sealed with another key"
    await execute(
        running.hub.engines, "UPDATE subscriptions SET sealed = :s WHERE id = :id", s=junk, id=subscription
    )
    await until(lambda: is_disabled(running, subscription))
    assert "secrets do not open" in browser.words(await browser.get(LIST))
    page = f"{LIST}/{subscription}"
    said = "do not open. Rotate its secret, give it its headers again, then resume"
    assert said in browser.words(await browser.get(page))
    refused = await browser.post(f"{page}/resume", {"catch_up": "yes"}, expect=409)
    assert "Rotate its secret" in browser.words(refused)
    await browser.post(f"{page}/rotate", {"hours": "0"})
    await browser.post(f"{page}/resume", {"catch_up": "yes"})
    assert await status_of(running, subscription) == "active"
