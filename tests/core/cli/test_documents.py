"""``export`` and ``schemas check``."""

import asyncio
import json
import re
from importlib.resources import files

import pytest
from tests.statements import execute

from trunkline.hub.hub import Hub
from trunkline_kit.hubs import settings_for

PACKAGE = files("trunkline_schemas")
EMPTY = {"type": "object", "properties": {}, "additionalProperties": False}
TEXT = {"title": "S", "description": "S.", "type": "string"}
COUNTS = {"event_types": 10, "actions": 12, "searches": 9, "lookups": 4}


@pytest.fixture
def lean_cli(cli):
    """Give the command line with one plugin, for tests about schema files."""
    return cli.with_plugins("webhooks")


@pytest.mark.parametrize(
    ("name", "files"), [("openapi", ["openapi", "openapi-3.0"]), ("asyncapi", ["asyncapi"])]
)
def test_export_writes_the_documents_and_leaves_no_database_behind(cli, name, files):
    assert cli.done("export", name, "out").splitlines() == [f"out/{file}.json" for file in files]
    assert json.loads((cli.folder / "out" / f"{name}.json").read_text())[name] == "3.1.0"
    assert [path.name for path in cli.folder.iterdir()] == ["out"]


def test_export_has_what_was_registered_over_the_api(migrated_cli):
    schema = EMPTY | {"title": "Order", "description": "An order.", "examples": [{}]}
    (migrated_cli.folder / "own.json").write_text(json.dumps(schema))
    migrated_cli.done("schemas", "register", "order.shipped", "own.json")
    assert migrated_cli.invoke("export", "asyncapi", "out").stderr == ""
    written = (migrated_cli.folder / "out" / "asyncapi.json").read_text()
    assert "order.shipped" in written
    assert "lead.created" in written


def test_export_says_what_is_left_out_where_the_database_cannot_be_read(cli):
    away = cli.changed(TRUNKLINE_DATABASE__URL="postgresql://127.0.0.1:9/none")
    done = away.invoke("export", "asyncapi", "out")
    assert done.exit_code == 0
    assert "What was registered over the API is left out" in done.stderr
    assert (cli.folder / "out" / "asyncapi.json").exists()


@pytest.mark.slow
def test_export_of_one_deployment_has_only_its_plugins(cli):
    (cli.folder / "trunkline.toml").write_text('[plugins]\ndisabled = ["polling"]\n')
    cli.invoke("export", "openapi", "out")
    paths = json.loads((cli.folder / "out" / "openapi.json").read_text())["paths"]
    assert "get" not in paths["/api/v1/events"]
    assert "/api/v1/webhooks/subscriptions" in paths


@pytest.mark.parametrize("arguments", [["--live"], ["--against", "empty"], ["--against", "missing"]])
def test_check_against_nothing_that_it_could_compare_with_is_a_mistake(lean_cli, arguments):
    (lean_cli.folder / "empty").mkdir()
    lean_cli.refused("schemas", "check", *arguments)


def test_check_says_that_everything_is_valid(lean_cli):
    counts = "10 event types, 12 actions, 9 searches, 4 lookups"
    assert lean_cli.done("schemas", "check") == f"{counts}: every schema and example is valid.\n"


def test_check_warns_of_a_pattern_that_has_no_linear_time(lean_cli):
    schema = {
        "title": "Order",
        "description": "An order.",
        "properties": {"code": {"type": "string", "pattern": "^(?=.*[0-9]).+$"}},
        "examples": [{"code": "a1"}],
    }
    _write(lean_cli.folder / "schemas", "order.placed", schema)
    [warning] = lean_cli.json("schemas", "check")["warnings"]
    assert warning.startswith(
        "order.placed@1 /properties/code/pattern: the pattern ^(?=.*[0-9]).+$ has a look-around"
    )
    assert "a look-around or a back-reference" in lean_cli.invoke("schemas", "check").stderr


