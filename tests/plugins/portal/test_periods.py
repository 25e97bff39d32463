"""The periods to choose from: the same on each list with times, kept in the address, from the reader's yesterday on."""

import re
from datetime import UTC, datetime
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest
from starlette.datastructures import QueryParams
from tests.plugins.portal.worlds import emit, shown_when, subscribe

from trunkline_portal import periods
from trunkline_portal.periods import PERIODS, YESTERDAY, Period

_NAV = re.compile(r'<nav class="segments is-periods".*?</nav>')
_LINK = re.compile(r'<a href="([^"]*)"( data-zone)?( aria-current="true")?>([^<]*)</a>')
TITLES = ["Any time", "Last hour", "Since yesterday", "Last 7 days"]
HOUR_MS = 60 * 60 * 1000


@pytest.mark.parametrize(
    ("path", "filter"),
    [
        ("events", {"type": ["lead.created"], "state": ["failed"]}),
        ("subscriptions/{made}", {"status": ["exhausted"]}),
        ("quarantine", {"type": ["lead.created"]}),
        ("changes", {"action": ["key.created"], "actor": ["key_1"]}),
        ("targets", {"sort": ["slow"]}),
        ("", {"state": ["failing"]}),
    ],
)
async def test_each_list_with_times_has_the_same_periods_and_keeps_its_filter(api, operator, path, filter):
    made = await subscribe(api, "https://example.com/hooks")
    address = f"{operator.root}/{path.format(made=made)}" if path else "/portal/companies"
    asked = {name: values[0] for name, values in filter.items()}
    page = await operator.get(address, span="yesterday", tz="Asia/Tokyo", **asked)
    links = _LINK.findall(unescape(_NAV.search(page.text)[0]))
    assert [title for *_, title in links] == (TITLES[1:] if path == "targets" else TITLES)
    assert [title for _, _, is_current, title in links if is_current] == ["Since yesterday"]
    assert [title for _, is_of_zone, _, title in links if is_of_zone] == ["Since yesterday"]
    for href, _, _, title in links:
        parts = urlsplit(href)
        assert parts.path == address
        names = {
            "Any time": {},
            "Since yesterday": {"span": ["yesterday"], "tz": ["Asia/Tokyo"]},
            "Last hour": {"span": ["1h"]},
            "Last 7 days": {"span": ["7d"]},
        }
        assert parse_qs(parts.query) == filter | names[title]
    if path != "targets":
        kept = re.findall(r'<input type="hidden" name="(span|tz)" value="([^"]*)">', page.text)
        assert dict(kept) == {"span": "yesterday", "tz": "Asia/Tokyo"}


class Since(Period, frozen=True):
    """The period from a given time."""

    begin_ms: int = 0

    def since_ms(self, now_ms: int, zone: str = "") -> int:
        return self.begin_ms


async def test_a_subscription_shows_the_deliveries_of_the_events_of_the_period(
    running, browser, receiver, monkeypatch
):
    made = await subscribe(running, receiver.url)
    activity = running.hub.activity
    old = await emit(running)
    begin_ms = old_ms = (await activity.event(running.company_id, old)).event.accepted_ms
    while begin_ms == old_ms:
        new = await emit(running)
        begin_ms = (await activity.event(running.company_id, new)).event.accepted_ms
    monkeypatch.setitem(PERIODS, "1h", Since("Last hour", begin_ms=begin_ms))
    page = f"/portal/subscriptions/{made}"
    await shown_when(browser, page, str(new))
    for status in ("", "delivered"):
        shown = await shown_when(browser, f"{page}?span=1h&status={status}", str(new))
        assert str(old) in await shown_when(browser, f"{page}?status={status}", str(old))
        assert str(old) not in shown
        text = (await browser.get(page, span="1h", status=status)).text
        assert "cursor=" not in text
        part = (await browser.get(unescape(re.search(r'data-live="([^"]*)"', text)[1]))).text
        assert (f"/events/{old}" in part, f"/events/{new}" in part) == (False, True)
    assert "No delivery in this period" in browser.words(await browser.get(page, span="1h", status="gone"))


async def test_the_audit_log_ends_where_the_period_begins(running, browser, monkeypatch):
    made, _ = await running.hub.keys.create(running.company_id, name="Early", scopes=["events:read"])
    page = "/portal/changes?action=key.created&span=1h"
    assert made.id in (await browser.get(page)).text
    monkeypatch.setitem(PERIODS, "1h", Since("Last hour", begin_ms=2**50))
    assert "No such change" in browser.words(await browser.get(page))


def test_a_page_that_reaches_beyond_the_period_is_the_last_one():
    chosen = periods.read(QueryParams("span=1h"), path="/p", now_ms=10 * HOUR_MS)
    within = [10 * HOUR_MS, 9 * HOUR_MS]
    assert chosen.cut([*within, 9 * HOUR_MS - 1], float) == (within, True)
    assert chosen.cut(within, float) == (within, False)


@pytest.mark.parametrize(
    ("zone", "begins"),
    [("Europe/Berlin", "2026-06-30T22:00"), ("UTC", "2026-07-01T00:00"), ("No/Where", "2026-07-01T00:00")],
)
def test_since_yesterday_begins_in_the_zone_of_the_reader(zone, begins):
    now_ms = round(datetime(2026, 7, 2, 9, tzinfo=UTC).timestamp() * 1000)
    since = datetime.fromtimestamp(PERIODS[YESTERDAY].since_ms(now_ms, zone) / 1000, UTC)
    assert since.isoformat().startswith(begins)


def test_typed_times_win_over_a_period():
    chosen = periods.read(QueryParams("span=1h&from=2026-01-01T00:00"), path="/p", now_ms=0)
    assert (chosen.name, chosen.since_ms) == ("", None)
    assert chosen.links[1][1] == "/p?span=1h"
