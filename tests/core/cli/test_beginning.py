"""``init``, ``new event``, ``new action`` and ``new search``: their files work unchanged; bad input is refused before writing."""

import json
import resource
import stat
import tomllib

import pytest
import yaml

from trunkline_kit.beginning.fields import KINDS

BEGIN = ("init", "--name", "Acme Billing", "--event", "invoice.created")
FIELDS = [part for kind in KINDS for part in ("--field", f"a_{kind}:{kind}")]
"""A field of every kind."""


def begun(cli, *more: str):
    result = cli.invoke(*BEGIN, *more)
    assert result.exit_code == 0, result.output
    return result


def test_init_writes_a_folder_whose_product_is_its_own(cli):
    result = begun(cli)
    assert result.stdout.split() == [
        ".env", ".gitignore", "compose.yaml", "schemas/brand.json", "schemas/events/invoice.created.json",
        "trunkline.toml",
    ]  # fmt: skip
    assert result.stderr == "Next: trunkline schemas check && trunkline serve\n"
    assert cli.done("schemas", "check").startswith("1 event type, 0 actions, 0 searches")
    said = "Product: Acme Billing, from ./schemas; 1 event type; keys begin with acmebilling_."
    assert said in cli.invoke("doctor", "http://127.0.0.1:1/").stderr


def test_the_secrets_are_the_owners_alone_and_the_hub_reads_them(cli):
    begun(cli, "--key-prefix", "acme")
    assert stat.S_IMODE((cli.folder / ".env").stat().st_mode) == 0o600
    cli.done("migrate")
    assert cli.create_key().startswith("acme_live_92_")
    assert not (cli.folder / "trunkline.db.secrets").exists()


def test_what_is_made_twice_differs_in_its_secrets(cli):
    begun(cli, "--into", "one")
    begun(cli, "--into", "two")
    first, second = ((cli.folder / name / ".env").read_text() for name in ("one", "two"))
    assert first != second


@pytest.mark.parametrize(
    ("database", "services", "is_for_development"),
    [
        ("sqlite", {"hub"}, True),
        ("postgresql", {"hub", "worker", "postgres"}, False),
        ("postgresql --insecure-targets", {"hub", "worker", "postgres"}, True),
        ("postgresql://acme@db.example.com/acme", {"hub", "worker"}, False),
    ],
)
def test_the_files_have_what_the_database_needs(cli, database, services, is_for_development):
    begun(cli, "--database", *database.split())
    compose = yaml.safe_load((cli.folder / "compose.yaml").read_text())
    assert set(compose["services"]) == services
    for service in compose["services"].values():
        assert (service["cap_drop"], service["read_only"]) == (["ALL"], True)
    volumes = {volume.partition(":")[0] for s in compose["services"].values() for volume in s["volumes"]}
    assert {volume for volume in volumes if not volume.startswith("./")} == set(compose.get("volumes") or ())
    settings = tomllib.loads((cli.folder / "trunkline.toml").read_text())
    in_environment = "TRUNKLINE_DATABASE__URL=postgresql://" in (cli.folder / ".env").read_text()
    assert (settings.get("database", {}).get("url"), in_environment) == (
        ("sqlite:///trunkline.db", False) if services == {"hub"} else (None, True)
    )
    switches = {"allow_http": True, "allow_private_networks": True}
    assert settings.get("delivery", {}) == (switches if is_for_development else {})


