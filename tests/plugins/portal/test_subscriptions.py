"""The pages of subscriptions: the list, the log, pausing and resuming, secrets, tests, deleting."""

import re

import pytest
from tests.waiting import until

from trunkline.store import subscriptions
from trunkline_kit.receiver import Answer

LIST = "/portal/subscriptions"
HOOKS = "/api/v1/webhooks/subscriptions"


async def create(running, url: str = "https://example.com/hooks", **changed) -> str:
    return (await running.subscribe(url, **{"event_types": ["lead.created"], **changed}))["id"]


async def status_of(running, subscription_id: str) -> str:
    return (await running.hub.subscriptions.get(running.company_id, subscription_id, channel=None))["status"]


@pytest.fixture
async def browser(api, sign_in):
    return await sign_in(api, ["webhooks:write"])


async def test_an_empty_list_teaches_the_next_step(browser):
    page = await browser.get(LIST)
    assert "Nothing is sent anywhere yet" in browser.words(page)
    assert "curl http://hub.test/api/v1/webhooks/subscriptions" in browser.words(page)
    assert "X-Api-Key: YOUR_API_KEY" in browser.words(page)


async def test_subscriptions_of_every_channel_are_listed_with_how_they_do(running, receiver, sign_in):
    receiver.always(Answer(500), path="/bad")
    bad = await create(
        running, receiver.url + "/bad", description="Billing", filter={"metadata.source": "test"}
    )
    await create(running, receiver.url + "/good", event_types=["*"])
    await running.client.post(
        "/api/v1/zapier/hooks", json={"hookUrl": receiver.url + "/z", "event_type": "lead.created"}
    )
    await running.send_test_event()
    browser = await sign_in(running, ["webhooks:write"])

    async def is_shown() -> bool:
        words = browser.words(await browser.get(LIST))
        return (
            "failed for good" in words
            and "3 failed in a row" in words
            and len(re.findall(r"delivered \d", words)) == 2
        )

    await until(is_shown)
    page = await browser.get(LIST)
    words = browser.words(page)
    assert "Billing" in words
    assert "Zapier" in words
    assert "Every type" in words
    assert "filtered by 1 condition" in words
    assert f'href="{browser.at(LIST)}/{bad}"' in page.text
    assert 'href="http' not in page.text.partition("<main")[2]


async def test_the_list_is_filtered_by_status_and_channel(api, browser):
    await create(api, "https://example.com/on")
    paused = await create(api, "https://example.com/off")
    await api.hub.subscriptions.update(api.company_id, paused, {"status": "paused"}, channel=None)
    await api.client.post(
        "/api/v1/n8n/hooks", json={"url": "https://example.com/n8n", "event_type": "lead.created"}
    )

    def listed(page) -> set[str]:
        return {name for name in ("on", "off", "n8n") if f"https://example.com/{name}<" in page.text}

    assert listed(await browser.get(LIST)) == {"on", "off", "n8n"}
    assert listed(await browser.get(LIST, status="paused")) == {"off"}
    assert listed(await browser.get(LIST, channel="n8n")) == {"n8n"}
    assert "No such subscription" in browser.words(await browser.get(LIST, status="disabled"))
    assert "No such subscription" in browser.words(await browser.get(LIST, status="<script>"))


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/settings",
        "/replays",
        "/replays/new",
        "/replays/part",
        "/deliveries",
        "/edit",
        "/secret",
        "/pause",
        "/resume",
        "/rotate",
        "/test",
        "/delete",
    ],
)
async def test_another_companys_subscription_is_not_there(api, browser, path):
    other = await api.hub.subscriptions.create(
        api.neighbour_id, {"target_url": "https://example.com/", "event_types": ["*"]}, channel="webhooks"
    )
    await browser.get(LIST)
    for subscription_id in (other["id"], "sub_" + "0" * 20, "nonsense", "%00", "..%2f"):
        await browser.get(f"{LIST}/{subscription_id}{path}", expect=404)
    if path in {"/edit", "/pause", "/resume", "/rotate", "/test", "/delete", "/replays/new"}:
        await browser.get("/portal/sign-out-everywhere")
        fields = {"target_url": "https://example.com/x", "types": "all", "hours": "0"}
        await browser.post(f"{LIST}/{other['id']}{path}", fields, expect=404)
    unchanged = await api.hub.subscriptions.get(api.neighbour_id, other["id"], channel=None)
    assert unchanged["status"] == "active"
    assert unchanged["target_url"] == "https://example.com/"


async def test_who_lacks_the_scope_sees_nothing_of_it(api, sign_in):
    subscription = await create(api)
    browser = await sign_in(api, ["events:read", "admin"])
    for path in (LIST, f"{LIST}/new", f"{LIST}/{subscription}", f"{LIST}/{subscription}/deliveries"):
        assert "webhooks:" in browser.words(await browser.get(path, expect=403))
    await browser.post(f"{LIST}/{subscription}/delete", expect=403)
    assert await status_of(api, subscription) == "active"


