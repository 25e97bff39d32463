"""No page links to a page that its viewer's scopes do not open.

The overview is left out: without any page to show, it says which scope is missing.
"""

import re
from html import unescape

import pytest
from tests.answers import json_of
from tests.plugins.portal.worlds import emit, subscribe
from tests.waiting import until

from trunkline.access.keys import COMPANY_SCOPES

_LINK = re.compile(r'<a [^>]*href="(/portal[^"#]*)')
_ID = re.compile(r"(?<=/)(?:\d+|(?:sub|dlv|key|rpl)_\w+|[a-z]+\.[a-z_]+)(?=[/?]|$)")


@pytest.fixture
async def pages(lend_hub, receiver):
    """Give a hub with a delivery and a room for alerts, and the addresses of pages that other pages do not link to for everybody."""
    running = await lend_hub("sqlite")
    subscription = await subscribe(running, receiver.url, event_types=["lead.created", "key.created"])
    room = {"channel": "alerts_chat", "event_types": ["operational.*"]}
    room["target"] = {"room": "#ops", "url": "https://chat.example.com/hooks/T0"}
    made = json_of(await running.client.post("/api/v1/subscriptions", json=room), 201)
    event = await emit(running)
    deliveries = await until(lambda: running.hub.deliveries.of_event(running.company_id, event))
    return running, [
        "/portal",
        f"/portal/events/{event}",
        f"/portal/deliveries/{deliveries[0]['id']}",
        f"/portal/subscriptions/{subscription}",
        f"/portal/subscriptions/{made['id']}/settings",
        "/portal/subscriptions/new",
        "/portal/x/alerts/alerts",
        "/portal/search?q=sub",
    ]


@pytest.mark.parametrize("is_alone", [True, False], ids=["alone", "missing"])
@pytest.mark.parametrize("scope", COMPANY_SCOPES)
async def test_every_link_can_be_followed(pages, sign_in, scope, is_alone):
    running, first = pages
    browser = await sign_in(running, [other for other in COMPANY_SCOPES if (other == scope) == is_alone])
    waiting, seen, refused = dict.fromkeys(first, ""), set(), []
    while waiting:
        path, source = waiting.popitem()
        if (kind := _ID.sub("*", path.partition("?")[0])) in seen:
            continue
        answer = await browser.http.get(browser.at(path))
        if answer.status_code == 403 and source and path != browser.root:
            refused.append((source, path))
        if answer.status_code == 200:
            seen.add(kind)
            waiting |= {unescape(link): path for link in _LINK.findall(answer.text)}
    assert not refused, "\n".join(map(str, refused))
    assert seen
