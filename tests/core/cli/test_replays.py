"""``replays``: listed, shown and cancelled."""

LOCAL = ("subscriptions", "create", "--company", "92", "--url", "https://example.com/hooks", "--types", "*")


def test_replays_of_a_subscription_are_listed_shown_and_cancelled(migrated_cli):
    subscription = migrated_cli.json(*LOCAL)["id"]
    migrated_cli.emit()
    started = migrated_cli.json("replay", subscription, "--no-wait")
    listed = migrated_cli.json("replays", "list", subscription)
    assert [(one["id"], one["status"]) for one in listed["replays"]] == [(started["id"], "running")]
    assert started["id"] in migrated_cli.done("replays", "list", subscription)
    cancelled = migrated_cli.invoke("replays", "cancel", started["id"])
    assert (cancelled.exit_code, f"{started['id']} is cancelled" in cancelled.stderr) == (0, True)
    assert migrated_cli.json("replays", "show", started["id"])["status"] == "cancelled"
    migrated_cli.done("replays", "cancel", started["id"])


def test_the_status_names_the_environment_of_a_replay_that_runs(migrated_cli):
    subscription = migrated_cli.json(*LOCAL, "--environment", "test")["id"]
    migrated_cli.invoke("events", "emit", "client.created", "--company", "92", "--environment", "test")
    migrated_cli.invoke("replay", subscription, "--no-wait")
    shown = migrated_cli.invoke("status").stdout
    assert "92 test" in shown
    assert "-92" not in shown


def test_what_is_not_there_is_named(migrated_cli):
    for command in (("list", "sub_none"), ("show", "rpl_none"), ("cancel", "rpl_none")):
        assert command[1] in migrated_cli.refused("replays", *command, code=1)
