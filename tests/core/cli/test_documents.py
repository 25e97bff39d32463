"""``export`` and ``schemas check``."""

import json
from importlib.resources import files

import pytest


@pytest.mark.parametrize(("name", "version"), [("openapi", "3.1.0"), ("asyncapi", "3.0.0")])
def test_export_writes_the_document_the_same_each_time(cli, name, version):
    first, second = cli.invoke("export", name, "one"), cli.invoke("export", name, "two/deep")
    assert first.stdout == f"one/{name}.json\n"
    assert second.exit_code == 0
    written = (cli.folder / "one" / f"{name}.json").read_bytes()
    assert json.loads(written)[name] == version
    assert written == (cli.folder / "two" / "deep" / f"{name}.json").read_bytes()
    assert written.endswith(b"\n}\n")


def test_export_leaves_no_database_behind(cli):
    cli.invoke("export", "openapi", "out")
    assert [path.name for path in cli.folder.iterdir()] == ["out"]


def test_export_of_one_deployment_has_only_its_plugins(cli):
    (cli.folder / "trunkline.toml").write_text('[plugins]\ndisabled = ["polling"]\n')
    cli.invoke("export", "openapi", "out")
    paths = json.loads((cli.folder / "out" / "openapi.json").read_text())["paths"]
    assert "get" not in paths["/api/v1/events"]
    assert "/api/v1/webhooks/subscriptions" in paths


def test_check_says_that_everything_is_valid(cli):
    result = cli.invoke("schemas", "check")
    assert (result.exit_code, result.stdout) == (0, "10 event types: every schema and example is valid.\n")


def test_check_names_the_file_that_is_not_valid(cli):
    _write(cli.folder / "schemas", "order.placed", {"type": "object", "title": "Order"})
    result = cli.invoke("schemas", "check", "--json")
    assert result.exit_code == 1
    (error,) = json.loads(result.stdout)["errors"]
    assert "order.placed.json" in error


def test_check_against_the_same_schemas_finds_nothing(cli):
    result = cli.invoke("schemas", "check", "--against", str(files("trunkline_schemas")), "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout) == {"valid": True, "event_types": 10, "errors": [], "breaks": []}


def test_check_names_each_thing_that_an_older_client_would_break_on(cli):
    older = json.loads((files("trunkline_schemas") / "events" / "payment.failed.json").read_text())
    older["properties"]["bank"] = {"type": "string"}
    older["required"].append("bank")
    older["examples"] = [{**example, "bank": "First"} for example in older["examples"]]
    _write(cli.folder / "older", "payment.failed", older)
    _write(cli.folder / "older", "payment.refunded", older)
    result = cli.invoke("schemas", "check", "--against", "older")
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        "payment.failed /payload/bank: is gone",
        "payment.refunded: the event type is gone",
    ]
    assert result.stderr == "An older client would break on 2 things.\n"


def test_check_against_a_folder_without_schemas_is_a_mistake(cli):
    (cli.folder / "empty").mkdir()
    assert cli.invoke("schemas", "check", "--against", "empty").exit_code == 2
    assert cli.invoke("schemas", "check", "--against", "missing").exit_code == 2


def _write(folder, name, schema):
    (folder / "events").mkdir(parents=True, exist_ok=True)
    (folder / "events" / f"{name}.json").write_text(json.dumps(schema))
