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
    return cli.json("quarantine", "list", *arguments)["quarantined"]


def test_the_inbox_is_listed_newest_first_with_where_each_event_is_at_fault(either_cli):
    quarantine(either_cli, b'"5"', b"5.00")
    quarantine(either_cli, b'"6"', company=93)
    head, *rows = [row.split("\t") for row in either_cli.done("quarantine", "list").splitlines()]
    assert head == ["id", "company", "type", "received", "at fault"]
    assert [(row[0], row[1], row[4]) for row in rows] == [
        ("qtn_93_0", "93", "/payload/amount_attempted"),
        ("qtn_92_1", "92", "nothing any more"),
        ("qtn_92_0", "92", "/payload/amount_attempted"),
    ]
    assert [event["id"] for event in listed(either_cli, "--company", "92", "--limit", "1")] == ["qtn_92_1"]
    assert listed(either_cli, "--type", "lead.created") == []


def test_more_than_a_page_is_listed_on_request(migrated_cli):
    quarantine(migrated_cli, *[b"1"] * 130)
    for arguments, count in (((), 50), (("--limit", "120"), 120), (("--limit", "500"), 130)):
        assert len(listed(migrated_cli, *arguments)) == count


def test_an_event_is_shown_with_the_bytes_that_came_in(either_cli):
    (held,) = quarantine(either_cli, b'"5.00"')
    shown = either_cli.done("quarantine", "show", held)
    assert (PAYLOAD % b'"5.00"').decode() in shown
    assert '"metadata":{"n":1.50}' in shown
    assert [fault["path"] for fault in json.loads(shown)["errors"]] == [FAULTS[0].path]


def test_an_event_is_released_once_with_another_payload(either_cli):
    (held,) = quarantine(either_cli, b'"5"')
    assert "/payload/amount_attempted" in either_cli.refused("quarantine", "release", held, code=1)
    corrected = (PAYLOAD % b"5.00").decode()
    shown = either_cli.done("quarantine", "release", held, "--payload", "-", stdin=corrected)
    assert '"amount_attempted":5.00,' in shown
    again = either_cli.invoke("quarantine", "release", held)
    assert (again.exit_code, again.stdout) == (0, shown)
    assert f"as event {json.loads(shown)['id']}" in again.stderr
    assert listed(either_cli) == []


def test_all_of_a_type_that_are_valid_by_now_are_released(either_cli):
    quarantine(either_cli, b'"5"', b"5", b"6")
    done = either_cli.invoke("quarantine", "release", "--type", "payment.failed")
    assert (done.exit_code, done.stdout) == (0, "")
    assert done.stderr == "2 released, 1 left that still break their schema.\n"
    assert [event["id"] for event in listed(either_cli)] == ["qtn_92_0"]


def test_an_event_is_deleted_for_good(either_cli):
    (held,) = quarantine(either_cli, b'"5"')
    either_cli.done("quarantine", "delete", held)
    assert listed(either_cli) == []
    for command in ("show", "release", "delete"):
        assert held in either_cli.refused("quarantine", command, held, code=1)


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
    assert migrated_cli.refused("quarantine", "release", *arguments, code=code)
