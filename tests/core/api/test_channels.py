"""Channels that declare their targets: one declaration gives the calls, the checks, the masks and the channel's target."""

import asyncio
import re
import sys

import pytest
import sqlalchemy
from tests.answers import json_of, paths
from tests.waiting import until

from trunkline.errors import PluginFailed
from trunkline.store import subscriptions as store
from trunkline_kit import Source
from trunkline_kit.sources import Site

CAGES = '''
"""Canaries in cages: each event is sung to a cage that opens with a word."""

from typing import Literal

from pydantic import BaseModel, Field, SecretStr, field_validator

from trunkline import Channel, Outcome, Result, hookimpl

SUNG = []


class Cage(BaseModel):
    """A cage."""

    room: str = Field(title="Room", description="where it hangs", min_length=2, examples=["attic"])
    height: int = Field(default=2, ge=1, le=9)
    song: Literal["loud", "soft"] = "soft"
    word: SecretStr = Field(title="Word", description="what opens it")
    spare: SecretStr | None = None

    @field_validator("word")
    @classmethod
    def _check(cls, word):
        if word.get_secret_value() == "too-plain":
            raise ValueError(f"must not be {word.get_secret_value()}")
        return word


async def deliver(push, http):
    cage = push.target.config
    SUNG.append((cage.room, cage.height, cage.song, cage.word.get_secret_value(), push.event_id, push.target.url))
    return Result(Outcome.DELIVERED)


async def check_connection(target):
    return "nobody is at home" if target.config.room == "cellar" else None


def read_url(url):
    room, _, word = url.removeprefix("cage:").partition("/")
    return {"room": room, "word": word}


@hookimpl
def register_channels():
    return [
        Channel("cages", "Cages", "Sings.", deliver, target=Cage, check_connection=check_connection, read_url=read_url),
        Channel("larks", "Larks", "Sings, and makes its subscriptions itself.", deliver),
    ]
'''
URL = "/api/v1/subscriptions"
TARGET = {"room": "attic", "word": "sesame"}
ATTIC = "cages:?height=2&room=attic&song=soft"


@pytest.fixture(scope="module")
def cages(tmp_path_factory):
    site = Site(tmp_path_factory.mktemp("site"))
    yield site.declare(Source("cages", CAGES))
    site.close()


@pytest.fixture
async def hub(engine, cages, lend_hub):
    return await lend_hub(engine, {"plugins.enabled": f"{cages},webhooks"})


async def subscribe(hub, target=TARGET, **more) -> dict:
    request = {"channel": "cages", "target": target, "event_types": ["*"], **more}
    return json_of(await hub.client.post(URL, json=request), 201)


async def sung(event) -> tuple:
    songs = sys.modules["cages"].SUNG
    mine = await until(lambda: [song for song in songs if song[4] == str(event.event_id)])
    return mine[-1][:4]


async def test_a_subscription_shows_its_target_masked_and_the_channel_gets_it_typed(hub):
    made = await subscribe(hub)
    assert made["secret"].startswith("whsec_")
    assert made["target"] == {"room": "attic", "height": 2, "song": "soft", "word": "••••"}
    shown = (await hub.client.get(f"{URL}/{made['id']}")).json()
    assert (shown["target"], shown["target_url"]) == (made["target"], ATTIC)
    assert await sung(await hub.emit("client.created")) == ("attic", 2, "soft", "sesame")
    (listed,) = (await hub.client.get(URL, params={"target_url": ATTIC})).json()["subscriptions"]
    assert listed["id"] == made["id"]


async def test_secrets_are_sealed_in_the_database(hub):
    made = await subscribe(hub, {**TARGET, "word": "un1que-w0rd"})
    async with hub.hub.engines.read() as connection:
        rows = await connection.execute(
            sqlalchemy.text(f"SELECT * FROM subscriptions WHERE id = '{made['id']}'")
        )
        row = rows.one()
    assert "un1que-w0rd" not in repr(tuple(row))
    assert "attic" in repr(tuple(row))


async def test_a_change_keeps_secrets_only_where_they_go_to_the_same_place(hub):
    path = f"{URL}/{(await subscribe(hub))['id']}"
    refused = await hub.client.patch(path, json={"target": {"room": "garden"}})
    assert paths(refused) == ["/target/word"]
    masked = await hub.client.patch(path, json={"target": {"room": "attic", "word": "••••"}})
    assert masked.status_code == 200, masked.text
    change = {"target": {"room": "garden", "word": "mellon"}, "description": "d"}
    changed = await hub.client.patch(path, json=change)
    assert (changed.json()["target"]["room"], changed.json()["description"]) == ("garden", "d")
    await asyncio.sleep(0)
    assert await sung(await hub.emit("client.created")) == ("garden", 2, "soft", "mellon")


