"""Settings: their sources, and errors that stop the start and name the setting."""

import json
import os
from pathlib import Path

import pytest
from pydantic import BaseModel, SecretStr

from trunkline import settings
from trunkline.errors import SettingsInvalid
from trunkline.hub import products
from trunkline.plugins.sections import read_section
from trunkline.settings.places import beside

PEPPER = "a pepper that is long enough for it"


def load(file: Path | None = None, **environment: str) -> settings.Settings:
    return settings.load(file, {f"TRUNKLINE_{name.upper()}": value for name, value in environment.items()})


@pytest.fixture
def toml(tmp_path: Path):
    def write(text: str) -> Path:
        file = tmp_path / "trunkline.toml"
        file.write_text(text, encoding="utf-8")
        return file

    return write


def test_the_defaults_are_those_of_the_contract(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = load()
    assert found.database.url == "sqlite:///trunkline.db"
    assert (found.server.host, found.server.port, found.server.public_url) == ("127.0.0.1", 8000, None)
    assert (found.plugins.enabled, found.plugins.disabled) == (None, ())
    assert (found.events.max_body_bytes, found.events.retention_days) == (262_144, 90)
    delivery = found.delivery
    assert (delivery.allow_http, delivery.allow_private_networks) == (False, False)
    assert (delivery.timeout_seconds, delivery.retry_jitter) == (10, 0.2)
    assert delivery.retry_schedule_seconds == (5, 30, 120, 600, 1800, 3600, 7200, 14400, 28800, 57600)
    assert (delivery.concurrency, delivery.concurrency_per_subscription) == (512, 64)
    assert delivery.max_subscriptions == 100
    assert (delivery.breaker_failures, delivery.breaker_span_seconds) == (50, 86_400)
    limits = found.limits
    assert (limits.read, limits.write, limits.admin) == ("60/minute", "100/minute", "200/minute")
    assert (limits.enabled, limits.storage_url) == (True, None)
    assert (found.auth.key_prefix, found.auth.pepper, found.auth.encryption_key) == ("wlcro", None, None)


PATHS = """
[database]
url = "sqlite:///data/hub.db?timeout=5"
[plugins]
paths = ["plugins", "/opt/acme.py"]
catalogue = "catalogue.json"
[product]
schemas = ["types"]
[brand]
logo = "art/logo.svg"
"""


def test_paths_begin_in_the_folder_of_the_file_wherever_a_command_runs(toml, tmp_path):
    folder = toml(PATHS).parent
    (folder / "types").mkdir()
    found = load(folder / "trunkline.toml", brand__logo_dark="dark.svg")
    assert found.database.url == f"sqlite:///{folder}/data/hub.db?timeout=5"
    assert found.plugins.paths == (folder / "plugins", Path("/opt/acme.py"))
    assert found.plugins.catalogue == folder / "catalogue.json"
    assert (found.brand.logo, found.brand.logo_dark) == (folder / "art/logo.svg", folder / "dark.svg")
    assert products.schema_folders(found)[-1] == folder / "types"


def test_defaults_begin_there_too_and_do_not_count_as_set(toml):
    file = toml("")
    found = load(file)
    assert found.database.url == f"sqlite:///{file.parent}/trunkline.db"
    assert found.database.model_fields_set == set()
    assert products.schema_folders(found)[-1] == file.parent / "schemas"


def test_the_product_is_a_folder_beside_the_file_or_an_installed_package(toml):
    file = toml('[product]\nschemas = ["./own", "whitelabelcro"]\n')
    (file.parent / "own").mkdir()
    own, package = products.schema_folders(load(file))
    assert own == file.parent / "own"
    assert (package / "events").is_dir()
    assert products.own_folder(load(file)) == file.parent / "own"


@pytest.mark.parametrize(
    "place", ["https://plugins.example.com/c.json", "sqlite://", "postgresql://host/hub"]
)
def test_what_is_no_path_stays_as_it_is(tmp_path, place):
    assert beside(tmp_path, place) == place


class OfAPlugin(BaseModel):
    """The settings of a plugin: paths of every kind, in a list and by default."""

    templates: Path = Path("templates")
    certificates: tuple[Path, ...] = ()
    title: str = "sqlite"


def test_paths_of_a_plugin_begin_there_too(tmp_path):
    section = {"certificates": ["a.pem", "/etc/b.pem"]}
    found = read_section("acme", section, model=OfAPlugin, folder=tmp_path)
    assert found == OfAPlugin(
        templates=tmp_path / "templates", certificates=(tmp_path / "a.pem", Path("/etc/b.pem"))
    )


def test_idempotency_keys_do_not_outlive_the_events_that_they_answer_with(toml):
    assert load(toml("[events]\nidempotency_hours = 720\n")).events.idempotency_hours == 720
    with pytest.raises(SettingsInvalid, match=r"idempotency_hours is 720, but events are kept for 168 hours"):
        load(toml("[events]\nidempotency_hours = 720\nretention_days = 7\n"))


@pytest.mark.parametrize(
    ("text", "environment", "sentence"),
    [
        ("[delivery]\nalow_http = true\n", {}, "did you mean 'delivery.allow_http'?"),
        ("", {"delivery__alow_http": "true"}, "did you mean 'delivery.allow_http'?"),
        ("[database]\nschemma = 'x'\n", {}, "did you mean 'database.schema'?"),
        ("[auth.oauth]\nisuer = 'x'\n", {}, "did you mean 'auth.oauth.issuer'?"),
        ("[server]\npublicUrl = 'x'\n", {}, "did you mean 'server.public_url'?"),
    ],
)
def test_an_unknown_setting_says_which_was_probably_meant(toml, text, environment, sentence):
    with pytest.raises(SettingsInvalid) as caught:
        load(toml(text), **environment)
    assert f"is not a setting; {sentence}" in str(caught.value)


@pytest.mark.parametrize("written", ["webhooks, polling", '["webhooks", "polling"]', "webhooks,polling,"])
def test_a_list_in_the_environment_is_an_array_or_comma_separated(written):
    assert load(plugins__enabled=written).plugins.enabled == ("webhooks", "polling")


@pytest.mark.parametrize(
    "servers",
    [("192.0.2.53",), ("127.0.0.1:5353",), ("2001:db8::53",), ("[2001:db8::53]:53", "192.0.2.54:53")],
)
def test_name_servers_are_addresses_with_a_port_or_without(servers):
    assert load(delivery__name_servers=json.dumps(servers)).delivery.name_servers == servers


def test_a_list_of_numbers_may_be_empty(toml):
    assert load(delivery__retry_schedule_seconds="").delivery.retry_schedule_seconds == ()
    found = load(toml("[delivery]\nretry_schedule_seconds = [1, 2.5]\n"))
    assert found.delivery.retry_schedule_seconds == (1, 2.5)


def test_true_is_no_number(toml):
    with pytest.raises(SettingsInvalid, match=r"Setting 'server\.port': must not be true or false"):
        load(toml("[server]\nport = true\n"))


def test_every_fault_is_named_at_once():
    with pytest.raises(SettingsInvalid) as caught:
        load(server__port="x", limits__read="y")
    assert "server.port" in str(caught.value)
    assert "limits.read" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("port = 9000\n", "stands outside a section"),
        ("[server\n", "not valid TOML"),
        ("[server]\nport = 1\nport = 2\n", "not valid TOML"),
    ],
)
def test_a_file_that_cannot_be_used_says_why(toml, text, says):
    with pytest.raises(SettingsInvalid, match=says):
        load(toml(text))


