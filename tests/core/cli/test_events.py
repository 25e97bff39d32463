"""``events emit``, ``tail``, ``show`` and ``explain``."""

import contextlib
import json
import signal
import sqlite3
import time

import pytest

INVOICE = (
    '{"invoice_id": 1, "client_id": 2, "amount": 99.00, "due_date": "2026-02-15", "invoice_status": "Paid"}'
)


def _emit(cli, *arguments, stdin=None):
    return cli.invoke("events", "emit", *arguments, "--company", "92", stdin=stdin)


def _tail(cli, *arguments):
    return cli.invoke("events", "tail", "--company", "92", "--no-follow", *arguments)


def test_emit_without_a_payload_stores_the_schemas_example(migrated_cli):
    envelope = json.loads(_emit(migrated_cli, "client.created").stdout)
    assert (envelope["type"], envelope["companyId"]) == ("client.created", 92)
    assert envelope["payload"]["client_id"] == 12345


@pytest.mark.parametrize("way", ["argument", "standard input"])
def test_emit_keeps_every_digit_of_the_payload(migrated_cli, way):
    payload, stdin = (INVOICE, None) if way == "argument" else ("-", INVOICE)
    result = _emit(
        migrated_cli, "invoice.created", "--payload", payload, "--metadata", '{"run": 7}', stdin=stdin
    )
    assert result.exit_code == 0
    assert '"amount":99.00,' in result.stdout
    assert json.loads(result.stdout)["metadata"] == {"run": 7}


def test_emit_lists_every_fault_with_its_pointer(migrated_cli):
    result = _emit(migrated_cli, "invoice.created", "--payload", '{"amount": "much"}')
    assert (result.exit_code, result.stdout) == (1, "")
    assert "  /payload/invoice_id is required\n" in result.stderr
    assert "  /payload/amount must be a number, not a string\n" in result.stderr


@pytest.mark.parametrize("payload", ["{", '{"a": 1}, "companyId": 93', "[1]", "", "\udcff"])
def test_emit_refuses_what_is_no_payload(migrated_cli, payload):
    result = _emit(migrated_cli, "client.created", "--payload", payload)
    assert result.exit_code == 1
    assert "/payload" in result.stderr


def test_emit_refuses_an_unknown_type_and_names_those_it_knows(migrated_cli):
    result = _emit(migrated_cli, "client.exploded")
    assert result.exit_code == 1
    assert "/type is not a known event type: 'client.exploded'; known are affiliate.created" in result.stderr


def test_an_event_is_shown_and_explained_whoevers_it_is(migrated_cli):
    loose = {f"TRUNKLINE_DELIVERY__ALLOW_{what}": "true" for what in ("HTTP", "PRIVATE_NETWORKS")}
    cli = migrated_cli.changed(**loose)
    made = ["subscriptions", "create", "--company", "92", "--url", "http://127.0.0.1:1/", "--json", "--types"]
    to_clients, to_invoices = (
        json.loads(cli.invoke(*made, types).stdout)["id"] for types in ("client.*", "invoice.created")
    )
    envelope = _emit(cli, "client.created").stdout
    number = str(json.loads(envelope)["id"])
    assert cli.invoke("events", "show", number).stdout == envelope
    lines = cli.invoke("events", "explain", number).stdout.splitlines()
    reason = "It subscribes to invoice.created, not to client.created."
    assert set(lines[1:]) == {
        f"{to_clients}\twebhooks\tpending\t0\t-\tIt matches and is about to be delivered.\t-",
        f"{to_invoices}\twebhooks\t-\t0\t-\t{reason}\t-",
    }


