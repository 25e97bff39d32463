"""The requests on the pages are real: the hub sends the requests for events, and accepts the calls."""

import base64
import functools
import hashlib
import hmac
import itertools
import json
import shlex
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest
from standardwebhooks import Webhook
from tests.answers import json_of
from tests.plugins.products import installed_product

from trunkline.model import cursors
from trunkline_client.listen import OPTIONS
from trunkline_docs.generator import generate
from trunkline_docs.pages import pages_of
from trunkline_docs.requests import SECRET, TIMESTAMP, called, operating, polling, pushed, subscribing

from .products import ORDER_PLACED, PLACE_ORDER

CHANGING = {"host", "content-length", "trunkline-delivery-id", "trunkline-cursor"}
CHANGING |= {"webhook-id", "webhook-timestamp", "webhook-signature"}


async def test_a_push_has_the_headers_that_the_pages_show(running, receiver):
    product = installed_product()
    [created] = [each for each in product.event_types if each.name == "invoice.created"]
    expected = dict(pushed(created).headers)
    await running.subscribe(receiver.url, secret=SECRET)
    await running.emit("invoice.created", created.example)
    [sent] = await receiver.wait_for(1)
    assert list(sent.headers) == list(expected)
    fixed = expected.keys() - CHANGING
    assert {name: sent.headers[name] for name in fixed} == {name: expected[name] for name in fixed}
    body = json.loads(sent.body)
    known = json.loads(generate(product)["requests/invoice.created.json"])
    assert list(body) == list(known)
    assert body["payload"] == known["payload"]
    assert b": " not in sent.body.split(b'"payload"')[0]


def test_the_signature_is_that_of_the_published_secret():
    for event_type in (ORDER_PLACED, *installed_product().event_types):
        request = pushed(event_type)
        headers = dict(request.headers)
        answer = Webhook(SECRET).sign("45678", datetime.fromtimestamp(TIMESTAMP, UTC), request.body)
        assert headers["webhook-signature"] == answer
        key = base64.b64decode(SECRET.removeprefix("whsec_"))
        digest = hmac.new(key, f"45678.{TIMESTAMP}.{request.body}".encode(), hashlib.sha256).digest()
        assert answer == f"v1,{base64.b64encode(digest).decode()}"
        assert headers["content-length"] == str(len(request.body.encode()))


def test_ids_and_cursor_have_the_form_of_real_ones():
    headers = dict(pushed(ORDER_PLACED).headers)
    assert cursors.decode(headers["trunkline-cursor"]) == 45678
    assert headers["trunkline-delivery-id"].startswith("dlv_45678_")
    created = json.loads(pushed(ORDER_PLACED).body)["createdUtc"]
    assert datetime.fromisoformat(created).timestamp() == TIMESTAMP - 1


def test_a_call_survives_the_shell():
    call = called(PLACE_ORDER, PLACE_ORDER.examples[0], api_url="https://api.shop.example")
    words = shlex.split(call.command.replace("\\\n", ""))
    assert words[:4] == ["curl", "-X", "POST", "https://api.shop.example/api/v1/integrations/shops/3/orders"]
    assert json.loads(words[words.index("-d") + 1]) == {"sku": "Joe's LAMP"}
    assert (call.status, json.loads(call.answer)) == ("201 Created", {"order_id": 7})


async def send(client, command: str):
    words = shlex.split(command.replace("\\\n", ""))
    options = list(itertools.pairwise(words))
    values = [value.partition("=") for flag, value in options if flag == "--data-urlencode"]
    url = next(word for word in words if word.startswith("https://"))
    method, content = dict(options).get("-X", "GET"), dict(options).get("-d")
    headers = {"Content-Type": "application/json"} if content else {}
    query = {name: value for name, _, value in values} or None
    return await client.request(method, urlsplit(url).path, params=query, content=content, headers=headers)


@pytest.mark.parametrize(
    ("name", "number"),
    [("create_lead", 1), ("create_affiliate", 0), ("find_client", 0), ("find_lead", 0), ("list_leads", 1)],
)
async def test_a_call_on_the_pages_is_answered_as_they_say(api, name, number):
    product = installed_product()
    [definition] = [each for each in (*product.actions, *product.searches) if each.name == name]
    example = definition.examples[number]
    answer = await send(api.client, called(definition, example, api_url=product.api_url).command)
    assert set(json_of(answer, definition.success_status)) == set(example.output)


URL = "https://api.example.com"


async def test_events_are_asked_for_and_read_as_the_pages_say(api):
    answer = await send(api.client, subscribing("lead.created", api_url=URL))
    assert (answer.status_code, answer.json()["event_types"]) == (201, ["lead.created"])
    for name in ("", "lead.created"):
        assert (await send(api.client, polling(name, api_url=URL))).status_code == 200


async def test_the_calls_of_the_handbook_are_answered(api):
    """Replace the ids and the cursor of the page by those of an existing subscription and event."""
    ordered = pages_of(replace(installed_product(), api_url=URL))[1].words["ordered"]
    made = await send(api.client, ordered)
    assert (made.status_code, made.json()["ordering"]) == (201, {"key": "/payload/client_id"}), made.text
    event = (await api.client.post("/api/v1/events/test", json={"type": "lead.created"})).json()
    real = {
        "$SUBSCRIPTION": made.json()["id"],
        "45678": str(event["id"]),
        dict(pushed(ORDER_PLACED).headers)["trunkline-cursor"]: cursors.encode(event["id"]),
    }
    commands = operating(api_url=URL)
    del commands["listen"]
    for name, command in commands.items():
        called_with = functools.reduce(lambda text, pair: text.replace(*pair), real.items(), command)
        answer = await send(api.client, called_with)
        assert answer.is_success, (name, answer.text)
        assert (answer.status_code == 202) is (name == "replay_failed")
    shown = (await api.client.get(f"/api/v1/webhooks/subscriptions/{made.json()['id']}")).json()
    assert (shown["status"], shown["filter"]) == ("active", {"metadata.source": {"ne": "test"}})


def test_the_handbook_forwards_with_options_that_the_command_has():
    command = operating(api_url=URL)["listen"].splitlines()[1]
    words = shlex.split(command)
    assert words[:2] == ["TRUNKLINE_KEY=$API_KEY", "trunkline-listen"]
    assert words[2:] == ["--url", URL, "--forward", "http://localhost:3000/hook"]
    assert {"url", "forward"} <= OPTIONS.keys()
