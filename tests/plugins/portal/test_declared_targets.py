"""Subscriptions on a channel that declares its targets, in the portal: one declaration gives the form."""

import pytest

from trunkline_kit import Source

CAGES = '''
"""Canaries in cages."""

from typing import Literal

from pydantic import BaseModel, Field, SecretStr

from trunkline import Channel, Outcome, Result, hookimpl

SUNG = []
GUIDE = "Look at the *door* of the cage: [help](https://cages.example.com) <b>![x](https://cages.example.com/x.png)"


class Cage(BaseModel):
    room: str = Field(title="Room", description="where it hangs", min_length=2, examples=["attic"])
    height: int = Field(default=2, ge=1, le=9, title="Height")
    song: Literal["loud", "soft"] = Field(default="soft", title="Song")
    covered: bool = Field(default=False, title="Covered at night")
    word: SecretStr = Field(title="Word", description="what opens it")
    spare: SecretStr | None = Field(default=None, title="Spare word")


async def deliver(push, http):
    SUNG.append(push.target.config)
    return Result(Outcome.DELIVERED, response_body="la")


@hookimpl
def register_channels():
    more = {"instructions": GUIDE, "icon": '<svg viewBox="0 0 1 1"></svg>'}
    return [Channel("cages", "Canary cages", "Sings.", deliver, target=Cage, **more)]
'''
NEW = "/portal/subscriptions/new"
FIELDS = {
    "channel": "cages",
    "target.room": "attic",
    "target.height": "3",
    "target.song": "loud",
    "target.covered": "on",
    "target.word": "sesame",
    "types": "all",
}


@pytest.fixture
async def browser(trunkline_hub, sign_in):
    hub = await trunkline_hub(plugins=[Source("cages", CAGES), "webhooks", "portal"], settings=None)
    browser = await sign_in(hub, ["webhooks:write"], company_id=92)
    browser.hub = hub
    return browser


async def made(browser) -> dict:
    page = await browser.follow(await browser.post(NEW, FIELDS))
    assert "Keep this secret" in browser.words(page), browser.words(page)
    (subscription,) = await browser.hub.hub.subscriptions.list(92, channel="cages")
    return subscription


async def test_the_form_offers_the_channels_and_the_fields_of_the_one_chosen(browser):
    page = (await browser.get(NEW)).text
    assert 'subscriptions/new?channel=cages">Canary cages</a>' in page
    assert 'name="target_url"' in page
    page = (await browser.get(NEW, channel="cages")).text
    assert 'name="target_url"' not in page
    assert 'name="header_name"' not in page
    for piece in (
        'name="target.room" type="text" value="" class="mono"',
        'placeholder="attic"',
        'name="target.height" type="text" value="2"',
        '<option value="soft" selected>soft</option>',
        'type="checkbox" name="target.covered"',
        'name="target.word" type="password"',
        "Where it hangs.",
        '<svg viewBox="0 0 1 1"></svg>Target</h2>',
        'Look at the <em>door</em> of the cage: <a href="https://cages.example.com">help</a> &lt;b&gt;!',
    ):
        assert piece in page, piece
    assert 'src="https://cages' not in page


async def test_a_subscription_is_made_tested_and_shown_without_its_secret(browser):
    subscription = await made(browser)
    shown = {"room": "attic", "height": 3, "song": "loud", "covered": True, "word": "••••"}
    assert subscription["target"] == shown
    settings = browser.words(await browser.get(f"/portal/subscriptions/{subscription['id']}/settings"))
    assert "attic" in settings
    assert "Canary cages" in settings
    assert "sesame" not in settings
    answer = await browser.post(f"/portal/subscriptions/{subscription['id']}/test", expect=200)
    assert "The receiver accepted it" in browser.words(answer)


async def test_what_is_wrong_stands_at_its_field_and_a_secret_is_not_sent_back(browser):
    answer = await browser.post(NEW, FIELDS | {"target.height": "high", "target.room": "a"}, expect=422)
    words = browser.words(answer)
    assert "It must be a whole number." in words
    assert "It must have 2 characters or more." in words
    assert 'value="high"' in answer.text
    assert "sesame" not in answer.text


async def test_an_edit_keeps_the_secret_at_its_place_and_asks_for_it_elsewhere(browser):
    subscription = await made(browser)
    edit = f"/portal/subscriptions/{subscription['id']}/edit"
    page = (await browser.get(edit)).text
    assert 'value="attic"' in page
    assert 'placeholder="••••"' in page
    fields = {name: value for name, value in FIELDS.items() if name != "target.word"}
    await browser.follow(await browser.post(edit, fields | {"description": "the old one"}))
    refused = await browser.post(edit, fields | {"target.room": "garden"}, expect=422)
    assert "It must be given again" in browser.words(refused)
    await browser.follow(await browser.post(edit, FIELDS | {"target.room": "garden", "target.word": "new"}))
    found = await browser.hub.hub.subscriptions.find(92, subscription["id"], channel="cages")
    moved = (found.target["room"], found.target_secrets, found.description)
    assert moved == ("garden", {"word": "new"}, None)
