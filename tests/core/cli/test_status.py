"""``status``: a deployment's state in a terminal, and the proof of its ledger."""

import json
import signal

import pytest
from tests.core.cli.conftest import wait_until

from trunkline.cli.output import span


def add_delivery(cli, position: int, status: str) -> None:
    cli.execute(
        "INSERT INTO deliveries (position, subscription_no, status, attempts, claim, updated_ms) "
        "VALUES (?, 1, ?, 0, 0, 0)",
        position,
        status,
    )


def test_status_shows_the_log_and_every_shard_without_a_running_process(either_cli):
    for _ in range(2):
        either_cli.emit()
    lines = either_cli.done("status").splitlines()
    assert {
        "head\t1,001", "events\t2 in a minute, 2 in an hour", "workers\t0 alive", "deliveries\tnone"
    } <= set(lines)  # fmt: skip
    shards = [cells for cells in (row.split("\t") for row in lines) if cells[0].isdigit()]
    assert [cells[0] for cells in shards] == [str(number) for number in range(16)]
    assert {tuple(cells[1:3]) for cells in shards} == {("999", "2")}
    assert {tuple(cells[5:]) for cells in shards} == {("-", "-")}


def test_status_as_json_has_everything_with_times_in_utc(either_cli):
    either_cli.emit()
    view = either_cli.json("status")
    assert view["taken_utc"].endswith("Z")
    assert view["log"]["head"] == 1000
    assert view["log"]["newest_accepted_utc"].endswith("Z")
    assert len(view["shards"]) == 16
    assert set(view["shards"][0]) == {
        "shard", "part", "cursor", "lag_positions", "live_lag_positions", "lag_seconds", "holder", "lease_seconds",
    }  # fmt: skip
    assert view["deliveries"] == {
        "by_status": {}, "is_capped": False, "due": 0, "is_due_capped": False, "oldest_due_seconds": None,
    }  # fmt: skip
    assert (view["replays"], view["workers"], view["subscriptions"]) == ([], [], {})


def test_the_ledger_that_balances_is_shown_with_what_was_checked(either_cli):
    either_cli.emit()
    lines = either_cli.done("status", "--ledger").splitlines()
    assert lines[0].endswith("= 0 deliveries")
    assert [row.split("\t")[:2] for row in lines[3:]] == [
        [name, "yes"] for name in ("statuses", "ended", "attempts", "events", "accepted", "matched")
    ]


def test_a_ledger_that_does_not_balance_exits_1_with_the_ids(migrated_cli):
    migrated_cli.emit()
    add_delivery(migrated_cli, 1000, "delivered")
    add_delivery(migrated_cli, 1500, "delivered")
    result = migrated_cli.invoke("status", "--ledger")
    assert result.exit_code == 1
    assert "accepted\tNO\t" in result.stdout
    assert result.stderr == "accepted: dlv_1500_1\n"
    result = migrated_cli.invoke("status", "--ledger", "--json")
    assert result.exit_code == 1
    audit = json.loads(result.stdout)
    assert (audit["balances"], audit["rows"], audit["deliveries"]) == (False, 2, {"delivered": 2})
    [check] = [check for check in audit["checks"] if not check["holds"]]
    assert (check["name"], check["offending"]) == ("accepted", ["dlv_1500_1"])


def test_the_sum_that_comes_out_even_is_shown(migrated_cli):
    migrated_cli.emit()
    add_delivery(migrated_cli, 1000, "held")
    first = migrated_cli.invoke("status", "--ledger").stdout.splitlines()[0]
    assert first == (
        "0 pending + 1 held + 0 delivered + 0 exhausted + 0 rejected + 0 gone + 0 skipped = 1 deliveries"
    )


def test_a_ledger_is_not_watched(migrated_cli):
    assert migrated_cli.invoke("status", "--ledger", "--watch").exit_code == 2


@pytest.mark.slow
def test_watch_looks_again_until_interrupted_and_ends_well(migrated_cli):
    migrated_cli.emit()
    with migrated_cli.started("status", "--watch") as process:
        wait_until(lambda: process.output.read_text().count("head\t1,000") >= 2)
        assert process.stop(signal.SIGINT) == 0
    assert process.errors.read_text() == ""


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.04, "0.0 s"), (59.94, "59.9 s"), (75, "1 min 15 s"), (7260, "2 h 1 min"), (180_000, "2 d 2 h")],
)
def test_a_span_of_time_is_written_as_one_says_it(seconds, said):
    assert span(seconds) == said
