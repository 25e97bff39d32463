"""``trunkline audit``: changes are listed, filtered, and exported as JSON Lines."""

import json

import pytest


@pytest.mark.slow
def test_changes_that_commands_made_are_listed_and_exported(migrated_cli):
    run = migrated_cli.run
    run("companies", "create", "--reference", "acme")
    run("keys", "create", "--company", "acme", "--name", "Zapier", "--scope", "events:read")
    listed = json.loads(run("audit", "--action", "key.created", "--json").stdout)
    [entry] = listed["entries"]
    assert (entry["actor"], entry["after"]["name"], entry["from_address"]) == ("cli", "Zapier", None)
    lines = [json.loads(line) for line in run("audit", "--company", "acme", "--export").stdout.splitlines()]
    assert [line["action"] for line in lines] == ["key.created", "company.created"]
    assert "key.created" in run("audit", "--target", entry["target"]).stdout
