"""``consumers`` and ``events digest``: consumers are listed, made, moved and deleted, and digests are shown."""

import hashlib
import json

import pytest

OF_COMPANY = ("--company", "92")


def test_a_consumer_is_made_listed_moved_and_deleted(migrated_cli):
    number = migrated_cli.emit()["id"]
    create = ("consumers", "create", "billing", *OF_COMPANY, "--types", "client.*", "--start", "beginning")
    assert migrated_cli.json(*create)["lag"] == 1
    assert "billing" in migrated_cli.done("consumers", "list", *OF_COMPANY)
    digest = json.loads(migrated_cli.done("events", "digest", *OF_COMPANY, "--types", "client.created"))
    assert digest["digest"] == hashlib.sha256(f"{number}\n".encode()).hexdigest()
    for place, lag in ((digest["to"], 0), ("2020-01-01T00:00:00Z", 1)):
        assert migrated_cli.json("consumers", "seek", "billing", place, *OF_COMPANY)["lag"] == lag
    assert "billing\tunread" in migrated_cli.done("events", "explain", str(number))
    deleted = migrated_cli.invoke("consumers", "delete", "billing", *OF_COMPANY)
    assert (deleted.exit_code, "'billing' is deleted" in deleted.stderr) == (0, True)


@pytest.mark.parametrize(
    ("command", "named"),
    [
        ("show nobody", "'nobody'"),
        ("seek nobody 2020-01-01T00:00:00Z", "'nobody'"),
        ("delete nobody", "'nobody'"),
        ("create -x", "-x"),
        ("create x --start tomorrow", "'tomorrow'"),
    ],
)
def test_what_is_not_there_or_malformed_is_named(migrated_cli, command, named):
    refused = migrated_cli.invoke("consumers", *command.split(), *OF_COMPANY)
    assert refused.exit_code in {1, 2}
    assert named in refused.stderr