def test_check_names_the_file_that_is_not_valid(lean_cli):
    _write(lean_cli.folder / "schemas", "order.placed", {"type": "object", "title": "Order"})
    result = lean_cli.invoke("schemas", "check", "--json")
    assert result.exit_code == 1
    told = json.loads(result.stdout)
    assert "order.placed.json" in told.pop("errors")[0]
    assert told == dict.fromkeys(COUNTS, 0) | {"valid": False, "warnings": [], "breaks": []}


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        ("path", "orders", "its 'path' must look like /leads/{client_id}, in lower case, not orders"),
        ("emits", ["order.placed"], "'emits' names 'order.placed', which is no event type here"),
        ("input", {"type": "text"}, "its 'input' cannot serve: the schema is not valid at '/type'"),
        ("title", 5, "'/title' must be a string, not a number"),
        ("name", "create_lead", "'/name' is 'create_lead'; the file of that name is create_lead.json"),
        (
            "input",
            EMPTY | {"properties": {"sku": TEXT | {"x-lookup": "products"}}},
            "'x-lookup' of 'sku' names 'products', which is no lookup; there are: affiliates, client-statuses, ",
        ),
    ],
    ids=["path", "emits", "schema", "form", "name", "lookup"],
)
def test_check_names_the_file_of_an_action_that_is_not_fit_to_serve(lean_cli, key, value, sentence):
    action = _read("actions/create_lead") | {
        "name": "place_order", "path": "/orders", "emits": [], "input": EMPTY, "output": {"type": "object"},
        "examples": [{"input": {}, "output": {}}], key: value,
    }  # fmt: skip
    _write(lean_cli.folder / "schemas", "place_order", action, within="actions")
    told = lean_cli.refused("schemas", "check", code=1)
    assert told.startswith(f"schemas/actions/place_order.json: {sentence}")
    assert len(told.splitlines()) == 1


def test_check_counts_a_deployments_own_definitions_and_only_the_packages_that_it_uses(lean_cli):
    search = _read("searches/find_lead")
    search["input"]["properties"]["client_id"].pop("x-lookup")
    _write(lean_cli.folder / "schemas", "find_lead", search, within="searches")
    (lean_cli.folder / "trunkline.toml").write_text(
        '[plugins]\ndisabled = ["crm"]\n[product]\nschemas = ["schemas"]\n'
    )
    counts = "0 event types, 0 actions, 1 search, 0 lookups"
    assert lean_cli.done("schemas", "check") == f"{counts}: every schema and example is valid.\n"


def test_a_package_of_schemas_that_is_not_there_stops_with_one_sentence(lean_cli):
    (lean_cli.folder / "trunkline.toml").write_text('[product]\nschemas = ["acme"]\n')
    told = lean_cli.refused("schemas", "check")
    assert re.match(r"Setting 'product\.schemas': there is no folder .*acme, nor an installed package", told)
    assert len(told.splitlines()) == 1


def test_check_against_the_same_schemas_finds_nothing(lean_cli):
    compared = lean_cli.json("schemas", "check", "--against", str(PACKAGE))
    assert compared == COUNTS | {"valid": True, "errors": [], "warnings": [], "breaks": []}


def test_check_names_each_thing_that_an_older_client_would_break_on(cli):
    older = _read("events/payment.failed")
    older["properties"]["bank"] = {"type": "string"}
    older["required"].append("bank")
    older["examples"] = [{**example, "bank": "First"} for example in older["examples"]]
    _write(cli.folder / "older", "payment.failed", older)
    _write(cli.folder / "older", "payment.refunded", older)
    result = cli.invoke("schemas", "check", "--against", "older")
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        "payment.failed /payload/bank: is gone",
        "    mapped as payload.bank in make, payload.bank in n8n, payload__bank in zapier",
        "payment.refunded: the event type is gone",
        "    offered in make, n8n, zapier",
    ]
    assert result.stderr == "An older client would break on 2 things.\n"


