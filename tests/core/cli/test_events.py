"""``events emit``, ``tail``, ``show`` and ``explain``."""

import json
import signal

import pytest
from tests.core.cli.conftest import LOOSE, wait_until

INVOICE = (
    '{"invoice_id": 1, "client_id": 2, "amount": 99.00, "due_date": "2026-02-15", "invoice_status": "Paid"}'
)


def _emit(cli, *arguments, stdin=None):
    return cli.done("events", "emit", *arguments, "--company", "92", stdin=stdin)


def _tail(cli, *arguments):
    return cli.invoke("events", "tail", "--company", "92", "--no-follow", *arguments)


def _subscribe(cli, url, types):
    return cli.json("subscriptions", "create", "--company", "92", "--url", url, "--types", types)["id"]


def test_emit_without_a_payload_stores_the_schemas_example(migrated_cli):
    envelope = migrated_cli.emit()
    assert (envelope["type"], envelope["companyId"]) == ("client.created", 92)
    assert envelope["payload"]["client_id"] == 12345


@pytest.mark.parametrize("way", ["argument", "standard input"])
def test_emit_keeps_every_digit_of_the_payload(migrated_cli, way):
    payload, stdin = (INVOICE, None) if way == "argument" else ("-", INVOICE)
    options = ("--payload", payload, "--metadata", '{"run": 7}')
    shown = _emit(migrated_cli, "invoice.created", *options, stdin=stdin)
    assert '"amount":99.00,' in shown
    assert json.loads(shown)["metadata"] == {"run": 7}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ["invoice.created", "--payload", '{"amount": "much"}'],
            ["  /payload/invoice_id is required\n", "  /payload/amount must be a number, not a string\n"],
        ),
        *((["client.created", "--payload", payload], ["/payload"])
          for payload in ("{", '{"a": 1}, "companyId": 93', "[1]", "", "\udcff")),
        (["client.exploded"], ["/type is not a known event type: 'client.exploded'; known are affiliate.created"]),
    ],
)  # fmt: skip
def test_emit_names_every_fault_with_its_pointer(migrated_cli, arguments, words):
    told = migrated_cli.refused("events", "emit", *arguments, "--company", "92", code=1)
    for each in words:
        assert each in told


def test_an_event_is_shown_and_explained_whoevers_it_is(migrated_cli):
    cli = migrated_cli.changed(**LOOSE)
    to_clients, to_invoices = (
        _subscribe(cli, "http://127.0.0.1:1/", types) for types in ("client.*", "invoice.created")
    )
    envelope = _emit(cli, "client.created")
    number = str(json.loads(envelope)["id"])
    assert cli.done("events", "show", number) == envelope
    lines = cli.done("events", "explain", number).splitlines()
    reason = "It subscribes to invoice.created, not to client.created."
    assert set(lines[1:]) == {
        f"{to_clients}\twebhooks\tpending\t0\t-\tIt matches and is about to be delivered.\t-",
        f"{to_invoices}\twebhooks\t-\t0\t-\t{reason}\t-",
    }


def test_an_event_is_explained_with_the_last_answer_of_its_target(migrated_cli):
    subscription = _subscribe(migrated_cli, "https://example.com/", "*")
    number = migrated_cli.emit()["id"]
    migrated_cli.execute(
        "INSERT INTO deliveries (position, subscription_no, status, attempts, claim, updated_ms) "
        "SELECT ?, no, 'exhausted', 2, 0, 0 FROM subscriptions",
        number,
    )
    migrated_cli.execute(
        "INSERT INTO attempts (position, subscription_no, number, started_ms, duration_ms, outcome, status_code, "
        "response_body) SELECT ?, no, n, 0, 1, 'retry', 500 + n, 'busy ' || n FROM subscriptions, "
        "(SELECT 1 AS n UNION SELECT 2)",
        number,
    )
    line = migrated_cli.done("events", "explain", str(number)).splitlines()[1].split("\t")
    assert (line[0], line[2], line[-1]) == (subscription, "exhausted", "502 busy 2")


def test_an_event_that_is_not_there_is_named(migrated_cli):
    assert migrated_cli.refused("events", "explain", "9", code=1) == "There is no event '9' here.\n"


def test_tail_shows_the_last_ten_events_of_the_company_oldest_first(migrated_cli):
    ids = [migrated_cli.emit()["id"] for _ in range(3)]
    migrated_cli.emit(company="93")
    printed = [json.loads(line)["id"] for line in _tail(migrated_cli, "--json").stdout.splitlines()]
    assert printed == ids


def test_tail_shows_only_the_types_that_were_asked_for_in_any_case(migrated_cli):
    for name in ("client.created", "lead.created", "payment.failed"):
        migrated_cli.emit(name)
    for asked, shown in (
        ("Lead.Created,payment.failed", ["lead.created", "payment.failed"]),
        ("client.*,payment.failed", ["client.created", "payment.failed"]),
        ("*", ["client.created", "lead.created", "payment.failed"]),
        ("key.created,operational.*", []),
    ):
        result = _tail(migrated_cli, "--types", asked)
        assert result.exit_code == 0
        assert [line.split()[2] for line in result.stdout.splitlines()] == shown


def test_tail_since_a_time_shows_what_was_accepted_then_and_later(migrated_cli):
    migrated_cli.emit()
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

        def emit_and_look():
            emitted.append(_emit(postgres_cli, "client.created"))
            return process.output.read_text()

        wait_until(emit_and_look)
        assert process.stop(signal.SIGINT) == 0
        printed = process.output.read_text()
    assert printed in "".join(emitted), "it begins with the last ten, and leaves none out"
    assert process.errors.read_text() == ""
