"""A provider over HTTP in a separate process: the requests that it gets, and the effects of its answers."""

import asyncio
import json
import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from standardwebhooks.webhooks import Webhook
from tests.answers import json_of
from tests.programs import shop_program
from typer.testing import CliRunner

from trunkline.cli import app
from trunkline.errors import SettingsInvalid
from trunkline.targets import signatures
from trunkline_actions.settings import Settings

BASE = "/api/v1/integrations"
HERE = Path(__file__).parent
SHOP = HERE.parents[2] / "docs" / "examples" / "shop"
SECRET = signatures.new_secret("standard")
PROPERTIES = {
    "status": {"type": "integer"},
    "answer": {"type": "string"},
    "delay_seconds": {"type": "number"},
    "header": {"type": "string"},
    "missing": {"type": "integer"},
    "total": {"type": "number"},
    "offset_days": {"type": "integer"},
}
ANSWERED = {
    "type": "object",
    "properties": {"thing_id": {"type": "integer"}, "price": {"type": "number"}},
    "additionalProperties": False,
}


def described(schema):
    properties = {
        name: {"title": name, "description": name, **field} for name, field in schema["properties"].items()
    }
    return {**schema, "properties": properties}


def definition(name, method, path, **more):
    lines = {} if method == "GET" else {"lines": {"type": "array", "items": {"type": "object"}}}
    asked = {"type": "object", "properties": PROPERTIES | lines, "additionalProperties": False}
    example = {"input": {}, "output": {}, **({"parameters": {"thing_id": 1}} if "{" in path else {})}
    return {
        "name": name,
        "title": name,
        "description": name,
        "method": method,
        "path": path,
        "input": described(asked),
        "output": described(ANSWERED),
        "examples": [example],
        **more,
    }


NUMBERED = described(
    {
        "type": "object",
        "properties": {"thing_id": {"type": "integer", "minimum": 1}},
        "required": ["thing_id"],
        "additionalProperties": False,
    }
)
DEFINITIONS = {
    "actions/create_thing": definition(
        "create_thing", "POST", "/things", success_status=201, emits=["thing.created"]
    ),
    "actions/update_thing": definition("update_thing", "PATCH", "/things/{thing_id}", parameters=NUMBERED),
    "searches/find_thing": definition("find_thing", "GET", "/things/search"),
    "lookups/things": {
        **definition("things", "GET", "/lookups/things"),
        "output": described(
            {
                "type": "object",
                "properties": {
                    "things": {
                        "type": "array",
                        "items": described(
                            {
                                "type": "object",
                                "properties": {"id": {"type": "integer"}, "name": {"type": "string"}},
                            }
                        ),
                    }
                },
                "required": ["things"],
            }
        ),
        "list": {"items": "things", "value": "id", "label": "name"},
        "examples": [{"input": {}, "output": {"things": [{"id": 1, "name": "One"}]}}],
    },
    "events/thing.created": {
        **described(ANSWERED),
        "title": "Thing created",
        "description": "A thing was made.",
        "examples": [{"thing_id": 1}],
    },
}


@pytest.fixture(scope="module")
def backend() -> Iterator[str]:
    with shop_program(HERE / "backend.py", secret=SECRET) as url:
        yield url


@pytest.fixture(scope="module")
def schemas(tmp_path_factory):
    """Write a deployment's own schemas of things."""
    folder = tmp_path_factory.mktemp("schemas")
    for place, content in DEFINITIONS.items():
        file = folder / f"{place}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(content))
    return folder


def settings_of(url, schemas, **changed):
    return {
        "product.schemas": f"whitelabelcro,{schemas}",
        "actions.provider_url": url,
        "actions.provider_secret": SECRET,
        "actions.provider_operations": "create_thing, update_thing, find_thing, things",
        **changed,
    }


@pytest.fixture
async def things(lend_hub, backend, schemas):
    """Start a hub whose operations on things the product carries out."""
    chosen = settings_of(f"{backend}/base/", schemas, **{"actions.provider_timeout_seconds": "1.5"})
    return await lend_hub("sqlite", chosen, dispatch=False)


@pytest.fixture
async def both_environments(lend_hub, backend, schemas):
    """Start a hub whose product has an address for test environments too."""
    chosen = settings_of(f"{backend}/base/", schemas, **{"actions.provider_test_url": f"{backend}/sandbox/"})
    return await lend_hub("sqlite", chosen, dispatch=False)


