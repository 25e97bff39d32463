"""Listed subscriptions: pages with long subscriptions end early, and no subscription is lost."""

from trunkline.subscribing.finding import PAGE_BYTES

LARGE = {"payload.client_id": {"in": [10**12 + number for number in range(1000)]}, "metadata.x": "x" * 45_000}


def request_of(number, **more):
    return {"target_url": f"https://example.com/{number}", "event_types": ["client.created"], **more}


async def read_to_the_end(client, path, members):
    pages, cursor = [], {}
    while cursor is not None:
        answer = await client.get(path, params=cursor)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        assert (len(page[members]), len(answer.content) < 1.1 * PAGE_BYTES) == (page["count"], True)
        pages.append([one["id"] for one in page[members]])
        cursor = {"cursor": page["next_cursor"]} if page["next_cursor"] else None
    return pages


async def test_pages_end_early_where_filters_are_large_and_lose_none(running):
    made = []
    for number in range(30):
        more = {"filter": LARGE} if 3 < number < 15 else {}
        body = request_of(number, **more)
        answer = await running.client.post("/api/v1/webhooks/subscriptions", json=body)
        made.append(answer.json()["id"])
    for path in ("/api/v1/subscriptions", "/api/v1/webhooks/subscriptions"):
        pages = await read_to_the_end(running.client, path, "subscriptions")
        assert [len(page) for page in pages] == [8, 4, 18]
        assert [one for page in pages for one in page] == made
    subscriptions = running.hub.subscriptions
    listed = await subscriptions.list(running.company_id, channel=None)
    assert [view["id"] for view in listed] == made
    event = await running.emit("client.created")
    explained = await running.client.get(f"/api/v1/events/{event.event_id}/explain")
    assert [one["subscription_id"] for one in explained.json()["subscriptions"]] == made
    assert len(explained.content) < 20_000


async def test_hooks_have_pages_too(api):
    made = [
        (await api.client.post("/api/v1/zapier/hooks", json=request_of(number, filter=LARGE))).json()["id"]
        for number in range(5)
    ]
    assert await read_to_the_end(api.client, "/api/v1/zapier/hooks", "hooks") == [made[:4], made[4:]]
    answer = await api.client.get("/api/v1/subscriptions?cursor=ZTE6Nw")
    assert answer.json()["type"] == "urn:trunkline:problem:bad-cursor"
