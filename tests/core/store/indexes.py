"""The metadata of the core's tables with their indexes, which migrations create, to compare a database with."""

from typing import Any

import sqlalchemy
from sqlalchemy import Index

from trunkline.store.dialects import DIALECTS
from trunkline.store.side_tables import metadata

_STUCK = "status IN ('exhausted', 'rejected', 'held') AND queued IS NULL"
_OF_SHARD = "order_shard IS NOT NULL AND order_key IS {} AND due_ms IS NOT NULL"
_QUEUE = "order_key IS NOT NULL AND status IN ('pending', 'held')"
_FREE = "due_ms IS NOT NULL AND order_shard IS NULL"

for table, name, columns in (
    ("events", "company", "company_id position"),
    ("events", "company_type", "company_id type position"),
    ("events", "accepted", "accepted_ms"),
    ("idempotency_keys", "created", "created_ms"),
    ("operation_keys", "created", "created_ms"),
    ("api_keys", "company", "company_id"),
    ("subscriptions", "company", "company_id"),
    ("subscriptions", "version", "version"),
    ("deliveries", "subscription", "subscription_no position"),
    ("replays", "subscription", "subscription_no"),
    ("erasures", "company", "company_id"),
    ("consumers", "cursor", "cursor"),
    ("quarantine", "received", "received_ms"),
    ("quarantine_answers", "created", "created_ms"),
    ("health_hours", "hour", "hour"),
    ("news", "company", "company_id"),
    ("gathered", "company", "company_id"),
    ("told", "company", "company_id"),
    ("audit", "actor", "actor id"),
    ("audit", "action", "action id"),
    ("audit", "target", "target id"),
    ("audit", "company", "company_id"),
):
    found = metadata.tables[table].columns
    Index(f"ix_{table}_{name}", *(found[column] for column in columns.split()))

for table, name, columns in (
    ("companies", "reference", "reference"),
    ("consumers", "name", "company_id name"),
):
    found = metadata.tables[table].columns
    Index(f"ix_{table}_{name}", *(found[column] for column in columns.split()), unique=True)

for table, name, columns, condition in (
    ("api_keys", "expiry", "expires_ms", "expires_ms IS NOT NULL"),
    ("subscriptions", "live", "company_id no", "status <> 'deleted'"),
    ("subscriptions", "failing", "no", "failing_level IS NOT NULL"),
    ("subscriptions", "name", "company_id name", "name IS NOT NULL"),
    ("subscriptions", "expiry", "expires_ms", "expires_ms IS NOT NULL AND status = 'active'"),
    ("deliveries", "stuck", "subscription_no status position", _STUCK),
    ("deliveries", "open", "subscription_no position", "status IN ('pending', 'held')"),
    ("deliveries", "due", "due_ms", _FREE),
    ("deliveries", "free", "subscription_no due_ms", _FREE),
    ("deliveries", "queue", "subscription_no order_key position", _QUEUE),
    ("deliveries", "front", "subscription_no order_key queued position", f"{_QUEUE} AND queued IS NULL"),
    ("deliveries", "turn", "order_shard due_ms", _OF_SHARD.format("NOT NULL")),
    ("deliveries", "ordered", "subscription_no due_ms", _OF_SHARD.format("NOT NULL")),
    ("deliveries", "paced", "subscription_no due_ms", _OF_SHARD.format("NULL")),
    ("deliveries", "claimed", "claimed_by", "claimed_by IS NOT NULL"),
    ("deliveries", "replay", "replay_no status", "replay_no IS NOT NULL"),
    ("replays", "withdrawing", "no", "withdrawing IS NOT NULL"),
    ("replays", "running", "updated_ms", "status = 'running'"),
    ("erasures", "open", "created_ms", "completed_ms IS NULL"),
    ("quarantine", "waiting", "no", "position IS NULL"),
    ("quarantine", "company", "company_id no", "position IS NULL"),
    ("quarantine", "type", "type no", "position IS NULL"),
    ("quarantine", "released", "company_id", "position IS NOT NULL"),
    ("audit", "request", "request_id", "request_id IS NOT NULL"),
):
    found = metadata.tables[table].columns
    conditions: dict[str, Any] = {f"{dialect}_where": sqlalchemy.text(condition) for dialect in DIALECTS}
    Index(f"ix_{table}_{name}", *(found[column] for column in columns.split()), **conditions)