async def test_an_operator_looks_after_the_chosen_companys(api, sign_in):
    subscription = await create(api)
    browser = await sign_in(api, company_id=None)
    assert subscription in (await browser.get(LIST)).text
    await browser.get(f"{LIST}/{subscription}/pause")
    await browser.post(f"{LIST}/{subscription}/pause")
    assert await status_of(api, subscription) == "paused"


async def test_the_log_shows_each_delivery_and_is_filtered_and_paged(running, receiver, sign_in):
    receiver.script([Answer(500)] * 3)
    subscription = await create(running, receiver.url)
    first = (await running.send_test_event())["id"]
    browser = await sign_in(running, ["webhooks:write", "events:read"])
    page = f"{LIST}/{subscription}"

    async def has_failed() -> bool:
        return ">failed for good<" in (await browser.get(page + "/deliveries")).text

    await until(has_failed)
    overview = await browser.get(page)
    assert f'href="{browser.root}/deliveries/dlv_{first}_' in overview.text
    assert f'href="{browser.root}/events/{first}"' in overview.text
    assert ": the last 3 attempts failed." in browser.words(overview)
    for _ in range(51):
        await running.send_test_event()

    async def are_delivered() -> bool:
        log = await running.hub.deliveries.of_subscription(
            running.company_id, subscription, channel=None, status="delivered", limit=100
        )
        return len(log["deliveries"]) == 51

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
    subscription = await create(
        api,
        headers={"X-Token": "secret-value"},
        filter={"payload.client_id": {"gte": 5}},
        signature="ed25519",
    )
    page = await browser.get(f"{LIST}/{subscription}/settings")
    words = browser.words(page)
    assert "X-Token: ••••" in words
    assert "secret-value" not in page.text
    assert "payload.client_id is at least 5" in words
    assert "whpk_" in words
    assert subscription in words


async def test_it_is_paused_and_resumed_with_what_was_missed(running, receiver, sign_in):
    subscription = await create(running, receiver.url)
    browser = await sign_in(running, ["webhooks:write"])
    assert "Nothing more is sent" in browser.words(await browser.get(f"{LIST}/{subscription}/pause"))
    page = await browser.follow(await browser.post(f"{LIST}/{subscription}/pause"))
    assert "The subscription is paused" in browser.words(page)
    assert f'href="{browser.at(LIST)}/{subscription}/resume"' in page.text
    missed = (await running.send_test_event())["id"]

    await browser.get(f"{LIST}/{subscription}/resume")
    page = await browser.follow(await browser.post(f"{LIST}/{subscription}/resume", {"catch_up": "yes"}))

    assert "missed events are being delivered" in browser.words(page)
    (request,) = await receiver.wait_for(1)
    assert request.headers["webhook-id"] == str(missed)


async def test_it_is_resumed_from_now_where_that_is_chosen(running, receiver, sign_in):
    subscription = await create(running, receiver.url)
    browser = await sign_in(running, ["webhooks:write"])
    await browser.get(f"{LIST}/{subscription}/pause")
    await browser.post(f"{LIST}/{subscription}/pause")
    await running.send_test_event()
    page = await browser.follow(await browser.post(f"{LIST}/{subscription}/resume", {"catch_up": "no"}))
    assert "it goes on with the next event" in browser.words(page)
    new = (await running.send_test_event())["id"]
    (request,) = await receiver.wait_for(1)
    assert request.headers["webhook-id"] == str(new)
    assert "nothing to resume" in browser.words(await browser.get(f"{LIST}/{subscription}/resume"))


async def test_a_target_that_is_gone_is_said_to_be_and_can_be_resumed(running, receiver, sign_in):
    receiver.script([Answer(410)])
    subscription = await create(running, receiver.url)
    await running.send_test_event()
    browser = await sign_in(running, ["webhooks:write"])

    async def is_disabled() -> bool:
        return await status_of(running, subscription) == "disabled"

    await until(is_disabled)
    assert "the target answered 410" in browser.words(await browser.get(f"{LIST}/{subscription}"))
    assert "target gone" in browser.words(await browser.get(LIST))
    await browser.post(f"{LIST}/{subscription}/resume", {"catch_up": "yes"})
    assert await status_of(running, subscription) == "active"


async def test_a_new_secret_is_shown_once_and_signs_beside_the_old_one(running, receiver, sign_in):
    subscription = await create(running, receiver.url)
    browser = await sign_in(running, ["webhooks:write"])
    assert "until the overlap is over" in browser.words(await browser.get(f"{LIST}/{subscription}/rotate"))
    answer = await browser.post(f"{LIST}/{subscription}/rotate", {"hours": "24"})
    assert "whsec_" in (await browser.follow(answer)).text
    await running.send_test_event()
    (request,) = await receiver.wait_for(1)
    assert len(request.headers["webhook-signature"].split()) == 2


async def test_without_overlap_the_old_secret_stops_at_once(running, receiver, sign_in):
    subscription = await create(running, receiver.url)
    browser = await sign_in(running, ["webhooks:write"])
    await browser.get(f"{LIST}/{subscription}/rotate")
    await browser.post(f"{LIST}/{subscription}/rotate", {"hours": "0"})
    await running.send_test_event()
    (request,) = await receiver.wait_for(1)
    assert len(request.headers["webhook-signature"].split()) == 1