def test_check_names_what_an_older_client_of_an_action_would_break_on(cli):
    older = _read("actions/create_lead")
    older["input"]["properties"]["fax"] = older["input"]["properties"]["phone"]
    _write(cli.folder / "older", "create_lead", older, within="actions")
    result = cli.invoke("schemas", "check", "--against", "older")
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        "action create_lead /input/fax: is no longer taken",
        "    mapped as fax in make, fax in n8n, fax in zapier",
    ]
    told = cli.invoke("schemas", "check", "--against", "older", "--json").stdout
    [change] = json.loads(told)["breaks"]
    assert (change["subject"], change["name"], change["kind"]) == ("action", "create_lead", "field_removed")


def test_check_names_the_subscriptions_and_filters_that_it_would_hurt(cli):
    database = f"sqlite:///{cli.folder / 'live.db'}"
    older = _read("events/payment.failed")
    older["properties"]["bank"] = {"type": "string"}
    _write(cli.folder / "older", "payment.failed", older)
    check = ("schemas", "check", "--against", "older", "--live")
    (cli.folder / "trunkline.toml").write_text(f'[database]\nurl = "{database}"\n')
    assert "There is no database" in cli.invoke(*check).stderr
    cli.done("migrate")
    assert "no subscription in the database reads it" in cli.invoke(*check).stdout
    made = asyncio.run(_subscribe(database))
    filtered, every = made["filtered"], made["every"]
    told = cli.invoke(*check).stdout.splitlines()
    assert told[2:4] == [
        f"    2 subscriptions: {filtered} (company 92, webhooks), {every} (company 93, webhooks)",
        f"    the filter of {filtered} reads payload.bank",
    ]
    (change,) = json.loads(cli.invoke(*check, "--json").stdout)["breaks"]
    assert change["hurts"]["subscriptions"][0] == {
        "id": filtered, "company_id": 92, "environment": "live", "channel": "webhooks", "filter_paths": ["payload.bank"],
    }  # fmt: skip
    assert change["hurts"]["platforms"][-1] == {"connector": "zapier", "field": "payload__bank"}


async def _subscribe(url):
    """Make subscriptions as a hub with the older schemas would have made them."""
    made = {}
    async with Hub(settings_for(url, {}), dispatch=False) as hub:
        for name, company, kind in (
            ("filtered", 92, "payment.failed"),
            ("every", 93, "*"),
            ("other", 92, "client.created"),
        ):
            request = {"target_url": "https://example.com/x", "event_types": [kind]}
            made[name] = (await hub.subscriptions.create(company, request, channel="webhooks"))["id"]
        source = json.dumps({"any": [{"payload.bank": "First"}, {"payload.client_id": 1}]})
        change = "UPDATE subscriptions SET filter = :filter WHERE id = :id"
        await execute(hub.engines, change, filter=source, id=made["filtered"])
    return made


def test_check_finds_nothing_where_the_older_version_is_kept(lean_cli):
    newer = _read("events/payment.failed")
    older = newer | {"properties": newer["properties"] | {"bank": {"type": "string"}}}
    _write(lean_cli.folder / "older", "card.failed", older)
    _write(lean_cli.folder / "schemas", "card.failed", newer | {"x-version": 2})
    _write(lean_cli.folder / "schemas", "card.failed@1", older)
    refused = lean_cli.invoke("schemas", "check", "--against", "older")
    assert "versions 1 and 2 are both kept, but nothing casts 1 to 2" in refused.stderr
    (lean_cli.folder / "schemas" / "events" / "card.failed@1.json").rename(lean_cli.folder / "kept.json")
    told = lean_cli.invoke("schemas", "check", "--against", "older")
    assert told.stdout.startswith("card.failed /payload/bank: is gone")


def test_a_file_of_another_version_than_its_name_says_is_refused(lean_cli):
    schema = _read("events/payment.failed")
    _write(lean_cli.folder / "schemas", "card.failed@2", schema)
    assert "'x-version' is 1, but the file's name says 2" in lean_cli.refused("schemas", "check", code=1)


def _read(name):
    return json.loads((PACKAGE / f"{name}.json").read_text())


def _write(folder, name, document, *, within="events"):
    (folder / within).mkdir(parents=True, exist_ok=True)
    (folder / within / f"{name}.json").write_text(json.dumps(document))