def test_an_event_is_explained_with_the_last_answer_of_its_target(migrated_cli):
    made = [
        "subscriptions",
        "create",
        "--company",
        "92",
        "--url",
        "https://example.com/",
        "--json",
        "--types",
        "*",
    ]
    subscription = json.loads(migrated_cli.invoke(*made).stdout)["id"]
    number = json.loads(_emit(migrated_cli, "client.created").stdout)["id"]
    database = migrated_cli.environment["TRUNKLINE_DATABASE__URL"].removeprefix("sqlite:///")
    with contextlib.closing(sqlite3.connect(database)) as connection, connection:
        connection.execute(
            "INSERT INTO deliveries (position, subscription_no, status, attempts, claim, updated_ms) "
            "SELECT ?, no, 'exhausted', 2, 0, 0 FROM subscriptions",
            (number,),
        )
        connection.execute(
            "INSERT INTO attempts (position, subscription_no, number, started_ms, duration_ms, outcome, status_code, "
            "response_body) SELECT ?, no, n, 0, 1, 'retry', 500 + n, 'busy ' || n FROM subscriptions, "
            "(SELECT 1 AS n UNION SELECT 2)",
            (number,),
        )
    line = migrated_cli.invoke("events", "explain", str(number)).stdout.splitlines()[1].split("\t")
    assert (line[0], line[2], line[-1]) == (subscription, "exhausted", "502 busy 2")


def test_an_event_that_is_not_there_is_named(migrated_cli):
    refused = migrated_cli.invoke("events", "explain", "9")
    assert (refused.exit_code, refused.stderr) == (1, "There is no event '9' here.\n")


def test_tail_shows_the_last_ten_events_of_the_company_oldest_first(migrated_cli):
    ids = [json.loads(_emit(migrated_cli, "client.created").stdout)["id"] for _ in range(3)]
    migrated_cli.invoke("events", "emit", "client.created", "--company", "93")
    printed = [json.loads(line)["id"] for line in _tail(migrated_cli, "--json").stdout.splitlines()]
    assert printed == ids


def test_tail_shows_only_the_types_that_were_asked_for_in_any_case(migrated_cli):
    for name in ("client.created", "lead.created", "payment.failed"):
        _emit(migrated_cli, name)
    lines = _tail(migrated_cli, "--types", "Lead.Created,payment.failed").stdout.splitlines()
    assert [line.split()[2] for line in lines] == ["lead.created", "payment.failed"]
    lines = _tail(migrated_cli, "--types", "client.*,payment.failed").stdout.splitlines()
    assert [line.split()[2] for line in lines] == ["client.created", "payment.failed"]


def test_tail_takes_operational_types(migrated_cli):
    assert _tail(migrated_cli, "--types", "key.created,operational.*").exit_code == 0
    assert _tail(migrated_cli, "--types", "*").stdout == _tail(migrated_cli).stdout


def test_tail_since_a_time_shows_what_was_accepted_then_and_later(migrated_cli):
    _emit(migrated_cli, "client.created")
    assert len(_tail(migrated_cli, "--since", "2020-01-01T00:00:00Z").stdout.splitlines()) == 1
    assert _tail(migrated_cli, "--since", "2999-01-01").stdout == ""
    assert _tail(migrated_cli, "--since", "yesterday").exit_code == 2


def test_tail_of_an_unknown_type_is_a_mistake_that_names_the_known(migrated_cli):
    result = _tail(migrated_cli, "--types", "nonesuch")
    assert result.exit_code == 2
    assert "agreement.signed" in result.stderr


@pytest.mark.slow
def test_tail_follows_what_another_process_emits_and_ends_well_at_ctrl_c(postgres_cli):
    with postgres_cli.started("events", "tail", "--company", "92", "--json") as process:
        emitted = []
        deadline = time.monotonic() + 60
        while not process.output.read_text() and time.monotonic() < deadline:
            emitted.append(_emit(postgres_cli, "client.created").stdout)
            time.sleep(0.1)
        process.popen.send_signal(signal.SIGINT)
        assert process.popen.wait(60) == 0
        printed = process.output.read_text()
    assert printed
    assert printed in "".join(emitted), "it begins with the last ten, and leaves none out"
    assert process.errors.read_text() == ""
