"""``export`` of connectors."""

import re

import pytest
from tests.plugins.own_product import write_schemas


def files_of(folder):
    return {file.relative_to(folder): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["docs", "make", "mcp", "n8n", "zapier"])
def test_a_connector_is_written_the_same_each_time(cli, name):
    first, second = cli.invoke("export", name, "one"), cli.invoke("export", name, "two/deep")
    assert (first.exit_code, second.exit_code) == (0, 0)
    written = files_of(cli.folder / "one")
    assert written
    assert written == files_of(cli.folder / "two" / "deep")
    assert sorted(first.stdout.split()) == sorted(f"one/{path}" for path in written)


def test_a_connector_calls_the_public_url_and_says_when_there_is_none(cli):
    cli = cli.with_plugins("webhooks", "zapier")
    quiet = cli.invoke(
        "export", "zapier", "out", "--config", _settings(cli, 'public_url = "https://api.acme.example"')
    )
    assert quiet.stderr == ""
    assert b"https://api.acme.example" in b"".join(files_of(cli.folder / "out").values())
    warned = cli.invoke("export", "zapier", "other", "--config", _settings(cli, "port = 8123"))
    assert (
        "Setting 'server.public_url' is not set, so what is written calls http://127.0.0.1:8123"
        in warned.stderr
    )


def test_the_help_lists_the_platforms_of_this_deployment(cli):
    (cli.folder / "trunkline.toml").write_text('[plugins]\ndisabled = ["make"]\n')
    listed = cli.invoke("export", "--help").stdout
    assert "An app for the Zapier platform" in listed
    assert "A community package with an action node" in listed
    assert "custom app in Make" not in listed
    (cli.folder / "trunkline.toml").write_text("[server]\nport = 'x'\n")
    plain = cli.invoke("export", "--help")
    assert (plain.exit_code, "Zapier" in plain.stdout, "openapi" in plain.stdout) == (0, False, True)


def test_an_export_says_what_has_no_form(cli):
    cli = cli.with_plugins("actions", "zapier", "n8n", "make")
    schemas = write_schemas(cli.folder / "own")
    (cli.folder / "trunkline.toml").write_text(
        f'[product]\nschemas = ["whitelabelcro", "{schemas}"]\n[actions]\nprovider_url = "http://127.0.0.1:9"\n'
        f'provider_secret = "whsec_{"c2hv" * 8}"\nprovider_operations = ["create_booking", "update_booking"]\n'
    )
    for name, platform in (("zapier", "Zapier"), ("n8n", "n8n"), ("make", "Make")):
        warned = cli.invoke("export", name, "out").stderr
        assert (
            f"On {platform}, 'Seats' of 'Create Booking' is written as JSON, because its entries are lists."
            in warned
        )
        assert f"On {platform}, 'Custom Data' of 'Update Booking'" in warned
        assert "'Guest'" not in warned


def test_an_unknown_connector_names_those_that_there_are(cli):
    (cli.folder / "trunkline.toml").write_text('[plugins]\ndisabled = ["make"]\n')
    refused = cli.refused("export", "make", "out", code=1)
    assert (
        "There is nothing to export by the name 'make'; there are: asyncapi, openapi, python, typescript, docs, mcp, n8n, zapier"
        in refused
    )
    assert not (cli.folder / "out").exists()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["make", "n8n", "zapier"])
def test_an_export_that_would_break_the_published_one_is_refused(cli, name):
    """The export is compared with the folder that it is written to, or with the named folder; a flag allows the change."""
    assert cli.invoke("export", name, "out").exit_code == 0
    before = files_of(cli.folder / "out")
    smaller = ["--config", _settings(cli, "port = 8123", 'plugins.disabled = ["crm"]')]
    for arguments in (["out"], ["other", "--published", "out"]):
        refused = cli.refused("export", name, *arguments, *smaller, code=1)
        assert "export with --allow-breaking" in refused
        assert "Nothing was written: the export in out has these" in refused
    assert files_of(cli.folder / "out") == before
    assert not (cli.folder / "other").exists()
    assert cli.invoke("export", name, "out", "--allow-breaking", *smaller).exit_code == 0
    assert cli.invoke("export", name, "out", *smaller).exit_code == 0  # left-over files have no keys
    assert cli.invoke("export", name, "out").exit_code == 0  # more than before