async def calls_of(backend):
    async with httpx2.AsyncClient() as client:
        return (await client.post(f"{backend}/calls")).json()


async def create(hub, arguments, *, key=None):
    headers = {"Idempotency-Key": key} if key else {}
    return await hub.client.post(f"{BASE}/things", json=arguments, headers=headers)


def answering(status=200, **answer):
    return {"status": status, "answer": json.dumps(answer)}


def emitting(payload):
    return {"answer": '{"output": {}, "events": [{"type": "thing.created", "payload": ' + payload + "}]}"}


async def test_the_product_gets_each_call_signed_with_its_principal_its_key_and_its_deadline(things, backend):
    arguments, key = answering(output={"thing_id": 7}), f"k{id(things)}"
    assert json_of(await create(things, arguments, key=key), 201) == {"thing_id": 7}
    call = (await calls_of(backend))[-1]
    me = (await things.client.get("/api/v1/me")).json()
    assert call["path"] == "/base/actions/create_thing"
    sent = Webhook(SECRET).verify(call["body"], call["headers"])
    assert sent == {
        "kind": "action",
        "name": "create_thing",
        "principal": {
            "company_id": me["company_id"],
            "company_ref": None,
            "environment": "live",
            "key_id": sent["principal"]["key_id"],
        },
        "idempotency_key": key,
        "deadline_seconds": 1.5,
        "input": arguments,
    }
    assert sent["principal"]["key_id"].startswith("key_")
    assert call["headers"]["webhook-id"] == key
    assert call["headers"]["content-type"] == "application/json"


async def test_a_test_environment_s_call_goes_nowhere_without_an_address_for_those(things, backend):
    before = len(await calls_of(backend))
    client = await things.client_of(-things.company_id)
    refused = json_of(await client.post(f"{BASE}/things", json=answering(output={})), 409)
    assert "'create_thing' is carried out for live data only" in refused["detail"]
    assert len(await calls_of(backend)) == before


async def test_what_stands_in_the_path_is_part_of_the_input_and_put_is_patch(things, backend):
    assert (await things.client.put(f"{BASE}/things/12", json={})).status_code == 200
    call = (await calls_of(backend))[-1]
    assert call["path"] == "/base/actions/update_thing"
    assert json.loads(call["body"])["input"] == {"thing_id": 12}


NUMBERS = ["99.00", "12345678901234567890123.450", "1E2", "1e-400", "-0.0", "123456789012345678901234567890"]


@pytest.mark.parametrize("number", NUMBERS)
async def test_numbers_of_a_call_keep_their_digits(things, backend, number):
    lines = f'[{{"price": {number}, "note": null}}]'
    body = f'{{"total": {number}, "answer": null, "header": "", "lines": {lines}}}'
    headers = {"Content-Type": "application/json"}
    json_of(await things.client.patch(f"{BASE}/things/12", content=body, headers=headers))
    call = (await calls_of(backend))[-1]
    sent = f'{{"thing_id":12,"total":{number},"lines":{lines}}}'
    assert call["body"].endswith(f'"input":{sent}}}')


@pytest.mark.parametrize(
    ("name", "text", "number"),
    [
        *(("total", number, number) for number in NUMBERS),
        ("offset_days", "-3", "-3"),
        ("offset_days", "007", "7"),
        ("offset_days", "12345678901234567890", "12345678901234567890"),
    ],
)
async def test_numbers_of_a_search_keep_their_digits(things, backend, name, text, number):
    json_of(await things.client.get(f"{BASE}/things/search", params={name: text}))
    assert (await calls_of(backend))[-1]["body"].endswith(f'"input":{{"{name}":{number}}}}}')


@pytest.mark.parametrize(
    ("name", "text", "form"),
    [
        *(("offset_days", text, "a whole number") for text in ("x", "1e5", "1.5")),
        *(("total", text, "a number") for text in ("x", "1e400", "NaN")),
    ],
)
async def test_a_search_refuses_what_is_no_number_of_its_kind(things, name, text, form):
    refused = json_of(await things.client.get(f"{BASE}/things/search", params={name: text}), 400)
    assert refused["detail"] == f"The query parameter '{name}' must be {form}."


