"""``keys``: its output, and the rights of the keys."""

import json

import pytest

from trunkline.access.keys import parse_key

OF_COMPANY = ("--company", "92", "--scope", "admin")


def _create(cli, *arguments):
    return cli.json("keys", "create", "--name", "Zapier", *arguments)


def test_create_prints_the_key_alone_on_standard_output(migrated_cli):
    result = migrated_cli.invoke("keys", "create", "--name", "Zapier", *OF_COMPANY, "--scope", "events:read")
    assert result.exit_code == 0
    key = parse_key(result.stdout.removesuffix("\n"))
    assert key is not None
    assert key.company_id == 92
    assert result.stdout.strip() not in result.stderr


@pytest.mark.parametrize(
    ("arguments", "company_id", "scopes"),
    [
        (("--company", "92", "--scope", "events:read"), 92, ["events:read"]),
        (("--operator",), None, ["operator"]),
        (("--operator", "--scope", "events:write"), None, ["events:write"]),
    ],
    ids=["of-a-company", "of-an-operator", "of-an-operator-that-only-emits"],
)
def test_create_as_json_has_everything(migrated_cli, arguments, company_id, scopes):
    key = _create(migrated_cli, *arguments)
    assert (key["company_id"], key["name"], key["scopes"]) == (company_id, "Zapier", scopes)
    assert key["key"].startswith(f"wlcro_live_{company_id or 0}_")
    assert key["key"].endswith(key["last4"])
    is_of_every_company = scopes == ["events:write"]
    rotated = migrated_cli.invoke("keys", "rotate", key["id"])
    assert ("that emits events of every company" in rotated.stderr) is is_of_every_company


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--company", "92", "--operator"),
        ("--operator", "--scope", "events:read"),
        ("--operator", "--scope", "events:write", "--scope", "admin"),
    ],
    ids=["neither", "both", "another-scope", "a-second-scope"],
)
def test_a_key_is_for_a_company_or_for_the_operator_who_has_one_scope(migrated_cli, arguments):
    migrated_cli.refused("keys", "create", "--name", "Zapier", *arguments)


def test_an_unknown_scope_is_refused_with_the_scopes_that_there_are(migrated_cli):
    create = ("keys", "create", "--name", "Zapier", "--company", "92", "--scope", "everything")
    told = migrated_cli.refused(*create, code=1)
    assert "/scopes/0 is not a known scope: 'everything'; known are events:read, events:write" in told


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
        ["secrets", "rotate"],
        ["secrets", "forget"],
    ],
    ids=" ".join,
)
def test_in_a_folder_without_a_hub_no_command_makes_a_database_or_secrets(cli, command):
    told = cli.with_plugins("webhooks").refused(*command)
    assert told.startswith(f"There is no database at {cli.folder / 'trunkline.db'}; start the hub")
    assert list(cli.folder.iterdir()) == []


def test_without_a_database_the_settings_that_were_read_are_named(cli):
    begin = (
        f"There is no database at {cli.folder / 'trunkline.db'}; start the hub with 'trunkline serve' "
        "or make it with 'trunkline migrate'"
    )
    assert cli.refused("keys", "list") == f"{begin} (settings: none found in {cli.folder}).\n"
    (cli.folder / "trunkline.toml").write_text("")
    assert cli.refused("keys", "list") == f"{begin} (settings: {cli.folder / 'trunkline.toml'}).\n"


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
@pytest.mark.parametrize("command", [["keys", "create", "--operator", "--name", "n"], ["worker"]])
def test_an_empty_postgresql_database_is_refused_in_the_same_way(cli, empty_database_url, command):
    told = cli.changed(TRUNKLINE_DATABASE__URL=empty_database_url).refused(*command)
    assert told.startswith("There is no database of a hub in the schema ")
    assert (
        "start the hub with 'trunkline serve' or make it with 'trunkline migrate' "
        f"(settings: none found in {cli.folder})"
    ) in told


def test_list_shows_keys_without_their_secrets_and_revoke_marks_them(migrated_cli):
    made = _create(migrated_cli, *OF_COMPANY)
    _create(migrated_cli, "--company", "93", "--scope", "admin")
    migrated_cli.done("keys", "revoke", made["id"])
    listed = migrated_cli.done("keys", "list", "--company", "92", "--json")
    assert made["key"] not in listed
    (only,) = json.loads(listed)["keys"]
    assert only["id"] == made["id"]
    assert only["revoked_utc"] is not None
    assert len(migrated_cli.done("keys", "list").splitlines()) == 3  # the columns, and both keys


def test_revoking_a_key_that_is_not_there_is_refused(migrated_cli):
    told = migrated_cli.refused("keys", "revoke", "key_nonesuch", code=1)
    assert told == "There is no API key 'key_nonesuch' here.\n"


def test_rotate_works_where_the_company_has_all_its_keys(migrated_cli):
    made = _create(migrated_cli, *OF_COMPANY)
    migrated_cli.done("companies", "limits", "92", "keys=1")
    migrated_cli.refused("keys", "create", "--name", "Zapier", *OF_COMPANY, code=1)
    migrated_cli.done("keys", "rotate", made["id"])
