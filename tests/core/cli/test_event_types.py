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
    done = migrated_cli.invoke(*write(migrated_cli, schema()))
    assert done.stdout == "order.shipped is registered, revision 1: Order Shipped\n", done.output
    again = migrated_cli.invoke(*write(migrated_cli, schema(carrier={"type": "string"})))
    assert again.stdout == "order.shipped is registered, revision 2: Order Shipped\n"
    rows = [line.split("\t") for line in migrated_cli.invoke("schemas", "list").stdout.splitlines()]
    assert ["order.shipped", "2", "Order Shipped"] in rows
    assert ["lead.created", "in files", "New Lead Created"] in rows
    listed = migrated_cli.json("schemas", "list")
    assert listed["count"] == len(rows) - 1 == 11


def test_what_breaks_an_older_client_is_refused(migrated_cli):
    migrated_cli.invoke(*write(migrated_cli, schema()))
    shown = migrated_cli.refused(
        *write(migrated_cli, schema(order={"type": "integer"}) | {"examples": [{"order": 1}]}), code=1
    )
    assert "would break an older client" in shown


def test_a_schema_that_is_none_and_a_type_in_files_are_refused(migrated_cli):
    done = migrated_cli.invoke(*write(migrated_cli, "{"))
    assert done.exit_code == 1
    assert "Traceback" not in done.output
    write(migrated_cli, schema())
    done = migrated_cli.invoke("schemas", "register", "lead.created", "order.shipped.json")
    assert (done.exit_code, "is in the files of this deployment already" in done.stderr) == (1, True), (
        done.output
    )
