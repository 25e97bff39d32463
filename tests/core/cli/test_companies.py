"""``companies``: made, shown, deleted, and their limits."""

import json

import pytest


def test_limits_are_shown_set_and_given_back(migrated_cli):
    table = migrated_cli.invoke("companies", "limits", "92", "subscriptions=500", "keys=3")
    assert table.exit_code == 0, table.stderr
    assert "its own" in table.stdout
    view = json.loads(migrated_cli.invoke("companies", "limits", "92", "keys=default", "--json").stdout)
    assert (view["limits"]["subscriptions"], view["own_limits"]) == (500, {"subscriptions": 500})


def test_how_targets_are_treated_is_set_with_the_limits(migrated_cli):
    changes = ("rate=50/second", "max_in_flight=8", 'retry={"schedule_seconds": [5, 30]}', "keys=3")
    table = migrated_cli.invoke("companies", "limits", "92", *changes)
    assert table.exit_code == 0, table.stderr
    assert "50/second" in table.stdout
    view = json.loads(
        migrated_cli.invoke("companies", "limits", "92", "max_in_flight=default", "--json").stdout
    )
    assert view["own_limits"] == {"keys": 3}
    assert view["delivery"] == {
        "timeout_seconds": None,
        "retry": {"schedule_seconds": [5, 30]},
        "max_in_flight": None,
        "rate": "50/second",
    }


@pytest.mark.parametrize(
    "change", ["coffee=1", "keys", "keys=many", "keys=-1", "rate=fast", "max_in_flight=0"]
)
def test_what_cannot_be_meant_is_named(migrated_cli, change):
    refused = migrated_cli.invoke("companies", "limits", "92", change)
    assert refused.exit_code == 2
    assert change.partition("=")[0] in refused.stderr


def test_a_company_is_made_changed_listed_and_named_by_its_reference(migrated_cli):
    made = migrated_cli.invoke(
        "companies", "create", "--reference", "acme", "--name", "Acme", "--metadata", '{"a": 1}'
    )
    assert made.exit_code == 0, made.stderr
    changed = migrated_cli.invoke(
        "companies", "set", "acme", "--name", "", "--time-zone", "Europe/Berlin", "--json"
    )
    view = json.loads(changed.stdout)
    assert (view["id"], view["name"], view["time_zone"]) == (int(made.stdout), None, "Europe/Berlin")
    assert json.loads(migrated_cli.invoke("companies", "list", "--json").stdout) == [view]
    assert "acme" in migrated_cli.invoke("companies", "show", "acme").stdout
    envelope = json.loads(migrated_cli.invoke("events", "emit", "client.created", "--company", "acme").stdout)
    assert (envelope["companyId"], envelope["companyRef"]) == (view["id"], "acme")
    key = migrated_cli.invoke(
        "keys", "create", "--company", "acme", "--name", "a", "--scope", "events:read", "--json"
    )
    assert json.loads(key.stdout)["company_id"] == view["id"]


@pytest.mark.parametrize("name", ["no-such", "a b", "0", "9223372036854775808"])
def test_a_company_that_cannot_be_meant_is_named(migrated_cli, name):
    refused = migrated_cli.invoke(
        "keys", "create", "--company", name, "--name", "a", "--scope", "events:read"
    )
    assert refused.exit_code != 0
    assert name in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.usefixtures("erasures_settle_soon")
def test_a_company_is_deleted_with_all_of_it_and_only_when_that_is_confirmed(migrated_cli):
    migrated_cli.invoke("companies", "create", "--reference", "acme")
    migrated_cli.invoke("events", "emit", "client.created", "--company", "acme")
    assert migrated_cli.invoke("companies", "delete", "acme").exit_code == 1
    assert migrated_cli.invoke("companies", "show", "acme").exit_code == 0
    deleted = migrated_cli.invoke("companies", "delete", "acme", "--yes", "--wait", "--json")
    receipt = json.loads(deleted.stdout)
    assert (receipt["status"], receipt["removed"]) == ("completed", {"events": 1, "audit": 2})
    assert json.loads(migrated_cli.invoke("companies", "receipt", receipt["id"], "--json").stdout) == receipt
    assert migrated_cli.invoke("companies", "show", "acme").exit_code != 0


@pytest.mark.usefixtures("erasures_settle_soon")
def test_commands_name_the_test_environment_of_a_company(migrated_cli):
    of_test = ("--company", "92", "--environment", "test")
    key = migrated_cli.invoke("keys", "create", *of_test, "--name", "a", "--scope", "events:read")
    assert "_test_92_" in key.stdout
    assert "the test environment of company 92" in key.stderr
    assert json.loads(migrated_cli.invoke("keys", "list", "--company", "92", "--json").stdout)["count"] == 0
    (listed,) = json.loads(migrated_cli.invoke("keys", "list", *of_test, "--json").stdout)["keys"]
    assert (listed["company_id"], listed["environment"]) == (92, "test")
    assert "92 test" in migrated_cli.invoke("keys", "list").stdout
    emitted = json.loads(migrated_cli.invoke("events", "emit", "client.created", *of_test).stdout)
    assert (emitted["companyId"], emitted["environment"]) == (92, "test")
    assert migrated_cli.invoke("events", "tail", "--company", "92", "--no-follow", "--json").stdout == ""
    assert (
        json.loads(migrated_cli.invoke("events", "tail", *of_test, "--no-follow", "--json").stdout) == emitted
    )
    limits = migrated_cli.invoke("companies", "limits", "92", "--environment", "test", "keys=3", "--json")
    assert json.loads(limits.stdout)["own_limits"] == {"keys": 3}
    assert json.loads(migrated_cli.invoke("companies", "limits", "92", "--json").stdout)["own_limits"] == {}
    deleted = migrated_cli.invoke(
        "companies", "delete", "92", "--environment", "test", "--yes", "--wait", "--json"
    )
    receipt = json.loads(deleted.stdout)
    assert (receipt["status"], receipt["environment"], receipt["removed"]["events"]) == (
        "completed",
        "test",
        1,
    )


@pytest.mark.parametrize(
    ("command", "complaint"),
    [
        (("keys", "list", "--company", "92", "--environment", "staging"), "is no environment"),
        (("keys", "list", "--environment", "test"), "name the company"),
        (("keys", "create", "--operator", "--name", "a", "--environment", "test"), "for both environments"),
    ],
)
def test_an_environment_that_cannot_be_meant_is_named(migrated_cli, command, complaint):
    refused = migrated_cli.invoke(*command)
    assert refused.exit_code == 2
    assert complaint in " ".join(refused.stderr.split())