def test_a_file_that_was_asked_for_and_is_missing_stops_the_start(tmp_path):
    with pytest.raises(SettingsInvalid, match="cannot be read"):
        load(tmp_path / "nowhere.toml")


def test_other_sections_are_kept_for_the_plugins(toml):
    found = load(toml("[crm]\nsize = 3\n"), crm__colour="red")
    assert found.plugin_sections == {"crm": {"size": 3, "colour": "red"}}


def test_secrets_are_in_no_repr_and_in_no_error():
    assert PEPPER not in repr(load(auth__pepper=PEPPER))
    with pytest.raises(SettingsInvalid) as caught:
        load(auth__encryption_key="too-short-a-secret")
    assert "too-short-a-secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({"auth__pepper": "short"}, "Setting 'auth.pepper': must have 32 characters or more"),
        ({"server__port": "abc"}, "Setting 'server.port': must be a whole number, not 'abc'"),
        (
            {"limits__read": "fast"},
            "Setting 'limits.read': must be calls a minute, such as 60/minute, not 'fast'",
        ),
        ({"plugins__enabled": "[1,"}, "Setting 'plugins.enabled': must be a list, not '[1,'"),
        ({"limits__read": "60/hour"}, "Setting 'limits.read': must be calls a minute"),
        ({"server__port": "70000"}, "Setting 'server.port': must be 65535 at most"),
        ({"delivery__retry_schedule_seconds": "1e20"}, "Setting 'delivery.retry_schedule_seconds.0': "),
        ({"events__retention_days": "36501"}, "Setting 'events.retention_days': must be 36500 at most"),
        ({"server__trusted_proxies": "10.0.0.0/8,proxy.internal"}, "Setting 'server.trusted_proxies.1': "),
        ({"delivery__retry_jitter": "1"}, "Setting 'delivery.retry_jitter': must be less than 1"),
        (
            {"delivery__retry_schedule_seconds": "5,-1"},
            "Setting 'delivery.retry_schedule_seconds.1': must be 0 or more",
        ),
        ({"database__url": "mysql://db/x"}, "database.url must start with sqlite:// or postgresql://"),
        ({"database__schema": "hub"}, "database.schema is for PostgreSQL"),
        ({"database__url": "postgresql://db/x", "database__schema": 'a"b'}, "Setting 'database.schema': "),
        ({"auth__key_prefix": "With_Underscore"}, "Setting 'auth.key_prefix': "),
        ({"delivery__rate": "fast"}, "Setting 'delivery.rate': must be a rate such as \"50/second\""),
        ({"delivery__max_in_flight": "0"}, "Setting 'delivery.max_in_flight': must be 1 or more"),
        *(
            ({"delivery__name_servers": server}, "Setting 'delivery.name_servers.0': must be an IP address")
            for server in (
                "dns.example.com",
                "192.0.2.53:0",
                "192.0.2.53:x",
                "192.0.2",
                "1.1.1.1/8",
                '["[::1"]',
            )
        ),
        ({"database__pool_size": "1"}, "Setting 'database.pool_size': must be 2 or more"),
        ({"delivery__timeout_seconds": "0"}, "Setting 'delivery.timeout_seconds': must be more than 0"),
        ({"delivery__allow_http": "perhaps"}, "Setting 'delivery.allow_http': must be true or false"),
        ({"logging__format": "xml"}, "Setting 'logging.format': must be 'auto', 'console' or 'json'"),
        (
            {"server__public_url": "foo"},
            "Setting 'server.public_url': must be a URL such as https://events.example.com, not 'foo'",
        ),
        (
            {"server__public_url": "https://a b"},
            "Setting 'server.public_url': must be a URL such as https://",
        ),
        *(
            (
                {"server__public_url": f"https://{rest}"},
                "Setting 'server.public_url': must be a URL without '?'",
            )
            for rest in ("h.example/?a=b", "h.example?", "h.example/#a", "user:word@h.example", "u@h.example")
        ),
    ],
)
def test_what_is_wrong_with_a_value_is_said_in_plain_words(environment, sentence):
    with pytest.raises(SettingsInvalid) as caught:
        load(**environment)
    assert str(caught.value).startswith(sentence)


