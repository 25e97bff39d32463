"""``trunkline run oauth …``: the API's actions on apps and connections, in the terminal."""

import re

import pytest

CALLBACK = "https://desk.example.com/callback"


@pytest.fixture
def oauth_cli(migrated_cli):
    return migrated_cli.with_plugins("oauth")


def test_an_app_is_registered_listed_and_removed(oauth_cli):
    made = oauth_cli.done("run", "oauth", "register", "Desk", CALLBACK, "--scope", "events:read")
    client_id, secret = re.fullmatch(r"client_id\t(app_[0-9a-f]+)\nclient_secret\t(oas_\S+)\n", made).groups()
    listed = oauth_cli.invoke("run", "oauth", "apps").stdout
    assert listed == f"{client_id}\tDesk\tevents:read\n"
    assert secret not in listed
    removed = oauth_cli.invoke("run", "oauth", "remove", client_id)
    assert removed.stdout == f"{client_id} is removed, and its connections have ended.\n"
    assert oauth_cli.invoke("run", "oauth", "apps").stdout == "\n"
    again = oauth_cli.invoke("run", "oauth", "remove", client_id)
    assert (again.exit_code, f"There is no app '{client_id}' here." in again.stderr) == (1, True), (
        again.output
    )


def test_a_public_app_has_no_secret(oauth_cli):
    made = oauth_cli.invoke("run", "oauth", "register", "Desk", CALLBACK, "--public")
    assert "client_secret" not in made.stdout


def test_an_app_is_changed_and_gets_a_new_secret(oauth_cli):
    made = oauth_cli.invoke("run", "oauth", "register", "Desk", CALLBACK).stdout
    client_id = made.split()[1]
    changed = oauth_cli.invoke(
        "run", "oauth", "change", client_id, "--name", "Desk 2", "--redirect-uri", f"{CALLBACK}/2"
    )
    assert changed.stdout == f"{client_id}\tDesk 2\t{CALLBACK}/2\n", changed.output
    rotated = oauth_cli.invoke("run", "oauth", "rotate-secret", client_id, "--overlap-seconds", "0")
    assert re.fullmatch(r"oas_\S+\n", rotated.stdout), rotated.output
    assert rotated.stdout.strip() not in made
    signs = oauth_cli.invoke("run", "oauth", "register", "Signs", CALLBACK, "--jwks-uri", f"{CALLBACK}/keys")
    assert "client_secret" not in signs.stdout
    refused = oauth_cli.invoke("run", "oauth", "rotate-secret", signs.stdout.split()[1])
    assert (refused.exit_code, "has no secret" in refused.stderr) == (1, True), refused.output


def test_what_cannot_be_registered_is_said(oauth_cli):
    shown = oauth_cli.refused("run", "oauth", "register", "Desk", "ftp://desk.example.com")
    assert "redirect_uris 0:" in shown
    done = oauth_cli.invoke("run", "oauth", "register", "Desk", CALLBACK, "--scope", "events:fly")
    assert "events:fly" in done.stderr


def test_connections_are_those_of_a_company_and_an_environment(oauth_cli):
    assert oauth_cli.invoke("run", "oauth", "connections", "--company", "92").stdout == "\n"
    unknown = oauth_cli.invoke("run", "oauth", "disconnect", "con_1", "--company", "92")
    assert (unknown.exit_code, "There is no connected app 'con_1' here." in unknown.stderr) == (1, True), (
        unknown.output
    )
    wrong = oauth_cli.invoke("run", "oauth", "connections", "--company", "92", "--environment", "staging")
    assert (wrong.exit_code, "must be live or test, not 'staging'" in wrong.stderr) == (2, True), wrong.output