@pytest.mark.parametrize(
    ("environment", "folder"), [("live", "base"), ("test", "sandbox")], ids=["live", "test"]
)
async def test_every_kind_of_call_goes_to_its_environment_and_names_its_company_by_id_and_reference(
    both_environments, backend, environment, folder
):
    hub = both_environments
    reference = f"acme-{hub.company_id}"
    await hub.operator.patch(f"/api/v1/companies/{hub.company_id}", json={"reference": reference})
    client = await hub.client_of(hub.company_id if environment == "live" else -hub.company_id)
    made = await client.post(f"{BASE}/things", json=answering(output={"thing_id": 7}))
    found = await client.get(f"{BASE}/things/search", params=answering(output={"thing_id": 3}))
    listed = await client.get(f"{BASE}/lookups/things", params=answering(output={"things": []}))
    assert json_of(made, 201) == {"thing_id": 7}
    assert json_of(found) == {"thing_id": 3}
    assert json_of(listed) == {"things": []}

    calls = (await calls_of(backend))[-3:]
    assert [call["path"] for call in calls] == [
        f"/{folder}/actions/create_thing",
        f"/{folder}/searches/find_thing",
        f"/{folder}/lookups/things",
    ]
    for call in calls:
        principal = Webhook(SECRET).verify(call["body"], call["headers"])["principal"]
        del principal["key_id"]
        assert principal == {
            "company_id": hub.company_id,
            "company_ref": reference,
            "environment": environment,
        }


async def test_its_events_are_stored_with_the_answer(things):
    events = [{"type": "thing.created", "payload": {"thing_id": 7}, "metadata": {"source": "product"}}]
    arguments = answering(output={"thing_id": 7}, events=events)
    for _ in range(2):
        json_of(await create(things, arguments, key="a"), 201)
    (event,) = (await things.client.get("/api/v1/events")).json()["events"]
    assert (event["type"], event["payload"], event["metadata"]) == (
        "thing.created", {"thing_id": 7}, {"source": "product"},
    )  # fmt: skip


@pytest.mark.parametrize(
    "number",
    ["99.00", "0.1000000000000000000000000000000001", "1E2", "1e-400", "123456789012345678901234567890"],
)
async def test_numbers_of_its_answer_keep_their_digits(things, number):
    event = {"type": "thing.created", "payload": {"price": "@"}, "metadata": {"rate": ["@"]}}
    text = json.dumps({"output": {"price": "@"}, "events": [event]}).replace('"@"', number)
    answer = await create(things, {"answer": text})
    assert (answer.status_code, answer.text) == (201, f'{{"price":{number}}}')
    polled = (await things.client.get("/api/v1/events")).text
    assert f'"payload":{{"price":{number}}},"metadata":{{"rate":[{number}]}}' in polled


async def test_what_it_had_before_is_answered_with_200(things):
    assert json_of(await create(things, answering(output={}, is_new=False))) == {}


@pytest.mark.parametrize("status", [400, 403, 404, 409, 418, 422, 429])
async def test_its_4xx_is_the_callers_4xx_with_its_sentence(things, status):
    errors = [{"path": "/name", "message": "is taken"}]
    said = {"detail": "This name is taken; choose another.", "errors": errors}
    answer = await create(things, answering(status, **said) | {"header": "7"})
    problem = json_of(answer, status)
    said |= {"status": status, "type": "urn:trunkline:problem:provider-refused"}
    assert problem | said == problem
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["retry-after"] == "7"


@pytest.mark.parametrize(
    ("text", "forwarded"),
    [
        ("0", "0"),
        ("Wed, 21 Oct 2026 07:28:00 GMT", "Wed, 21 Oct 2026 07:28:00 GMT"),
        *((text, None) for text in ("-5", "1.5", "garbage x", "2026-10-21T07:28:00Z")),
    ],
)
async def test_its_retry_after_goes_along_if_it_is_a_time(things, text, forwarded):
    answer = await create(things, answering(429, detail="Too many orders; wait.") | {"header": text})
    assert (answer.status_code, answer.headers.get("retry-after")) == (429, forwarded)


