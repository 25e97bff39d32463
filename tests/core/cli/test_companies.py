"""``companies``: made, shown, deleted, and their limits."""

import json
import shlex

import pytest


def test_limits_are_shown_set_and_given_back(migrated_cli):
    assert "its own" in migrated_cli.done("companies", "limits", "92", "subscriptions=500", "keys=3")
    view = migrated_cli.json("companies", "limits", "92", "keys=default")
    assert (view["limits"]["subscriptions"], view["own_limits"]) == (500, {"subscriptions": 500})


def test_how_targets_are_treated_is_set_with_the_limits(migrated_cli):
    changes = ("rate=50/second", "max_in_flight=8", 'retry={"schedule_seconds": [5, 30]}', "keys=3")
    assert "50/second" in migrated_cli.done("companies", "limits", "92", *changes)
    view = migrated_cli.json("companies", "limits", "92", "max_in_flight=default")
    assert view["own_limits"] == {"keys": 3}
    assert view["delivery"] == {
        "timeout_seconds": None,
        "retry": {"schedule_seconds": [5, 30]},
        "max_in_flight": None,
        "rate": "50/second",
    }


def test_a_company_is_made_changed_listed_and_named_by_its_reference(migrated_cli):
    create = ("companies", "create", "--reference", "acme", "--name", "Acme", "--metadata", '{"a": 1}')
    made = migrated_cli.done(*create)
    view = migrated_cli.json("companies", "set", "acme", "--name", "", "--time-zone", "Europe/Berlin")
    assert (view["id"], view["name"], view["time_zone"]) == (int(made), None, "Europe/Berlin")
    assert migrated_cli.json("companies", "list") == [view]
    assert migrated_cli.done("companies", "show", "acme").splitlines()[:2] == [
        f"id\t{made.strip()}",
        "reference\tacme",
    ]
    envelope = migrated_cli.emit(company="acme")
    assert (envelope["companyId"], envelope["companyRef"]) == (view["id"], "acme")
    assert f"_{made.strip()}_" in migrated_cli.create_key("--company", "acme", "--scope", "events:read")


@pytest.mark.usefixtures("erasures_settle_soon")
def test_a_company_is_deleted_with_all_of_it_and_only_when_that_is_confirmed(migrated_cli):
    migrated_cli.done("companies", "create", "--reference", "acme")
    migrated_cli.emit(company="acme")
    assert migrated_cli.invoke("companies", "delete", "acme").exit_code == 1
    migrated_cli.done("companies", "show", "acme")
    receipt = migrated_cli.json("companies", "delete", "acme", "--yes", "--wait")
    assert (receipt["status"], receipt["removed"]) == ("completed", {"events": 1, "audit": 2})
    assert migrated_cli.json("companies", "receipt", receipt["id"]) == receipt
    assert migrated_cli.invoke("companies", "show", "acme").exit_code != 0


@pytest.mark.usefixtures("erasures_settle_soon")
def test_commands_name_the_test_environment_of_a_company(migrated_cli):
    of_test = ("--company", "92", "--environment", "test")
    key = migrated_cli.invoke("keys", "create", *of_test, "--name", "a", "--scope", "events:read")
    assert "_test_92_" in key.stdout
    assert "the test environment of company 92" in key.stderr
    assert migrated_cli.json("keys", "list", "--company", "92")["count"] == 0
    (listed,) = migrated_cli.json("keys", "list", *of_test)["keys"]
    assert (listed["company_id"], listed["environment"]) == (92, "test")
    assert "92 test" in migrated_cli.invoke("keys", "list").stdout
    emitted = json.loads(migrated_cli.invoke("events", "emit", "client.created", *of_test).stdout)
    assert (emitted["companyId"], emitted["environment"]) == (92, "test")
    assert migrated_cli.invoke("events", "tail", "--company", "92", "--no-follow", "--json").stdout == ""
    assert migrated_cli.json("events", "tail", *of_test, "--no-follow") == emitted
    of_test = ("92", "--environment", "test")
    assert migrated_cli.json("companies", "limits", *of_test, "keys=3")["own_limits"] == {"keys": 3}
    assert migrated_cli.json("companies", "limits", "92")["own_limits"] == {}
    receipt = migrated_cli.json("companies", "delete", *of_test, "--yes", "--wait")
    assert receipt["status"] == "completed"
    assert receipt["environment"] == "test"
    assert receipt["removed"]["events"] == 1


CREATE = "keys create --name a --scope events:read"


@pytest.mark.parametrize(
    ("command", "complaint"),
    [
        ("companies limits 92 coffee=1", "coffee"),
        ("companies limits 92 keys", "keys"),
        ("companies limits 92 keys=many", "keys"),
        ("companies limits 92 keys=-1", "keys"),
        ("companies limits 92 rate=fast", "rate"),
        ("companies limits 92 max_in_flight=0", "max_in_flight"),
        (f"{CREATE} --company no-such", "no-such"),
        (f"{CREATE} --company 'a b'", "a b"),
        (f"{CREATE} --company 0", "'0'"),
        (f"{CREATE} --company 9223372036854775808", "9223372036854775808"),
        ("keys list --company 92 --environment staging", "is no environment"),
        ("keys list --environment test", "name the company"),
        ("keys create --operator --name a --environment test", "for both environments"),
    ],
)
def test_what_cannot_be_meant_is_named(migrated_cli, command, complaint):
    result = migrated_cli.invoke(*shlex.split(command))
    assert (result.exit_code in {1, 2}, result.stdout) == (True, "")
    assert complaint in " ".join(result.stderr.split())
    assert "Traceback" not in result.stderr
