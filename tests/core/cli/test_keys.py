"""``keys``: what is printed where, and what the keys may do."""

import json

import pytest

from trunkline.access.keys import parse_key


@pytest.fixture
def migrated_cli(migrated_cli):
    return migrated_cli


def _create(cli, *arguments):
    return cli.invoke("keys", "create", "--name", "Zapier", *arguments)


def test_create_prints_the_key_alone_on_standard_output(migrated_cli):
    result = _create(migrated_cli, "--company", "92", "--scope", "events:read", "--scope", "admin")
    assert result.exit_code == 0
    key = parse_key(result.stdout.removesuffix("\n"))
    assert key is not None
    assert key.company_id == 92
    assert result.stdout.strip() not in result.stderr


def test_create_as_json_has_everything(migrated_cli):
    key = json.loads(_create(migrated_cli, "--company", "92", "--scope", "events:read", "--json").stdout)
    assert (key["company_id"], key["name"], key["scopes"]) == (92, "Zapier", ["events:read"])
    assert key["key"].endswith(key["last4"])


def test_an_operators_key_belongs_to_no_company(migrated_cli):
    key = json.loads(_create(migrated_cli, "--operator", "--json").stdout)
    assert (key["company_id"], key["scopes"]) == (None, ["operator"])
    assert key["key"].startswith("wlcro_live_0_")


def test_an_operators_key_with_the_scope_events_write_emits_for_every_company_and_has_no_other_scope(
    migrated_cli,
):
    made = _create(migrated_cli, "--operator", "--scope", "events:write", "--json")
    key = json.loads(made.stdout)
    assert (key["company_id"], key["scopes"]) == (None, ["events:write"])
    assert key["key"].startswith("wlcro_live_0_")
    rotated = migrated_cli.invoke("keys", "rotate", key["id"])
    assert "that emits events of every company" in rotated.stderr
    for scopes in (["events:read"], ["events:write", "--scope", "admin"]):
        assert _create(migrated_cli, "--operator", "--scope", *scopes).exit_code == 2


def test_a_key_is_for_a_company_or_for_the_operator_never_both_or_neither(migrated_cli):
    assert _create(migrated_cli).exit_code == 2
    assert _create(migrated_cli, "--company", "92", "--operator").exit_code == 2


def test_an_unknown_scope_is_refused_with_the_scopes_that_there_are(migrated_cli):
    result = _create(migrated_cli, "--company", "92", "--scope", "everything")
    assert (result.exit_code, result.stdout) == (1, "")
    assert (
        "/scopes/0 is not a known scope: 'everything'; known are events:read, events:write" in result.stderr
    )


def test_the_first_key_makes_the_database_and_says_so_and_nothing_else_makes_one(cli):
    listed = cli.invoke("keys", "list")
    assert (listed.exit_code, listed.stderr) == (
        2,
        "There is no database trunkline.db yet; 'trunkline migrate' or 'trunkline serve' makes it.\n",
    )
    assert list(cli.folder.iterdir()) == []
    first, second = _create(cli, "--operator"), _create(cli, "--operator")
    assert f"There was no database {cli.folder / 'trunkline.db'} yet: it was made now." in first.stderr
    assert "no database" not in second.stderr
    assert (first.exit_code, second.exit_code) == (0, 0)


def test_list_shows_keys_without_their_secrets_and_revoke_marks_them(migrated_cli):
    made = json.loads(_create(migrated_cli, "--company", "92", "--scope", "admin", "--json").stdout)
    _create(migrated_cli, "--company", "93", "--scope", "admin")
    assert migrated_cli.invoke("keys", "revoke", made["id"]).exit_code == 0
    listed = migrated_cli.invoke("keys", "list", "--company", "92", "--json").stdout
    assert made["key"] not in listed
    (only,) = json.loads(listed)["keys"]
    assert only["id"] == made["id"]
    assert only["revoked_utc"] is not None
    assert len(migrated_cli.invoke("keys", "list").stdout.splitlines()) == 3  # a line of columns, and both


def test_revoking_a_key_that_is_not_there_is_refused(migrated_cli):
    result = migrated_cli.invoke("keys", "revoke", "key_nonesuch")
    assert (result.exit_code, result.stderr) == (1, "There is no API key 'key_nonesuch' here.\n")