async def test_a_new_signing_secret_leaves_the_target_as_it_is(hub):
    made = await subscribe(hub)
    rotated = await hub.client.post(f"{URL}/{made['id']}/rotate-secret")
    assert rotated.json()["secret"] not in {made["secret"], None}
    tested = await hub.client.post(f"{URL}/{made['id']}/test")
    assert tested.json()["outcome"] == "delivered"
    assert sys.modules["cages"].SUNG[-1][3] == "sesame"


async def test_test_tries_the_connection_first_and_sends_nothing_where_that_fails(hub):
    made = await subscribe(hub, {**TARGET, "room": "cellar"})
    tested = (await hub.client.post(f"{URL}/{made['id']}/test")).json()
    assert (tested["outcome"], tested["error"]) == ("retry", "nobody is at home")
    assert all(song[0] != "cellar" for song in sys.modules["cages"].SUNG)


@pytest.mark.parametrize(
    ("target", "path", "message"),
    [
        ({"room": "attic"}, "/target/word", "is required"),
        ({**TARGET, "room": "a"}, "/target/room", "must have 2 characters or more"),
        ({**TARGET, "height": "3"}, "/target/height", "must be a whole number"),
        ({**TARGET, "floor": 1}, "/target/floor", "is not a field here; known fields are room, height, song, word, spare"),
        ({**TARGET, "word": "too-plain"}, "/target/word", "is not valid"),
        (
            {**TARGET, "word": "••••"},
            "/target/word",
            "is the mask that stands for a secret where it is shown; send the secret itself",
        ),
        ({**TARGET, "room": "x" * 9000}, "/target", "is longer than 8192 bytes"),
        ("attic", "/target", "must be an object"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("engine", ["sqlite"])
async def test_a_target_that_cannot_be_is_refused_and_its_secrets_are_not_told(hub, target, path, message):
    answer = await hub.client.post(URL, json={"channel": "cages", "target": target, "event_types": ["*"]})
    assert (answer.status_code, answer.json()["errors"]) == (422, [{"path": path, "message": message}])
    assert "too-plain" not in answer.text


@pytest.mark.parametrize("engine", ["sqlite"])
async def test_a_channel_that_does_something_of_its_own_with_urls_keeps_its_own_calls(hub):
    request = {"channel": "larks", "target_url": "https://example.com/", "event_types": ["*"]}
    errors = (await hub.client.post(URL, json=request)).json()["errors"]
    own = "declares no target, so its subscriptions are made by calls of its own; /docs lists them if it has any"
    assert errors[0]["message"] == own
    errors = (await hub.client.post(URL, json={**request, "channel": "cage"})).json()["errors"]
    known = "is not a known channel: 'cage'; known are cages, larks, webhooks; did you mean 'cages'?"
    assert errors[0]["message"] == known


@pytest.mark.parametrize("engine", ["sqlite"])
async def test_a_channel_that_posts_as_the_hub_does_is_subscribed_to_by_the_same_call(hub):
    request = {"channel": "webhooks", "target_url": "https://example.com/", "event_types": ["*"]}
    made = json_of(await hub.client.post(URL, json={**request, "headers": {"x-token": "t"}}), 201)
    assert made == made | request
    assert "target" not in made
    assert made["secret"].startswith("whsec_")
    own = f"/api/v1/webhooks/subscriptions/{made['id']}"
    assert (await hub.client.get(own)).json()["headers"] == {"x-token": "••••"}
    for change, path in (({"target_url": None}, "/target_url"), ({"target": TARGET}, "/target")):
        refused = await hub.client.post(URL, json={**request, **change})
        assert (refused.status_code, paths(refused)[0]) == (422, path)
    inside = await hub.client.post(URL, json={**request, "target_url": "https://169.254.169.254/"})
    assert inside.status_code == 422
    assert (await hub.client.patch(f"{URL}/{made['id']}", json={"target": TARGET})).status_code == 422
    changes = {"event_types": ["client.created"], "description": "both", "headers": {"x-token": "u"}}
    changed = await hub.client.patch(f"{URL}/{made['id']}", json=changes)
    assert (changed.status_code, changed.json()["event_types"]) == (200, ["client.created"])
    again = (await hub.client.patch(own, json=changes)).json()
    assert changed.json() == again | {"updated_utc": changed.json()["updated_utc"]}
    assert (await hub.client.patch(f"{URL}/{made['id']}", json={"status": "paused"})).status_code == 200
    assert (await hub.client.delete(f"{URL}/{made['id']}")).status_code == 204


@pytest.mark.parametrize("engine", ["sqlite"])
async def test_channels_are_listed_with_what_their_targets_are_made_of(hub):
    listed = (await hub.client.get("/api/v1/channels")).json()
    assert [channel["name"] for channel in listed["channels"]] == ["cages", "larks", "webhooks"]
    cages, _, webhooks = listed["channels"]
    assert "target_schema" not in webhooks
    word = {"title": "Word", "description": "what opens it", "type": "string"}
    word |= {"format": "password", "writeOnly": True}
    assert cages["target_schema"]["properties"]["word"] == word
    assert cages["target_schema"]["required"] == ["room", "word"]
    assert cages["target_example"] == {"room": "attic", "height": 2, "song": "soft", "word": "…"}


@pytest.mark.parametrize("engine", ["sqlite"])
async def test_the_api_document_has_the_targets(hub):
    document = (await hub.client.get("/openapi.json")).json()
    body = document["paths"][URL]["post"]["requestBody"]["content"]["application/json"]
    schemas = document["components"]["schemas"]
    assert body["schema"] == {"$ref": "#/components/schemas/CreateSubscription"}
    target = schemas["CreateSubscription"]["properties"]["target"]
    assert target["$ref"] == "#/components/schemas/CagesTarget"
    assert schemas["CagesTarget"]["properties"]["song"]["enum"] == ["loud", "soft"]
    assert body["examples"]["cages"]["value"]["target"]["room"] == "attic"


async def store_as_before(hub, made, url: str) -> None:
    """Restore the row to its form before the channel declared its targets."""
    records = hub.hub.subscription_records
    subscription = await hub.hub.subscriptions.find(hub.company_id, made["id"], channel=None)
    sealed = records.seal(made["id"], subscription.secrets, {})
    async with hub.hub.engines.write() as connection:
        await store.update(connection, subscription.no, {"target": None, "target_url": url, "sealed": sealed})


async def test_targets_from_before_the_declaration_are_read_from_their_url(hub):
    made = await subscribe(hub)
    await store_as_before(hub, made, "cage:porch/knock")
    shown = (await hub.client.get(f"{URL}/{made['id']}")).json()
    assert shown["target"] == {"room": "porch", "height": 2, "song": "soft", "word": "••••"}
    assert (await hub.client.post(f"{URL}/{made['id']}/test")).json()["outcome"] == "delivered"
    assert sys.modules["cages"].SUNG[-1][:4] == ("porch", 2, "soft", "knock")


async def test_a_target_that_the_channel_cannot_read_is_said_to_be_missing_until_it_is_sent(hub):
    made = await subscribe(hub)
    await store_as_before(hub, made, "cage:p")
    tested = (await hub.client.post(f"{URL}/{made['id']}/test")).json()
    assert tested["error"] == "target_invalid: /target is missing: send it, as the channel now has one"
    assert (await hub.client.patch(f"{URL}/{made['id']}", json={"target": TARGET})).status_code == 200
    assert (await hub.client.post(f"{URL}/{made['id']}/test")).json()["outcome"] == "delivered"


BROKEN = """
from pydantic import BaseModel, Field
from trunkline import Channel, hookimpl


class Nest(BaseModel):
    FIELD


@hookimpl
def register_channels():
    return [Channel("nests", "Nests", "Hatches.", target=Nest)]
"""


@pytest.mark.parametrize(
    ("field", "reason"),
    [
        ("eggs: list[str]", "has a field 'eggs' that is not plain: it may be text, a number, yes or no, a choice or a SecretStr"),
        ("eggs: int = Field(alias='Eggs')", "gives its field 'eggs' an alias; call the field so instead"),
        ("pass", "has no fields"),
    ],
)  # fmt: skip
async def test_a_model_that_no_form_could_show_stops_the_plugin(trunkline_hub, field, reason):
    with pytest.raises(PluginFailed, match=re.escape(reason)):
        await trunkline_hub(plugins=[Source("nests", BROKEN.replace("FIELD", field))])