FORM = "the provider's answer is not of the right form"
FAILURES = {
    "5xx": (answering(500, detail="x"), "the provider failed (status 500)"),
    "redirect": (answering(302), "the provider failed (status 302)"),
    "401": (answering(401, detail="x"), "the provider did not accept the signature (status 401)"),
    "a 4xx without a sentence": ({"status": 404, "answer": "<html>"}, f"{FORM} (status 404): "),
    "a 4xx with an empty sentence": (answering(409, detail=""), f"{FORM} (status 409): "),
    "a 4xx with a blank sentence": (answering(409, detail=" "), f"{FORM} (status 409): "),
    "no output": ({"answer": "{}"}, f"{FORM} (status 200): "),
    "a misspelt key": (answering(output={}, event=[]), f"{FORM} (status 200): "),
    "an output that breaks its schema": (
        answering(output={"thing_id": "7"}),
        "its answer is not valid at '/thing_id': must be a whole number",
    ),
    "an event that breaks its schema": (
        emitting('{"no": 1}'),
        "its answer is not valid at '/events/0/payload/no'",
    ),
    "an unknown event": (
        answering(output={}, events=[{"type": "no.such", "payload": {}}]),
        "its answer is not valid at '/events/0/type'",
    ),
    "too much": (answering(output={}, x="y" * 65536), "the provider answered with 64 KiB or more"),
    "nested too deeply": (
        {"answer": "[" * 4000 + "]" * 4000},
        f"{FORM} (status 200): is nested deeper than 64 levels",
    ),
    "an event with a NUL": (
        emitting('{"thing_id": 1, "note": "\\u0000"}'),
        f"{FORM} (status 200): /events/0/payload/note holds the character NUL",
    ),
    "an event with a repeated key": (
        emitting('{"thing_id": 1, "thing_id": 2}'),
        f"{FORM} (status 200): names the key 'thing_id' twice",
    ),
    "an event with a number beyond a double": (
        emitting('{"thing_id": 1e400}'),
        f"{FORM} (status 200): is not valid JSON: number is infinity",
    ),
    "an answer that never ends": (
        answering(output={"thing_id": 1}) | {"missing": 1},
        "the provider did not finish its answer (status 200)",
    ),
    "a refusal that never ends": (
        {"status": 409, "answer": '{"detail": "No."}', "missing": 1},
        "the provider did not finish its answer (status 409)",
    ),
    "too late": ({"delay_seconds": 2.5}, "the provider did not answer within 1.5 s"),
}


@pytest.mark.parametrize(("arguments", "reason"), FAILURES.values(), ids=FAILURES)
async def test_a_failing_product_is_a_502_that_says_so(things, arguments, reason):
    problem = json_of(await create(things, arguments), 502)
    assert problem["type"] == "urn:trunkline:problem:provider-failed"
    assert problem["detail"].startswith(f"'create_thing' could not be carried out: {reason}"), problem
    assert (await things.client.get("/api/v1/events")).json()["events"] == []


async def test_a_product_that_is_away_is_a_502_that_does_not_show_where_it_is(
    sqlite_database_url, make_hub, schemas
):
    with shop_program(HERE / "backend.py", secret=SECRET) as url:
        pass
    hub = await make_hub(sqlite_database_url, settings_of(url, schemas), dispatch=False)
    answer = json_of(await hub.client.get(f"{BASE}/things/search"), 502)
    assert answer["detail"] == "'find_thing' could not be carried out: the provider could not be reached."


async def test_concurrent_calls_with_one_key_reach_the_product_once(things, backend):
    arguments = {"delay_seconds": 0.2, **answering(output={"thing_id": 5})}
    before = len(await calls_of(backend))
    answers = await asyncio.gather(*(create(things, arguments, key=f"once {id(things)}") for _ in range(16)))
    assert {(answer.status_code, answer.content) for answer in answers} == {(201, b'{"thing_id":5}')}
    assert len(await calls_of(backend)) == before + 1


async def test_the_key_of_a_failed_call_may_be_used_again(things):
    for _ in range(2):
        refused = json_of(await create(things, answering(422, detail="Not now."), key="again"), 422)
        assert refused["detail"] == "Not now."


async def test_nothing_is_locked_while_the_product_works(things):
    slow = asyncio.create_task(create(things, {"delay_seconds": 0.4}, key="slow"))
    await things.send_test_event("thing.created")
    assert not slow.done(), "the event waited for the product"
    assert (await slow).status_code == 201


async def test_a_provider_beside_a_plugin_that_carries_out_the_same_is_refused_with_it(
    sqlite_database_url, make_hub
):
    chosen = {"actions.provider_url": "http://127.0.0.1:9", "actions.provider_secret": SECRET}
    hub = await make_hub(sqlite_database_url, chosen, dispatch=False)
    states = {record.name: (record.state, record.error) for record in hub.hub.registry.records}
    for plugin, other in (("actions", "crm"), ("crm", "actions")):
        state, error = states[plugin]
        assert state == "failed"
        assert error.endswith(f"which plugin '{other}' gives too; disable one of them")


