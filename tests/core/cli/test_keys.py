"""``keys``: its output, and the rights of the keys."""

import json

import pytest

from trunkline.access.keys import parse_key


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


@pytest.mark.parametrize(
    "command",
    [
        ["keys", "create", "--operator", "--name", "n"],
        ["keys", "list"],
        ["companies", "create", "--name", "n"],
        ["events", "emit", "payment.failed", "--company", "92"],
        ["serve", "--no-migrate", "--port", "0"],
        ["status"],
        ["secrets", "check"],
    ],
    ids=" ".join,
)
def test_in_a_folder_without_a_hub_no_command_makes_a_database_or_secrets(cli, command):
    told = cli.with_plugins("webhooks").refused(*command)
    assert f"There is no database at {cli.folder / 'trunkline.db'}" in told
    assert list(cli.folder.iterdir()) == []


def test_without_a_database_the_settings_that_were_read_are_named(cli):
    begin = (
        f"There is no database at {cli.folder / 'trunkline.db'}; start the hub with 'trunkline serve' "
        "or make it with 'trunkline migrate'"
    )
    assert _create(cli, "--operator").stderr == f"{begin} (settings: none found in {cli.folder}).\n"
    (cli.folder / "trunkline.toml").write_text("")
    assert _create(cli, "--operator").stderr == f"{begin} (settings: {cli.folder / 'trunkline.toml'}).\n"


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
@pytest.mark.parametrize("command", [["keys", "create", "--operator", "--name", "n"], ["worker"]])
def test_an_empty_postgresql_database_is_refused_in_the_same_way(cli, empty_database_url, command):
    told = cli.changed(TRUNKLINE_DATABASE__URL=empty_database_url).refused(*command)
    assert told.startswith("There is no database of a hub in the schema ")
    assert (
        f"start the hub with 'trunkline serve' or make it with 'trunkline migrate' (settings: none found in {cli.folder})"
        in told
    )


def test_list_shows_keys_without_their_secrets_and_revoke_marks_them(migrated_cli):
    made = json.loads(_create(migrated_cli, "--company", "92", "--scope", "admin", "--json").stdout)
    _create(migrated_cli, "--company", "93", "--scope", "admin")
    assert migrated_cli.invoke("keys", "revoke", made["id"]).exit_code == 0
    listed = migrated_cli.invoke("keys", "list", "--company", "92", "--json").stdout
    assert made["key"] not in listed
    (only,) = json.loads(listed)["keys"]
    assert only["id"] == made["id"]
    assert only["revoked_utc"] is not None
    assert len(migrated_cli.invoke("keys", "list").stdout.splitlines()) == 3  # the columns, and both keys


def test_revoking_a_key_that_is_not_there_is_refused(migrated_cli):
    result = migrated_cli.invoke("keys", "revoke", "key_nonesuch")
    assert (result.exit_code, result.stderr) == (1, "There is no API key 'key_nonesuch' here.\n")


def test_rotate_works_where_the_company_has_all_its_keys(migrated_cli):
    made = json.loads(_create(migrated_cli, "--company", "92", "--scope", "admin", "--json").stdout)
    assert migrated_cli.invoke("companies", "limits", "92", "keys=1").exit_code == 0
    assert _create(migrated_cli, "--company", "92", "--scope", "admin").exit_code == 1
    assert migrated_cli.invoke("keys", "rotate", made["id"]).exit_code == 0
