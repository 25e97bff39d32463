"""``quarantine``: the inbox in a terminal."""

import asyncio
import json

import pytest

from trunkline import settings
from trunkline.cli import opening
from trunkline.errors import FieldError
from trunkline.ingest.accept import Submission
from trunkline.model.events import Draft
from trunkline.store.quarantine import QuarantinedDraft

FAULTS = [FieldError("/payload/amount_attempted", "must be a number, not a string")]
PAYLOAD = b'{"payment_id":1,"invoice_id":2,"client_id":3,"amount_attempted":%b,"failure_reason":"declined"}'


@pytest.fixture
def migrated_cli(migrated_cli):
    return migrated_cli


@pytest.fixture
def postgres_cli(postgres_cli):
    return postgres_cli


@pytest.fixture(params=["sqlite", "postgresql"])
def line(request):
    """Give the command line over a migrated database, on both engines in turn."""
    return request.getfixturevalue("migrated_cli" if request.param == "sqlite" else "postgres_cli")


def quarantine(cli, *amounts: bytes, company: int = 92) -> list[str]:
    """Quarantine an event for each amount; return their ids."""
    ids = [f"qtn_{company}_{number}" for number in range(len(amounts))]
    drafts = [
        Draft(company, "payment.failed", "2026-01-28T10:30:00Z", PAYLOAD % amount, b'{"n":1.50}')
        for amount in amounts
    ]
    events = [QuarantinedDraft(0, *kept, FAULTS) for kept in zip(ids, drafts, strict=True)]

    async def put() -> None:
        async with opening.opened(settings.load(environment=cli.environment)) as hub:
            await hub.ingest.accept(Submission([], quarantined=events))

    asyncio.run(put())
    return ids


def listed(cli, *arguments: str) -> list[dict]:
    result = cli.invoke("quarantine", "list", "--json", *arguments)
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)["quarantined"]


def test_the_inbox_is_listed_newest_first_with_where_each_event_is_at_fault(line):
    quarantine(line, b'"5"', b"5.00")
    quarantine(line, b'"6"', company=93)
    result = line.invoke("quarantine", "list")
    head, *rows = [row.split("\t") for row in result.stdout.splitlines()]
    assert head == ["id", "company", "type", "received", "at fault"]
    assert [(row[0], row[1], row[4]) for row in rows] == [
        ("qtn_93_0", "93", "/payload/amount_attempted"),
        ("qtn_92_1", "92", "nothing any more"),
        ("qtn_92_0", "92", "/payload/amount_attempted"),
    ]
    assert [event["id"] for event in listed(line, "--company", "92", "--limit", "1")] == ["qtn_92_1"]
    assert listed(line, "--type", "lead.created") == []


def test_more_than_a_page_is_listed_on_request(migrated_cli):
    quarantine(migrated_cli, *[b"1"] * 130)
    assert len(listed(migrated_cli)) == 50
    assert len(listed(migrated_cli, "--limit", "120")) == 120
    assert len(listed(migrated_cli, "--limit", "500")) == 130


def test_an_event_is_shown_with_the_bytes_that_came_in(line):
    (held,) = quarantine(line, b'"5.00"')
    result = line.invoke("quarantine", "show", held)
    assert result.exit_code == 0, result.stderr
    assert (PAYLOAD % b'"5.00"').decode() in result.stdout
    assert '"metadata":{"n":1.50}' in result.stdout
    assert [fault["path"] for fault in json.loads(result.stdout)["errors"]] == [FAULTS[0].path]


def test_an_event_is_released_once_with_another_payload(line):
    (held,) = quarantine(line, b'"5"')
    refused = line.invoke("quarantine", "release", held)
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "/payload/amount_attempted" in refused.stderr
    done = line.invoke("quarantine", "release", held, "--payload", "-", stdin=(PAYLOAD % b"5.00").decode())
    assert done.exit_code == 0, done.stderr
    assert '"amount_attempted":5.00,' in done.stdout
    again = line.invoke("quarantine", "release", held)
    assert (again.exit_code, again.stdout) == (0, done.stdout)
    assert f"as event {json.loads(done.stdout)['id']}" in again.stderr
    assert listed(line) == []


def test_all_of_a_type_that_are_valid_by_now_are_released(line):
    quarantine(line, b'"5"', b"5", b"6")
    done = line.invoke("quarantine", "release", "--type", "payment.failed")
    assert (done.exit_code, done.stdout) == (0, "")
    assert done.stderr == "2 released, 1 left that still break their schema.\n"
    assert [event["id"] for event in listed(line)] == ["qtn_92_0"]


def test_an_event_is_deleted_for_good(line):
    (held,) = quarantine(line, b'"5"')
    assert line.invoke("quarantine", "delete", held).exit_code == 0
    assert listed(line) == []
    for command in ("show", "release", "delete"):
        result = line.invoke("quarantine", command, held)
        assert (result.exit_code, held in result.stderr) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ((), 2),
        (("qtn_1", "--type", "payment.failed"), 2),
        (("--type", "payment.failed", "--payload", "{}"), 2),
        (("--type", "no.such"), 1),
        (("qtn_1", "--payload", "{"), 1),
        (("qtn_1", "--payload", '{},"extra":1'), 1),
    ],
)
def test_a_release_that_makes_no_sense_is_refused(migrated_cli, arguments, code):
    result = migrated_cli.invoke("quarantine", "release", *arguments)
    assert (result.exit_code, result.stdout) == (code, "")
    assert result.stderr
