"""The summary at the top of a subscription's page."""

import asyncio
import re

from tests.plugins.portal.worlds import emit, shown_when, subscribe


async def test_the_page_of_one_says_at_a_glance_how_it_does(running, browser, receiver):
    receiver.answer(404, body=b"no <b>books</b>\nhere")
    changed = {"filter": {"payload.first_name": "Jane"}, "retry": {"schedule_seconds": []}}
    subscription = await subscribe(running, receiver.url, description="Books", **changed)
    await emit(running, first_name="Jane")
    path = f"/portal/subscriptions/{subscription}"
    words = await shown_when(browser, path, ": the last attempt failed. Last answer, ")
    for tab in ("", "/settings", "/replays"):
        page = await browser.get(path + tab)
        said = "404 no <b>books</b> here There is nothing at this address of the target"
        assert said in browser.words(page)
        [(delivery, number)] = re.findall(r'"([^"]+/deliveries/[^"#]+)#(attempt-\d)">attempt 1<', page.text)
        assert f'<li id="{number}"' in (await browser.get(delivery)).text
    assert words.index("Books") < words.index(receiver.url)
    assert "payload.first_name is Jane" in words
    assert "whsec_••••" in words
    async with asyncio.timeout(60):  # figures of health are written in batches
        while "0 delivered, 1 failed." not in (page := await browser.get(path)).text:
            await asyncio.sleep(0.1)
    assert 'class="spark"' in page.text