def test_init_can_be_repeated_after_a_disk_was_full(cli):
    unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300, unlimited[1]))
    try:
        told = cli.refused(*BEGIN, code=1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
    assert "cannot be written: File too large" in told
    assert [path for path in cli.folder.rglob("*") if path.is_file()] == []
    begun(cli)


def test_init_writes_over_nothing(cli):
    (cli.folder / ".env").write_text("MINE=1")
    told = cli.refused(*BEGIN, code=1)
    assert told.startswith(".env is there already, and nothing was written")
    assert [path.name for path in cli.folder.iterdir()] == [".env"]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ([], "say what the product is called"),
        (["--name", "Acme", "--event", "created"], "'created' cannot be an event type"),
        (["--name", "Acme", "--key-prefix", "A!"], "'A!' cannot begin keys"),
        (["--name", "Acme", "--database", "mysql://x"], "--database is sqlite, postgresql, or a URL"),
        (["--name", "x" * 41], "1 to 40 characters"),
        (["--name", "\u65e5\u672c"], "no prefix can be made"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_written(cli, options, sentence):
    result = cli.invoke("init", *options)
    assert result.exit_code in {1, 2}
    assert sentence in " ".join(result.stderr.replace("\u2502", " ").split())
    assert list(cli.folder.iterdir()) == []


def test_a_new_event_type_passes_the_check_with_every_kind_of_field(cli):
    begun(cli)
    made = cli.done("new", "event", "payment.refunded", *FIELDS, "--field", "note:text?")
    assert made == "schemas/events/payment.refunded.json\n"
    schema = json.loads((cli.folder / "schemas/events/payment.refunded.json").read_text())
    assert schema["required"] == [f"a_{kind}" for kind in KINDS]
    assert "note" in schema["examples"][0]
    assert cli.done("schemas", "check").startswith("2 event types,")


def test_a_new_event_type_without_fields_has_an_id_and_a_time(cli):
    begun(cli)
    cli.invoke("new", "event", "billing_run.finished")
    schema = json.loads((cli.folder / "schemas/events/billing_run.finished.json").read_text())
    assert schema["title"] == "Billing Run Finished"
    assert list(schema["properties"]) == ["billing_run_id", "finished_at"]
    cli.done("schemas", "check")


CALLS = {
    "action create_order": ("POST", "/orders"),
    "action update_order": ("PATCH", "/orders/{order_id}"),
    "action delete_order": ("DELETE", "/orders/{order_id}"),
    "action ship_order": ("POST", "/orders/{order_id}/ship"),
    "action cancel_line_item": ("POST", "/line-items/{line_item_id}/cancel"),
    "search find_order": ("GET", "/orders/search"),
    "search get_order": ("GET", "/orders/{order_id}"),
    "search list_orders": ("GET", "/orders"),
}


def test_new_actions_and_searches_pass_the_check_each_with_the_call_that_its_verb_means(cli):
    begun(cli)
    for call, (method, path) in CALLS.items():
        kind, name = call.split()
        result = cli.invoke("new", kind, name)
        folder = {"action": "actions", "search": "searches"}[kind]
        assert result.stdout == f"schemas/{folder}/{name}.json\n", result.output
        assert f"POST /{folder}/{name})" in result.stderr
        written = json.loads((cli.folder / "schemas" / folder / f"{name}.json").read_text())
        assert (written["name"], written["method"], written["path"]) == (name, method, path)
    assert cli.done("schemas", "check").startswith("1 event type, 5 actions, 3 searches")


@pytest.mark.parametrize("command", ["action create_thing", "action update_thing", "search find_thing"])
def test_a_new_definition_has_the_fields_that_are_named_and_their_ids_kind(cli, command):
    begun(cli)
    emits = ("--emits", "invoice.created") if "action" in command else ()
    made = cli.done("new", *command.split(), "--field", "thing_id:integer?", *FIELDS, *emits)
    written = json.loads((cli.folder / made.strip()).read_text())
    assert list(written["input"]["properties"]) == [f"a_{kind}" for kind in KINDS]
    assert '"thing_id": {\n' in json.dumps(written, indent=1)
    assert written.get("emits", []) == list(emits[1:])
    cli.done("schemas", "check")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("event Refunded", "'Refunded' cannot be an event type"),
        (
            "event subscription.failing",
            "The name 'subscription.failing' is reserved for the hub's operational",
        ),
        ("event operational.x", "The name 'operational.x' is reserved for the hub's operational"),
        ("event a.b --field x:money", "'x:money' is no field"),
        ("event a.b --field x:text --field x:date", "'x' is named twice"),
        (
            "event invoice.created",
            "schemas/events/invoice.created.json is there already; nothing was written.",
        ),
        ("action Ship", "'Ship' cannot be the name of an action"),
        ("action send_2fa", "'send_2fa' cannot be the name of an action"),
        ("search order", "'order' cannot be the name of a search"),
        ("action ship_order --emits shipped", "'shipped' cannot be an event type"),
        ("search find_order --field x:money", "'x:money' is no field"),
        ("action pay_order", "schemas/actions/pay_order.json is there already; nothing was written."),
    ],
)
def test_a_definition_that_cannot_be_is_refused(cli, arguments, sentence):
    begun(cli)
    cli.done("new", "action", "pay_order")
    before = sorted((cli.folder / "schemas").rglob("*.json"))
    assert sentence in cli.refused("new", *arguments.split(), code=1)
    assert sorted((cli.folder / "schemas").rglob("*.json")) == before
