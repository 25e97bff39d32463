"""``companies limits``."""

import json

import pytest


def test_limits_are_shown_set_and_given_back(migrated_cli):
    line = migrated_cli.with_plugins("webhooks")
    table = line.invoke("companies", "limits", "92", "subscriptions=500", "keys=3")
    assert table.exit_code == 0, table.stderr
    assert "its own" in table.stdout
    view = json.loads(line.invoke("companies", "limits", "92", "keys=default", "--json").stdout)
    assert (view["limits"]["subscriptions"], view["own_limits"]) == (500, {"subscriptions": 500})


@pytest.mark.parametrize("change", ["coffee=1", "keys", "keys=many", "keys=-1"])
def test_what_cannot_be_meant_is_named(migrated_cli, change):
    refused = migrated_cli.with_plugins("webhooks").invoke("companies", "limits", "92", change)
    assert refused.exit_code == 2
    assert change.partition("=")[0] in refused.stderr
