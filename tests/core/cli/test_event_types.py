"""``schemas list`` and ``register``: the event types of files, and those registered beside them."""

import json


def schema(**properties):
    return {
        "title": "Order Shipped", "description": "An order has left.", "type": "object",
        "properties": {"order": {"type": "string"}, **properties}, "examples": [{"order": "A1"}],
    }  # fmt: skip


def write(cli, value):
    (cli.folder / "order.shipped.json").write_text(value if isinstance(value, str) else json.dumps(value))
    return ("schemas", "register", "order.shipped", "order.shipped.json")


def test_a_type_is_registered_revised_and_listed(migrated_cli):
    for revision, properties in ((1, {}), (2, {"carrier": {"type": "string"}})):
        done = migrated_cli.done(*write(migrated_cli, schema(**properties)))
        assert done == f"order.shipped is registered, revision {revision}: Order Shipped\n"
    rows = [line.split("\t") for line in migrated_cli.done("schemas", "list").splitlines()]
    assert ["order.shipped", "2", "Order Shipped"] in rows
    assert ["lead.created", "in files", "New Lead Created"] in rows
    listed = migrated_cli.json("schemas", "list")
    assert listed["count"] == len(rows) - 1 == 11


def test_what_breaks_an_older_client_is_refused(migrated_cli):
    migrated_cli.done(*write(migrated_cli, schema()))
    changed = schema(order={"type": "integer"}) | {"examples": [{"order": 1}]}
    told = migrated_cli.refused(*write(migrated_cli, changed), code=1)
    assert "would break an older client" in told


def test_a_schema_that_is_none_and_a_type_in_files_are_refused(migrated_cli):
    assert "Traceback" not in migrated_cli.refused(*write(migrated_cli, "{"), code=1)
    write(migrated_cli, schema())
    told = migrated_cli.refused("schemas", "register", "lead.created", "order.shipped.json", code=1)
    assert "is in the files of this deployment already" in told