@pytest.mark.parametrize("hours", ["", "-1", "721", "1.5", "abc", "٢", "9" * 30, "<script>"])
async def test_an_overlap_that_is_none_is_refused(api, browser, hours):
    subscription = await create(api)
    await browser.get(f"{LIST}/{subscription}/rotate")
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
    body = b"<script>window.xss=1</script>"
    receiver.script([Answer(), Answer(503, body=body)])
    subscription = await create(api, receiver.url)
    await browser.get(f"{LIST}/{subscription}")
    page = await browser.post(f"{LIST}/{subscription}/test", expect=200)
    assert "The receiver accepted it" in browser.words(page)
    page = await browser.post(f"{LIST}/{subscription}/test", expect=200)
    words = browser.words(page)
    assert "The receiver did not accept it" in words
    assert "503" in words
    assert "The target is not available" in words
    assert "<script>window" not in page.text
    assert "&lt;script&gt;" in page.text


async def test_a_test_that_reaches_nobody_says_so(api, browser):
    subscription = await create(api, "http://127.0.0.1:9/")
    await browser.get(f"{LIST}/{subscription}/test")
    words = browser.words(await browser.post(f"{LIST}/{subscription}/test", expect=200))
    assert "There was no answer" in words
    assert "Nothing listens" in words


async def test_deleting_says_how_many_deliveries_end(running, receiver, sign_in):
    receiver.always(Answer(503, {"retry-after": "3600"}))
    subscription = await create(running, receiver.url)
    browser = await sign_in(running, ["webhooks:write"])
    assert "No delivery is open." in browser.words(await browser.get(f"{LIST}/{subscription}/delete"))
    for _ in range(2):
        await running.send_test_event()
    sentence = "2 open deliveries will not be made; they end as “gone”."

    async def is_said() -> bool:
        return sentence in browser.words(await browser.get(f"{LIST}/{subscription}/delete"))

    await until(is_said)
    page = await browser.follow(await browser.post(f"{LIST}/{subscription}/delete"))
    assert "was deleted" in browser.words(page)
    await browser.get(f"{LIST}/{subscription}", expect=404)


async def test_a_platforms_subscription_has_what_can_be_done_with_it_and_no_more(api, browser):
    hook = await api.client.post(
        "/api/v1/zapier/hooks", json={"hookUrl": "https://example.com/z", "event_type": "lead.created"}
    )
    page = f"{LIST}/{hook.json()['id']}"
    for path in ("", "/settings"):
        text = (await browser.get(page + path)).text
        assert f'href="{browser.at(page)}/pause"' in text
        for other in ("edit", "test", "rotate"):
            assert f"{browser.at(page)}/{other}" not in text
    assert "Zapier made this subscription" in browser.words(await browser.get(page + "/settings"))
    for other in ("edit", "test", "rotate", "secret"):
        await browser.get(f"{page}/{other}", expect=404)
    for other in ("edit", "test", "rotate"):
        await browser.get(page + "/pause")
        await browser.post(f"{page}/{other}", {"hours": "1"}, expect=404)
    await browser.post(page + "/pause")
    await browser.post(page + "/resume", {"catch_up": "no"})
    assert "Zapier is not told" in browser.words(await browser.get(page + "/delete"))
    await browser.post(page + "/delete")
    assert not await api.hub.subscriptions.list(api.company_id, channel=None)


async def test_what_changes_anything_needs_the_forms_token(api, browser):
    subscription = await create(api)
    browser.csrf = "forged"
    for path in ("pause", "resume", "rotate", "test", "delete", "edit", "replays/new"):
        await browser.post(f"{LIST}/{subscription}/{path}", {"hours": "0"}, expect=403)
    assert await status_of(api, subscription) == "active"


async def test_one_whose_secrets_do_not_open_says_what_to_do_and_is_given_a_new_secret(running, sign_in):
    subscription = await create(running, "http://127.0.0.1:9/h")
    hub = running.hub
    async with hub.engines.write() as connection:
        row = await subscriptions.get(connection, subscription)
        junk = b"sealed with another key"
        await subscriptions.update(connection, row.no, {"sealed": junk})

    async def is_disabled() -> bool:
        return await status_of(running, subscription) == "disabled"

    await until(is_disabled)
    browser = await sign_in(running, ["webhooks:write"])
    assert "secrets do not open" in browser.words(await browser.get(LIST))
    page = browser.words(await browser.get(f"{LIST}/{subscription}"))
    assert "do not open. Rotate its secret, give it its headers again, then resume" in page
    await browser.get(f"{LIST}/{subscription}/resume")
    refused = await browser.post(f"{LIST}/{subscription}/resume", {"catch_up": "yes"}, expect=409)
    assert "Rotate its secret" in browser.words(refused)
    await browser.get(f"{LIST}/{subscription}/rotate")
    await browser.post(f"{LIST}/{subscription}/rotate", {"hours": "0"})
    await browser.get(f"{LIST}/{subscription}/resume")
    await browser.post(f"{LIST}/{subscription}/resume", {"catch_up": "yes"})
    assert await status_of(running, subscription) == "active"
