"""Stores answers about quarantined events by idempotency key, so that a repeated request gets the same answer."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import orjson
from msgspec import Struct, structs
from sqlalchemy import bindparam

from trunkline.errors import FieldError
from trunkline.model.environments import company_number, environment_member, in_environment
from trunkline.model.events import Event
from trunkline.store import idempotency, side_tables, sql, stream
from trunkline.store.connection import Connection
from trunkline.store.quarantine import QuarantinedDraft, positions_of
from trunkline.store.sql import text

Key = tuple[int, str]
"""A namespace and an idempotency key in it."""


class Receipt(Struct, frozen=True):
    """The answer about a quarantined event. If the quarantined event was released, *event* is the event in the log."""

    index: int
    id: str
    type: str
    company_id: int
    created_utc: str
    errors: Sequence[FieldError]
    event: Event | None = None

    @classmethod
    def of(cls, kept: QuarantinedDraft) -> "Receipt":
        """Make the receipt of a quarantined event."""
        draft = kept.draft
        return cls(kept.index, kept.id, draft.type, draft.company_id, draft.created_utc, kept.errors)

    def view(self) -> dict[str, Any]:
        """Return the answer as a JSON object, without *index*, for a request with a single event."""
        return {
            "id": self.id,
            "type": self.type,
            "company_id": company_number(self.company_id),
            **environment_member(self.company_id),
            "errors": [{"path": fault.path, "message": fault.message} for fault in self.errors],
            "created_utc": self.created_utc,
        }

    def item(self) -> dict[str, Any]:
        """Return the answer as a JSON object, with *index*, for a request with several events."""
        return {"index": self.index, **self.view()}


async def remember(connection: Connection, answers: Mapping[Key, Sequence[Receipt]], *, now_ms: int) -> None:
    """Store *answers*. Expired answers under the same keys are replaced."""
    if not answers:
        return
    forget = text("DELETE FROM quarantine_answers WHERE namespace = :namespace AND key = :key")
    await connection.execute(forget, [{"namespace": space, "key": key} for space, key in answers])
    columns: dict[str, Sequence[Any]] = {
        "namespace": [space for space, _ in answers],
        "key": [key for _, key in answers],
        "body": [orjson.dumps([receipt.item() for receipt in receipts]) for receipts in answers.values()],
        "created_ms": [now_ms] * len(answers),
    }
    await sql.insert_columns(connection, side_tables.quarantine_answers, columns)


async def find(
    connection: Connection, keys: Collection[Key], *, lifetime_ms: int
) -> dict[Key, list[Receipt]]:
    """Find the answers given under *keys* within *lifetime_ms*. A receipt includes its event if the event has been released since then."""
    if not keys:
        return {}
    statement = text(
        "SELECT namespace, key, body FROM quarantine_answers WHERE namespace IN :namespaces AND key IN :keys "
        f"AND +created_ms > {sql.now_ms(connection)} - {lifetime_ms}"  # plus, for the reason given in ``idempotency.find``
    ).bindparams(bindparam("namespaces", expanding=True), bindparam("keys", expanding=True))
    rows = await connection.execute(statement, idempotency.named(keys))
    receipts_of = {(row[0], row[1]): _read(row[2]) for row in rows if (row[0], row[1]) in keys}
    if not receipts_of:
        return {}
    ids = [receipt.id for receipts in receipts_of.values() for receipt in receipts]
    positions = await positions_of(connection, ids)
    events = await stream.by_positions(connection, list(positions.values()))
    return {
        key: [
            structs.replace(receipt, event=events.get(positions.get(receipt.id, 0))) for receipt in receipts
        ]
        for key, receipts in receipts_of.items()
    }


def _read(body: bytes) -> list[Receipt]:
    items: list[dict[str, Any]] = orjson.loads(body)
    return [
        Receipt(
            item["index"],
            item["id"],
            item["type"],
            in_environment(item["company_id"], item.get("environment")),
            item["created_utc"],
            [FieldError(fault["path"], fault["message"]) for fault in item["errors"]],
        )
        for item in items
    ]
