"""``trunkline audit``: changes are listed, filtered, and exported as JSON Lines."""

import json


def test_changes_that_commands_made_are_listed_and_exported(migrated_cli):
    run = migrated_cli.done
    run("companies", "create", "--reference", "acme")
    run("keys", "create", "--company", "acme", "--name", "Zapier", "--scope", "events:read")
    [entry] = migrated_cli.json("audit", "--action", "key.created")["entries"]
    assert (entry["actor"], entry["after"]["name"], entry["from_address"]) == ("cli", "Zapier", None)
    lines = [json.loads(line) for line in run("audit", "--company", "acme", "--export").splitlines()]
    assert [line["action"] for line in lines] == ["key.created", "company.created"]
    assert "key.created" in run("audit", "--target", entry["target"])
