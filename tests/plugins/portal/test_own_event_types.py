"""Event types of one's own, with unusual names and values, in the catalogue and in the form of a subscription."""

import re
from html import unescape

import pytest
from tests.plugins.portal.filled_in import fields_of

from trunkline_kit import Source

PARCELS = '''"""Parcels."""

from trunkline import EventType, hookimpl

FIELDS = {
    "insured": {"enum": ["maybe", "true", True, 2, None]},
    "size": {"type": "object", "properties": {"w": {"type": "number"}, "w.h": {"type": "number"}}},
    "": {"type": "string"},
    "note ": {"type": "string"},
}


@hookimpl
def register_event_types():
    schema = {"type": "object", "properties": FIELDS, "examples": [{"insured": True, "size": {"w": 1, "w.h": 2}}]}
    return [EventType(f"parcel.{name}", "Parcel", "A parcel.", schema) for name in ("lost", "item.found")]
'''
NEW = "/portal/subscriptions/new"
TYPED = {"target_url": "https://example.com/hooks", "types": "chosen", "event_types": "parcel.lost"}


@pytest.fixture
async def browser(trunkline_hub, sign_in):
    hub = await trunkline_hub(plugins=[Source("parcels", PARCELS), "webhooks", "portal"], settings=None)
    browser = await sign_in(hub, ["events:read", "webhooks:write"], company_id=92)
    browser.hub = hub
    return browser


async def filters(browser) -> list:
    return [view["filter"] for view in await browser.hub.hub.subscriptions.list(92, channel="webhooks")]


async def test_possible_values_are_shown_as_json(browser):
    page = await browser.get("/portal/catalogue/parcel.lost")
    shown = re.findall(r'<span class="tag">([^<]*)</span>', page.text.partition('id="fields"')[2])
    assert shown == ["maybe", "true", "true", "2", "null"]


async def test_each_value_that_the_form_suggests_is_accepted_as_it_was_meant(browser):
    page = (await browser.get(NEW)).text
    choices = unescape(re.search(r'value="payload.insured"[^>]*data-choices="([^"]*)"', page)[1]).split("\n")
    for choice in choices:
        row = {"filter_path": "payload.insured", "filter_operator": "eq", "filter_value": choice}
        await browser.post(NEW, TYPED | row)
    assert [each["payload.insured"] for each in await filters(browser)] == ["maybe", "true", True, 2, None]


async def test_each_path_that_the_form_suggests_is_accepted(browser):
    page = (await browser.get(NEW, type="parcel.lost")).text
    options = re.findall(r'<option value="(payload[^"]*)" data-types="[^"]*parcel.lost', page)
    assert options == ["payload.insured", "payload.size", "payload.size.w"]
    for path in options:
        await browser.post(NEW, TYPED | {"filter_path": path, "filter_operator": "present"})


async def test_a_group_below_another_is_kept_by_an_unchanged_form(browser):
    body = {"target_url": "https://example.com/hooks", "event_types": ["parcel.item.*"]}
    made = await browser.hub.hub.subscriptions.create(92, body, channel="webhooks")
    path = f"/portal/subscriptions/{made['id']}/edit"
    await browser.post(path, fields_of((await browser.get(path)).text, "/edit"))
    view = await browser.hub.hub.subscriptions.get(92, made["id"], channel=None)
    assert view["event_types"] == ["parcel.item.*"]
