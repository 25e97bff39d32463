"""``trunkline run oauth …``: the API's actions on apps and connections, in the terminal."""

import re

import pytest

CALLBACK = "https://desk.example.com/callback"


@pytest.fixture
def oauth_cli(migrated_cli):
    return migrated_cli.with_plugins("oauth")


def register(cli, name, *arguments):
    """Register an app; return its id and its secret, if it has one."""
    made = cli.done("run", "oauth", "register", name, CALLBACK, *arguments)
    return re.fullmatch(r"client_id\t(app_[0-9a-f]+)\n(?:client_secret\t(oas_\S+)\n)?", made).groups()


def test_an_app_is_registered_listed_and_removed(oauth_cli):
    client_id, secret = register(oauth_cli, "Desk", "--scope", "events:read")
    assert secret
    assert oauth_cli.done("run", "oauth", "apps") == f"{client_id}\tDesk\tevents:read\n"
    removed = oauth_cli.done("run", "oauth", "remove", client_id)
    assert removed == f"{client_id} is removed, and its connections have ended.\n"
    assert oauth_cli.done("run", "oauth", "apps") == "\n"


def test_an_app_is_changed_and_gets_a_new_secret(oauth_cli):
    client_id, secret = register(oauth_cli, "Desk")
    changes = ("--name", "Desk 2", "--redirect-uri", f"{CALLBACK}/2")
    changed = oauth_cli.done("run", "oauth", "change", client_id, *changes)
    assert changed == f"{client_id}\tDesk 2\t{CALLBACK}/2\n"
    rotated = oauth_cli.done("run", "oauth", "rotate-secret", client_id, "--overlap-seconds", "0")
    assert re.fullmatch(r"oas_\S+\n", rotated)
    assert rotated != f"{secret}\n"


@pytest.mark.parametrize("how", [("--public",), ("--jwks-uri", f"{CALLBACK}/keys")])
def test_an_app_that_is_public_or_signs_has_no_secret(oauth_cli, how):
    client_id, secret = register(oauth_cli, "Desk", *how)
    assert secret is None
    assert "has no secret" in oauth_cli.refused("run", "oauth", "rotate-secret", client_id, code=1)


def test_a_company_without_connections_has_none(oauth_cli):
    assert oauth_cli.done("run", "oauth", "connections", "--company", "92") == "\n"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("register Desk ftp://desk.example.com", "redirect_uris 0:"),
        (f"register Desk {CALLBACK} --scope events:fly", "events:fly"),
        ("remove app_1", "There is no app 'app_1' here."),
        ("disconnect con_1 --company 92", "There is no connected app 'con_1' here."),
        ("connections --company 92 --environment staging", "must be live or test, not 'staging'"),
    ],
)
def test_what_cannot_be_meant_is_named(oauth_cli, arguments, sentence):
    result = oauth_cli.invoke("run", "oauth", *arguments.split())
    assert result.exit_code in {1, 2}
    assert sentence in result.stderr