@pytest.mark.parametrize(
    ("setting", "error"),
    [
        (("url", None), "'actions': provider_url and provider_secret go together; set both or neither"),
        (("url", "ftp://example.com"), "'ftp://example.com' must"),
        (("url", "http://169.254.169.254/x"), "169.254.169.254"),
        (("secret", "hush"), "'actions.provider_secret': a secret is not 'whsec_' followed by base64"),
        (("timeout_seconds", "26"), "'actions.provider_timeout_seconds': must be 25 at most"),
        (("operations", "make_it"), "'actions.provider_operations': names 'make_it', which is not defined"),
    ],
    ids=["no URL", "no HTTP", "a metadata service", "no secret", "too long", "an unknown operation"],
)
async def test_a_setting_that_cannot_be_is_named(sqlite_database_url, make_hub, schemas, setting, error):
    name, value = setting
    changed = {"plugins.enabled": "actions", f"actions.provider_{name}": value}
    chosen = settings_of("http://127.0.0.1:9", schemas) | changed
    chosen = {name: value for name, value in chosen.items() if value is not None}
    with pytest.raises(SettingsInvalid, match="actions") as caught:
        await make_hub(sqlite_database_url, chosen, dispatch=False)
    assert error in str(caught.value)
    assert "hush" not in str(caught.value)


async def test_what_new_action_and_new_search_write_is_carried_out_by_the_product(
    sqlite_database_url, make_hub, backend, tmp_path
):
    for kind, name in (("action", "create_thing"), ("search", "find_thing")):
        command = ["new", kind, name, "--field", "answer:text", "--into", str(tmp_path)]
        assert CliRunner().invoke(app, command).exit_code == 0
    chosen = settings_of(
        f"{backend}/base", tmp_path, **{"actions.provider_operations": "create_thing, find_thing"}
    )
    hub = await make_hub(sqlite_database_url, chosen, dispatch=False)
    refused = json_of(await create(hub, {}), 422)
    assert refused["errors"] == [{"path": "/answer", "message": "is required"}]
    thing = {"thing_id": str(uuid.uuid4()), "answer": "One"}
    for method, path, status, output in (
        ("POST", "/things", 201, thing),
        ("GET", "/things/search", 200, {"results": [thing], "count": 1}),
    ):
        sent = {"answer": json.dumps({"output": output})}
        where = {"json": sent} if method == "POST" else {"params": sent}
        assert json_of(await hub.client.request(method, BASE + path, **where), status) == output
    assert [call["path"] for call in (await calls_of(backend))[-2:]] == [
        "/base/actions/create_thing",
        "/base/searches/find_thing",
    ]


async def test_the_shop_of_the_documentation_takes_orders_and_finds_them(sqlite_database_url, make_hub):
    with shop_program(SHOP / "shop.py", "0", secret=SECRET) as url:
        hub = await make_hub(
            sqlite_database_url,
            settings_of(url, SHOP / "schemas", **{"actions.provider_operations": "create_order, find_order"}),
        )
        order = {"sku": "tea-green", "quantity": 3}
        orders, found = f"{BASE}/orders", f"{BASE}/orders/search?order_id=1"
        for order_id, key in ((1, b"1"), (1, b"1"), (2, "Tee für é".encode()), (3, b"\xe9 %$~")):
            made = await hub.client.post(orders, json=order, headers={b"Idempotency-Key": key})
            assert json_of(made, 201) == {"order_id": order_id, **order}
        refused = json_of(await hub.client.post(orders, json={**order, "quantity": 101}), 422)
        assert refused["errors"] == [{"path": "/quantity", "message": "is more than the 100 in stock"}]
        assert json_of(await hub.client.get(found)) == {"results": [{"order_id": 1, **order}], "count": 1}
        other = await hub.client_of(93)
        assert json_of(await other.get(found)) == {"results": [], "count": 0}
        event, *others = (await hub.client.get("/api/v1/events")).json()["events"]
        assert (event["type"], event["payload"]) == ("order.created", {"order_id": 1, **order})
        assert [other["payload"]["order_id"] for other in others] == [2, 3]


def test_the_page_about_the_protocol_lists_every_setting():
    page = (HERE.parents[2] / "docs" / "reference" / "http-provider.md").read_text()
    assert [name for name in Settings.model_fields if f"\n| `{name}` |" not in page] == []