def test_an_address_that_is_called_may_have_a_query_and_a_user():
    address = "https://user:word@h.example/catalogue.json?key=a"
    assert load(plugins__catalogue=address).plugins.catalogue == address


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("TRUNKLINE_")]:
        monkeypatch.delenv(name)
    return tmp_path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"], ids=["plain", "with-a-byte-order-mark"])
def test_variables_beside_the_file_come_between_it_and_the_environment(folder, monkeypatch, encoding):
    text = "[server]\nport = 1\nhost = '0.0.0.1'\n[limits]\nread = '1/minute'\n"
    (folder / "trunkline.toml").write_text(text, encoding=encoding)
    variables = "export TRUNKLINE_SERVER__PORT=2\n# secrets\n\nOTHER = x y\nTRUNKLINE_SERVER__HOST='0.0.0.2'"
    (folder / ".env").write_text(variables, encoding=encoding)
    monkeypatch.setenv("TRUNKLINE_SERVER__HOST", "0.0.0.3")
    found = settings.load()
    assert (found.server.port, found.server.host, found.limits.read) == (2, "0.0.0.3", "1/minute")


def test_variables_of_another_folder_are_not_read(folder):
    (folder / ".env").write_text("TRUNKLINE_SERVER__PORT=2")
    (folder / "production").mkdir()
    (folder / "production" / "hub.toml").write_text("")
    assert settings.load(folder / "production" / "hub.toml").server.port == 8000
    assert settings.load(environment={}).server.port == 8000


def test_a_line_about_a_setting_that_is_no_assignment_is_named(folder):
    (folder / ".env").write_text("A=1\nTRUNKLINE_SERVER__PORT 2")
    with pytest.raises(SettingsInvalid, match=r"^Line 2 of \.env must look like NAME=value$"):
        settings.load()


