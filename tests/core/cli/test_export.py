"""``export`` of connectors, and what every export has in common."""

import re

import pytest
from tests.plugins.own_product import write_schemas


def files_of(folder):
    return {file.relative_to(folder): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["asyncapi", "docs", "make", "mcp", "n8n", "openapi", "zapier"])
def test_an_export_is_written_the_same_each_time(cli, name):
    first, second = cli.invoke("export", name, "one"), cli.invoke("export", name, "two/deep")
    assert (first.exit_code, second.exit_code) == (0, 0)
    written = files_of(cli.folder / "one")
    assert written
    assert written == files_of(cli.folder / "two" / "deep")
    assert sorted(first.stdout.split()) == sorted(f"one/{path}" for path in written)


def test_a_connector_calls_the_public_url_and_says_when_there_is_none(cli):
    cli = cli.with_plugins("webhooks", "zapier")
    url = "https://api.acme.example"
    quiet = cli.changed(TRUNKLINE_SERVER__PUBLIC_URL=url).invoke("export", "zapier", "out")
    assert quiet.stderr == ""
    assert url.encode() in b"".join(files_of(cli.folder / "out").values())
    warned = cli.changed(TRUNKLINE_SERVER__PORT="8123").invoke("export", "zapier", "other")
    said = "Setting 'server.public_url' is not set, so what is written calls http://127.0.0.1:8123"
    assert said in warned.stderr


def test_the_help_lists_the_platforms_of_this_deployment(cli):
    (cli.folder / "trunkline.toml").write_text('[plugins]\ndisabled = ["make"]\n')
    listed = cli.done("export", "--help")
    assert "An app for the Zapier platform" in listed
    assert "A community package with an action node" in listed
    assert "custom app in Make" not in listed
    (cli.folder / "trunkline.toml").write_text("[server]\nport = 'x'\n")
    plain = cli.done("export", "--help")
    assert ("Zapier" in plain, "openapi" in plain) == (False, True)


def test_an_export_says_what_has_no_form(cli):
    cli = cli.with_plugins("actions", "zapier", "n8n", "make")
    schemas = write_schemas(cli.folder / "own")
    (cli.folder / "trunkline.toml").write_text(
        f'[product]\nschemas = ["whitelabelcro", "{schemas}"]\n[actions]\nprovider_url = "http://127.0.0.1:9"\n'
        f'provider_secret = "whsec_{"c2hv" * 8}"\nprovider_operations = ["create_booking", "update_booking"]\n'
    )
    for name, platform in (("zapier", "Zapier"), ("n8n", "n8n"), ("make", "Make")):
        warned = cli.invoke("export", name, "out").stderr
        said = (
            f"On {platform}, 'Seats' of 'Create Booking' is written as JSON, because its entries are lists."
        )
        assert said in warned
        assert f"On {platform}, 'Custom Data' of 'Update Booking'" in warned
        assert "'Guest'" not in warned


def test_an_unknown_connector_names_those_that_there_are(cli):
    (cli.folder / "trunkline.toml").write_text('[plugins]\ndisabled = ["make"]\n')
    refused = cli.refused("export", "make", "out", code=1)
    names = "asyncapi, openapi, python, typescript, docs, mcp, n8n, zapier"
    assert f"There is nothing to export by the name 'make'; there are: {names}" in refused
    assert not (cli.folder / "out").exists()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["make", "n8n", "zapier"])
def test_an_export_that_would_break_the_published_one_is_refused(cli, name):
    """The export is compared with the folder that it is written to, or with the named folder; a flag allows the change."""
    cli.done("export", name, "out")
    before = files_of(cli.folder / "out")
    smaller = cli.changed(TRUNKLINE_PLUGINS__DISABLED="crm")
    for arguments in (["out"], ["other", "--published", "out"]):
        refused = smaller.refused("export", name, *arguments, code=1)
        assert "export with --allow-breaking" in refused
        assert "Nothing was written: the export in out has these" in refused
    assert files_of(cli.folder / "out") == before
    assert not (cli.folder / "other").exists()
    smaller.done("export", name, "out", "--allow-breaking")
    smaller.done("export", name, "out")  # left-over files have no keys
    cli.done("export", name, "out")  # more than before


def test_a_refused_export_lists_what_would_be_gone(cli):
    cli = cli.with_plugins("actions", "searches", "crm", "zapier")
    cli.invoke("export", "zapier", "out")
    refused = cli.changed(TRUNKLINE_PLUGINS__DISABLED="crm").refused("export", "zapier", "out", code=1)
    assert "creates/add_client_note.js: client_id" in refused
    assert "  and " in refused
    assert len(refused.splitlines()) < 25


def test_a_published_folder_without_an_export_is_refused(cli):
    cli = cli.with_plugins("webhooks", "make")
    (cli.folder / "empty").mkdir()
    told = cli.refused("export", "make", "out", "--published", "empty", code=1)
    assert told.splitlines()[-1] == "empty has no export of 'make' to compare with"
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
    written = b"".join(files_of(cli.folder / "out").values()).decode()
    for endpoint in ("authorize", "token", *(["revoke"] if name == "make" else [])):
        assert f"{ISSUER}/{endpoint}" in written
    assert f"{HUB}/oauth" not in written


def test_an_export_for_an_issuer_that_is_away_says_what_to_set(cli):
    without = re.sub(r"(authorization|token)_endpoint.*\n", "", AT_AN_ISSUER)
    (cli.folder / "trunkline.toml").write_text(without.replace(ISSUER, "http://127.0.0.1:9"))
    told = cli.refused("export", "zapier", "out", code=1)
    assert "set auth.oauth.authorization_endpoint and auth.oauth.token_endpoint" in told
    assert not (cli.folder / "out").exists()