def test_a_refused_export_lists_what_would_be_gone(cli):
    cli = cli.with_plugins("actions", "searches", "crm", "zapier")
    cli.invoke("export", "zapier", "out")
    refused = cli.invoke(
        "export", "zapier", "out", "--config", _settings(cli, "port = 1", 'plugins.disabled = ["crm"]')
    )
    assert "creates/add_client_note.js: client_id" in refused.stderr
    assert "  and " in refused.stderr
    assert len(refused.stderr.splitlines()) < 25


def test_a_published_folder_without_an_export_is_refused(cli):
    cli = cli.with_plugins("webhooks", "make")
    (cli.folder / "empty").mkdir()
    refused = cli.invoke("export", "make", "out", "--published", "empty")
    assert (refused.exit_code, refused.stderr.splitlines()[-1]) == (
        1,
        "empty has no export of 'make' to compare with",
    )
    cli.invoke("export", "make", "mine")
    (cli.folder / "mine" / "makecomapp.json").write_text("{")
    broken = cli.invoke("export", "make", "mine")
    assert broken.exit_code != 0
    assert "failed to compare the export 'make' with the published one" in broken.stderr


HUB, ISSUER = "https://hub.example.com", "https://login.example.com"
AT_AN_ISSUER = f"""
[server]
public_url = "{HUB}"
[connectors]
auth = "both"
[auth.oauth]
issuer = "{ISSUER}"
authorization_endpoint = "{ISSUER}/authorize"
token_endpoint = "{ISSUER}/token"
revocation_endpoint = "{ISSUER}/revoke"
app_scopes = ["crm"]
authorization_parameters = {{ audience = "it's \\"ours\\"" }}
"""


@pytest.mark.parametrize(
    ("name", "redirect_uri", "method"),
    [
        ("zapier", "the redirect URI that Zapier shows", "client_secret_post"),
        ("n8n", "the redirect URL that n8n shows in the credential", "client_secret_basic"),
        ("make", "the redirect URI https://www.make.com/oauth/cb/app", "client_secret_post"),
    ],
)
def test_an_export_names_the_issuer_and_what_to_register_there(cli, name, redirect_uri, method):
    (cli.folder / "trunkline.toml").write_text(AT_AN_ISSUER)
    done = cli.invoke("export", name, "out")
    assert done.exit_code == 0
    assert (
        f"Users sign in at {ISSUER}: register a confidential client there, with {redirect_uri}, the grants authorization_code and "
        f"refresh_token, PKCE (S256), {method} and the scopes crm; its access tokens must be JWTs for {HUB}."
    ) in done.stderr
    written = {file: file.read_text() for file in (cli.folder / "out").rglob("*") if file.is_file()}
    endpoints = {f"{ISSUER}/authorize", f"{ISSUER}/token", *([f"{ISSUER}/revoke"] if name == "make" else [])}
    assert {one for one in endpoints if any(one in text for text in written.values())} == endpoints
    assert f"{HUB}/oauth" not in "".join(written.values())


def test_an_export_for_an_issuer_that_is_away_says_what_to_set(cli):
    away = re.sub(r"(authorization|token)_endpoint.*\n", "", AT_AN_ISSUER).replace(
        ISSUER, "http://127.0.0.1:9"
    )
    (cli.folder / "trunkline.toml").write_text(away)
    done = cli.invoke("export", "zapier", "out")
    assert done.exit_code != 0
    assert "set auth.oauth.authorization_endpoint and auth.oauth.token_endpoint" in done.stderr
    assert not (cli.folder / "out").exists()


def _settings(cli, server: str, top: str = "") -> str:
    (cli.folder / "own.toml").write_text(f"{top}\n[server]\n{server}\n")
    return "own.toml"