@pytest.mark.parametrize("name", [".env", "trunkline.toml"])
@pytest.mark.parametrize("make", [Path.mkdir, lambda file: file.symlink_to("gone")])
def test_a_folder_or_a_link_to_nothing_is_not_taken_for_no_file(folder, name, make):
    make(folder / name)
    with pytest.raises(SettingsInvalid, match=rf"{name} cannot be read: "):
        settings.load()


def test_a_setting_in_a_table_of_its_own_has_its_own_variable():
    read = load(acme__door__host="h", acme__door__port="7", acme__room="r")
    assert read.plugin_sections["acme"] == {"door": {"host": "h", "port": "7"}, "room": "r"}
    with pytest.raises(SettingsInvalid, match=r"'acme\.door\.host' is set beside the whole of 'door'"):
        load(acme__door='{"port": 7}', acme__door__host="h")


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
@pytest.mark.parametrize(
    ("section", "name", "value"),
    [
        ("auth", "pepper", PEPPER),
        ("auth", "other_encryption_keys", [PEPPER, PEPPER[::-1]]),
        ("database", "url", "postgresql://trunkline:päss@h/n"),
        ("database", "listen_url", "postgresql://trunkline:päss@h/n"),
        ("limits", "storage_url", "redis://:pass@h/0"),
    ],
)
def test_a_secret_may_stand_in_a_file_that_a_variable_names(tmp_path, section, name, value, end):
    file = tmp_path / "secret"
    file.write_bytes((value if isinstance(value, str) else ",".join(value)).encode() + end.encode())
    found = getattr(getattr(load(**{f"{section}__{name}_file": str(file)}), section), name)
    unmasked = [part.get_secret_value() for part in found] if isinstance(found, tuple) else found
    assert getattr(unmasked, "get_secret_value", lambda: unmasked)() == value


def test_a_secret_of_a_file_beside_the_settings_file_goes_over_that_and_not_over_its_own_variable(
    toml, tmp_path
):
    (tmp_path / "secret").write_text(PEPPER)
    found = load(toml(f"[auth]\npepper = '{PEPPER[::-1]}'\n"), auth__pepper_file="secret")
    assert found.auth.pepper == SecretStr(PEPPER)
    sentence = "Both TRUNKLINE_AUTH__PEPPER and TRUNKLINE_AUTH__PEPPER_FILE are set; set one of them"
    with pytest.raises(SettingsInvalid, match=f"^{sentence}$"):
        load(auth__pepper=PEPPER, auth__pepper_file=str(tmp_path / "secret"))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "cannot be read: No such file or directory"),
        (b"\xff" * 40, "cannot be read: it is not UTF-8"),
        (b"\n", "is empty; write the secret into it"),
    ],
)
def test_a_file_without_a_secret_stops_the_start_and_is_named(tmp_path, content, reason):
    file = tmp_path / "secret"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SettingsInvalid) as caught:
        load(auth__pepper_file=str(file))
    assert str(caught.value) == f"The file '{file}' that TRUNKLINE_AUTH__PEPPER_FILE names {reason}"


def test_only_secrets_are_read_from_files(tmp_path):
    (tmp_path / "port").write_text("9000")
    with pytest.raises(SettingsInvalid, match=r"^Setting 'server\.port_file': is not a setting"):
        load(server__port_file=str(tmp_path / "port"))


class Door(BaseModel):
    code: SecretStr


class OfPlugin(BaseModel):
    token: SecretStr | None = None
    door: Door | None = None
    doors: tuple[Door, ...] = ()
    room: str = ""
    note_file: str = ""


def test_secrets_of_plugins_may_stand_in_files_too(tmp_path):
    (tmp_path / "secret").write_text("s3cret\n")
    named = str(tmp_path / "secret")

    def read(**environment: str) -> BaseModel | None:
        section = load(**{f"acme__{name}": value for name, value in environment.items()}).plugin_sections
        return read_section("acme", section["acme"], model=OfPlugin)

    assert read(token_file=named) == OfPlugin(token=SecretStr("s3cret"))
    assert read(door__code_file=named) == OfPlugin(door=Door(code=SecretStr("s3cret")))
    assert read(note_file=named) == OfPlugin(note_file=named), "a setting of that name is the plugin's own"
    with pytest.raises(SettingsInvalid, match=r"^Setting 'acme\.room_file': "):
        read(room_file=named)
    with pytest.raises(SettingsInvalid, match=r"that TRUNKLINE_ACME__TOKEN_FILE names cannot be read"):
        read(token_file=f"{named}2")
