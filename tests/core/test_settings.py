"""Settings: where they come from, and that whatever is wrong stops the start and is named (CONTRACT §11)."""

import json
import os
from pathlib import Path

import pytest

from trunkline import settings
from trunkline.errors import SettingsInvalid

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


def test_the_defaults_are_those_of_the_contract(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
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
    assert (delivery.concurrency, delivery.concurrency_per_subscription, delivery.max_subscriptions) == (
        512,
        64,
        100,
    )
    assert (delivery.breaker_failures, delivery.breaker_span_seconds) == (50, 86_400)
    limits = found.limits
    assert (limits.read, limits.write, limits.admin) == ("60/minute", "100/minute", "200/minute")
    assert (limits.enabled, limits.storage_url) == (True, None)
    assert (found.auth.key_prefix, found.auth.pepper, found.auth.encryption_key) == ("wlcro", None, None)


def test_the_file_in_the_current_folder_is_read(toml, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(toml("[server]\nport = 9000\n").parent)
    assert load().server.port == 9000


def test_the_environment_goes_over_the_file(toml):
    file = toml('[server]\nport = 9000\nhost = "::1"\n')
    found = load(file, server__port="9001")
    assert (found.server.port, found.server.host) == (9001, "::1")


@pytest.mark.parametrize("written", ["webhooks, polling", '["webhooks", "polling"]', "webhooks,polling,"])
def test_a_list_in_the_environment_is_an_array_or_comma_separated(written):
    assert load(plugins__enabled=written).plugins.enabled == ("webhooks", "polling")


@pytest.mark.parametrize(
    "servers",
    [
        ("192.0.2.53",),
        ("127.0.0.1:5353",),
        ("2001:db8::53",),
        ("[2001:db8::53]:53", "192.0.2.54:53"),
    ],
)
def test_name_servers_are_addresses_with_a_port_or_without(servers):
    assert load(delivery__name_servers=json.dumps(servers)).delivery.name_servers == servers


@pytest.mark.parametrize(
    "written", ["dns.example.com", "192.0.2.53:0", "192.0.2.53:x", "192.0.2", "1.1.1.1/8", '["[::1"]']
)
def test_what_is_no_name_server_stops_the_start(written):
    with pytest.raises(SettingsInvalid, match="must be an IP address"):
        load(delivery__name_servers=written)


def test_a_list_of_numbers_may_be_empty(toml):
    assert load(delivery__retry_schedule_seconds="").delivery.retry_schedule_seconds == ()
    assert load(toml("[delivery]\nretry_schedule_seconds = [1, 2.5]\n")).delivery.retry_schedule_seconds == (
        1,
        2.5,
    )


@pytest.mark.parametrize(
    ("environment", "named"),
    [
        ({"server__prot": "1"}, "server.prot"),
        ({"server__port": "many"}, "server.port"),
        ({"server__port": "70000"}, "server.port"),
        ({"server__trusted_proxies": "10.0.0.0/8,proxy.internal"}, "server.trusted_proxies"),
        ({"limits__read": "60/hour"}, "limits.read"),
        ({"delivery__retry_jitter": "1"}, "delivery.retry_jitter"),
        ({"delivery__retry_schedule_seconds": "5,-1"}, "delivery.retry_schedule_seconds"),
        ({"delivery__allow_http": "perhaps"}, "delivery.allow_http"),
        ({"database__url": "mysql://db/x"}, "database.url"),
        ({"database__schema": "hub"}, "database.schema"),
        ({"database__url": "postgresql://db/x", "database__schema": 'a"b'}, "database.schema"),
        ({"auth__pepper": "short"}, "auth.pepper"),
        ({"auth__key_prefix": "With_Underscore"}, "auth.key_prefix"),
        ({"delivery__rate": "fast"}, 'delivery.rate\': must be a rate such as "50/second"'),
        ({"delivery__max_in_flight": "0"}, "delivery.max_in_flight"),
    ],
)
def test_what_is_unknown_or_malformed_stops_the_start_and_is_named(environment, named):
    with pytest.raises(SettingsInvalid, match=named.replace(".", r"\.")):
        load(**environment)


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


def test_a_file_that_was_asked_for_and_is_missing_stops_the_start(tmp_path: Path):
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
        ({"server__port": "70000"}, "Setting 'server.port': must be 65535 at most"),
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
    ],
)
def test_what_is_wrong_with_a_value_is_said_in_plain_words(environment: dict[str, str], sentence: str):
    with pytest.raises(SettingsInvalid) as caught:
        load(**environment)
    assert str(caught.value).startswith(sentence)


# ---- .env --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("TRUNKLINE_")]:
        monkeypatch.delenv(name)
    return tmp_path


def test_variables_beside_the_file_come_between_it_and_the_environment(folder, monkeypatch):
    (folder / "trunkline.toml").write_text(
        "[server]\nport = 1\nhost = '0.0.0.1'\n[limits]\nread = '1/minute'\n"
    )
    lines = [
        "# secrets",
        "",
        "OTHER = x y",
        "export TRUNKLINE_SERVER__PORT=2",
        "TRUNKLINE_SERVER__HOST='0.0.0.2'",
    ]
    (folder / ".env").write_text("\n".join(lines))
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


def test_a_setting_in_a_table_of_its_own_has_its_own_variable():
    read = load(acme__door__host="h", acme__door__port="7", acme__room="r")
    assert read.plugin_sections["acme"] == {"door": {"host": "h", "port": "7"}, "room": "r"}
    with pytest.raises(SettingsInvalid, match=r"'acme\.door\.host' is set beside the whole of 'door'"):
        load(acme__door='{"port": 7}', acme__door__host="h")
