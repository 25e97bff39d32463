"""``consumers`` and ``events digest``: consumers are listed, made, moved and deleted, and digests are shown."""

import hashlib
import json

OF_COMPANY = ("--company", "92")


def test_a_consumer_is_made_listed_moved_and_deleted(migrated_cli):
    emitted = json.loads(migrated_cli.invoke("events", "emit", "client.created", *OF_COMPANY).stdout)
    made = migrated_cli.invoke(
        "consumers", "create", "billing", *OF_COMPANY, "--types", "client.*", "--start", "beginning", "--json"
    )
    assert json.loads(made.stdout)["lag"] == 1
    assert "billing" in migrated_cli.invoke("consumers", "list", *OF_COMPANY).stdout
    digest = json.loads(
        migrated_cli.invoke("events", "digest", *OF_COMPANY, "--types", "client.created").stdout
    )
    assert digest["digest"] == hashlib.sha256(f"{emitted['id']}\n".encode()).hexdigest()
    moved = migrated_cli.invoke("consumers", "seek", "billing", digest["to"], *OF_COMPANY, "--json")
    assert json.loads(moved.stdout)["lag"] == 0
    back = migrated_cli.invoke("consumers", "seek", "billing", "2020-01-01T00:00:00Z", *OF_COMPANY, "--json")
    assert json.loads(back.stdout)["lag"] == 1
    explained = migrated_cli.invoke("events", "explain", str(emitted["id"]))
    assert "billing\tunread" in explained.stdout
    deleted = migrated_cli.invoke("consumers", "delete", "billing", *OF_COMPANY)
    assert (deleted.exit_code, "'billing' is deleted" in deleted.stderr) == (0, True)


def test_what_is_not_there_or_malformed_is_named(migrated_cli):
    for command, named in (
        (("show", "nobody"), "'nobody'"),
        (("seek", "nobody", "2020-01-01T00:00:00Z"), "'nobody'"),
        (("delete", "nobody"), "'nobody'"),
        (("create", "-x"), "-x"),
        (("create", "x", "--start", "tomorrow"), "'tomorrow'"),
    ):
        refused = migrated_cli.invoke("consumers", *command, *OF_COMPANY)
        assert refused.exit_code in {1, 2}
        assert named in refused.stderr
