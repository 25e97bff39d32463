"""The tables of 0.1.

The revision number is the last of the revisions that this one replaces, so that a database with all of them continues from
here.
"""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = None

_SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_OPEN = "status IN ('pending', 'held')"
_QUEUED = f"order_key IS NOT NULL AND {_OPEN}"
_FREE = "due_ms IS NOT NULL AND order_shard IS NULL"
_IN_ORDER = "order_shard IS NOT NULL AND order_key IS NOT NULL AND due_ms IS NOT NULL"
_WAITING = "position IS NULL"
_TABLES = """
events stream_head retention clock idempotency_keys operation_keys event_types quarantine quarantine_answers companies api_keys
secret_checks erasures subscriptions routing unsettled unreleased replays deliveries attempts shards shard_parts workers
"""
_AUTOVACUUM = ("autovacuum_vacuum_scale_factor", "autovacuum_analyze_scale_factor")


def upgrade() -> None:
    _create_log()
    _create_quarantine()
    _create_companies()
    _create_subscriptions()
    _create_ledger()
    _create_workers()


def downgrade() -> None:
    for table in _TABLES.split():
        op.drop_table(table)


def _create_log() -> None:
    op.create_table(
        "events",
        sa.Column("position", _SERIAL, primary_key=True, autoincrement=False),
        sa.Column("company_id", sa.BigInteger(), nullable=False),
        sa.Column("type", sa.String(200), nullable=False),
        sa.Column("shard", sa.SmallInteger(), nullable=False),
        sa.Column("accepted_ms", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("version", sa.SmallInteger()),
    )
    _index("ix_events_accepted", "events", "accepted_ms")
    _index("ix_events_company", "events", "company_id", "position")
    _index("ix_events_company_type", "events", "company_id", "type", "position")
    op.create_table(
        "stream_head",
        sa.Column("id", sa.SmallInteger(), primary_key=True),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("accepted_ms", sa.BigInteger(), nullable=False),
        sa.Column("companies_version", sa.BigInteger(), nullable=False, server_default=sa.text("0")),
        sa.Column("timeline", sa.String(8)),
        sa.Column("companies_after", sa.BigInteger(), nullable=False, server_default=sa.text("0")),
    )
    retention = op.create_table(
        "retention",
        sa.Column("id", sa.SmallInteger(), primary_key=True),
        sa.Column("edge", sa.BigInteger(), nullable=False),
    )
    op.bulk_insert(retention, [{"id": 1, "edge": 0}])
    op.create_table(
        "clock",
        sa.Column("id", sa.SmallInteger(), primary_key=True, autoincrement=False),
        sa.Column("now_ms", sa.BigInteger(), nullable=False),
        sa.Column("boot_id", sa.String(40), nullable=False),
        sa.Column("up_ms", sa.BigInteger(), nullable=False),
        sa.Column("step_ms", sa.BigInteger()),
        sa.Column("steady_ms", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "idempotency_keys",
        sa.Column("namespace", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("key", sa.String(255), primary_key=True),
        sa.Column("fingerprint", sa.LargeBinary(32), nullable=False),
        sa.Column("first_position", sa.BigInteger(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
    )
    _index("ix_idempotency_keys_created", "idempotency_keys", "created_ms")
    op.create_table(
        "operation_keys",
        sa.Column("namespace", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("key", sa.String(255), primary_key=True),
        sa.Column("fingerprint", sa.LargeBinary(32), nullable=False),
        sa.Column("holder", sa.String(40)),
        sa.Column("lease_until_ms", sa.BigInteger()),
        sa.Column("status", sa.SmallInteger()),
        sa.Column("body", sa.LargeBinary()),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
    )
    _index("ix_operation_keys_created", "operation_keys", "created_ms")
    op.create_table(
        "event_types",
        sa.Column("name", sa.String(200), primary_key=True),
        sa.Column("revision", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("schema_json", sa.Text(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
    )


def _create_quarantine() -> None:
    op.create_table(
        "quarantine",
        sa.Column("no", _SERIAL, primary_key=True),
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("company_id", sa.BigInteger(), nullable=False),
        sa.Column("type", sa.String(200), nullable=False),
        sa.Column("version", sa.Integer()),
        sa.Column("created_utc", sa.String(40), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("metadata", sa.LargeBinary(), nullable=False),
        sa.Column("position", sa.BigInteger()),
        sa.Column("received_ms", sa.BigInteger(), nullable=False),
        sa.Column("updated_ms", sa.BigInteger(), nullable=False),
        sa.UniqueConstraint("id"),
    )
    _index("ix_quarantine_waiting", "quarantine", "no", where=_WAITING)
    _index("ix_quarantine_company", "quarantine", "company_id", "no", where=_WAITING)
    _index("ix_quarantine_type", "quarantine", "type", "no", where=_WAITING)
    _index("ix_quarantine_received", "quarantine", "received_ms")
    _index("ix_quarantine_released", "quarantine", "company_id", where="position IS NOT NULL")
    op.create_table(
        "quarantine_answers",
        sa.Column("namespace", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("key", sa.String(255), primary_key=True),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
    )
    _index("ix_quarantine_answers_created", "quarantine_answers", "created_ms")


def _create_companies() -> None:
    op.create_table(
        "companies",
        sa.Column("company_id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("limits", sa.Text(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("updated_ms", sa.BigInteger(), nullable=False),
        sa.Column("reference", sa.String(128)),
        sa.Column("name", sa.Text()),
        sa.Column("time_zone", sa.String(64)),
        sa.Column("metadata", sa.Text()),
        sa.Column("alert_recipients", sa.Text()),
        sa.Column("erasure", sa.String(40)),
        sa.Column("delivery", sa.JSON()),
    )
    _index("ix_companies_reference", "companies", "reference", unique=True)
    op.create_table(
        "api_keys",
        sa.Column("id", sa.String(40), primary_key=True),
        sa.Column("company_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sa.Column("last4", sa.String(4), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("last_used_ms", sa.BigInteger()),
        sa.Column("revoked_ms", sa.BigInteger()),
        sa.Column("pins", sa.Text()),
        sa.Column("pepper", sa.String(16)),
        sa.Column("expires_ms", sa.BigInteger()),
        sa.Column("networks", sa.Text()),
        sa.Column("created_by", sa.Text()),
        sa.Column("created_by_kind", sa.String(20)),
        sa.UniqueConstraint("digest"),
    )
    _index("ix_api_keys_company", "api_keys", "company_id")
    op.create_table(
        "secret_checks",
        sa.Column("name", sa.String(40), primary_key=True),
        sa.Column("value", sa.LargeBinary(), nullable=False),
    )
    op.create_table(
        "erasures",
        sa.Column("id", sa.String(40), primary_key=True),
        sa.Column("company_id", sa.BigInteger(), nullable=False),
        sa.Column("removed", sa.Text(), nullable=False),
        sa.Column("holder", sa.String(40)),
        sa.Column("lease_until_ms", sa.BigInteger()),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("updated_ms", sa.BigInteger(), nullable=False),
        sa.Column("completed_ms", sa.BigInteger()),
    )
    _index("ix_erasures_company", "erasures", "company_id")
    _index("ix_erasures_open", "erasures", "created_ms", where="completed_ms IS NULL")


def _create_subscriptions() -> None:
    op.create_table(
        "subscriptions",
        sa.Column("no", _SERIAL, primary_key=True),
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("company_id", sa.BigInteger(), nullable=False),
        sa.Column("channel", sa.String(40), nullable=False),
        sa.Column("target_url", sa.Text(), nullable=False),
        sa.Column("event_types", sa.Text(), nullable=False),
        sa.Column("filter", sa.Text()),
        sa.Column("description", sa.Text()),
        sa.Column("signature", sa.String(20), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("disabled_reason", sa.Text()),
        sa.Column("disabled_ms", sa.BigInteger()),
        sa.Column("start_position", sa.BigInteger(), nullable=False),
        sa.Column("resume_position", sa.BigInteger()),
        sa.Column("failures", sa.Integer(), nullable=False, server_default=sa.text("0")),
        sa.Column("failing_since_ms", sa.BigInteger()),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("updated_ms", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("pins", sa.Text()),
        sa.Column("ordering", sa.JSON(none_as_null=True)),
        sa.Column("timeout_seconds", sa.Float()),
        sa.Column("retry", sa.JSON(none_as_null=True)),
        sa.Column("max_in_flight", sa.Integer()),
        sa.Column("rate", sa.String(40)),
        sa.Column("name", sa.String(100)),
        sa.Column("holder", sa.Text()),
        sa.Column("notes", sa.JSON(none_as_null=True)),
        sa.Column("expires_ms", sa.BigInteger()),
        sa.Column("target", sa.JSON()),
        sa.Column("gap_position", sa.BigInteger()),
        sa.Column("defaults", sa.JSON()),
        sa.Column("failing_ms", sa.BigInteger()),
        sa.Column("failed_ms", sa.BigInteger()),
        sa.Column("created_by", sa.Text()),
        sa.Column("created_by_kind", sa.String(20)),
        sa.UniqueConstraint("id"),
        sqlite_autoincrement=True,  # numbers are not reused, because ids of deliveries contain them
    )
    _index("ix_subscriptions_company", "subscriptions", "company_id")
    _index("ix_subscriptions_version", "subscriptions", "version")
    _index("ix_subscriptions_name", "subscriptions", "company_id", "name", where="name IS NOT NULL")
    _index(
        "ix_subscriptions_expiry",
        "subscriptions",
        "expires_ms",
        where="expires_ms IS NOT NULL AND status = 'active'",
    )
    _index("ix_subscriptions_live", "subscriptions", "company_id", "no", where="status <> 'deleted'")
    op.create_table(
        "routing",
        sa.Column("id", sa.SmallInteger(), primary_key=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "unsettled",
        sa.Column("subscription_no", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("change", sa.String(8), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "unreleased",
        sa.Column("subscription_no", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("order_key", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "replays",
        sa.Column("no", _SERIAL, primary_key=True),
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("subscription_no", sa.BigInteger(), nullable=False),
        sa.Column("company_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(12), nullable=False),
        sa.Column("event_types", sa.Text()),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("end_position", sa.BigInteger(), nullable=False),
        sa.Column("matched", sa.BigInteger(), nullable=False),
        sa.Column("delivered", sa.BigInteger()),
        sa.Column("status", sa.String(12), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("updated_ms", sa.BigInteger(), nullable=False),
        sa.Column("pins", sa.Text()),
        sa.Column("withdrawing", sa.SmallInteger()),
        sa.UniqueConstraint("id"),
    )
    _index("ix_replays_running", "replays", "updated_ms", where="status = 'running'")
    _index("ix_replays_subscription", "replays", "subscription_no")
    _index("ix_replays_withdrawing", "replays", "no", where="withdrawing IS NOT NULL")


def _create_ledger() -> None:
    op.create_table(
        "deliveries",
        sa.Column("position", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("subscription_no", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("status", sa.String(12), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("round_start", sa.Integer(), nullable=False, server_default=sa.text("0")),
        sa.Column("last_status_code", sa.Integer()),
        sa.Column("due_ms", sa.BigInteger()),
        sa.Column("claimed_by", sa.String(40)),
        sa.Column("claim", sa.Integer(), nullable=False),
        sa.Column("replay_no", sa.BigInteger()),
        sa.Column("updated_ms", sa.BigInteger(), nullable=False),
        sa.Column("order_key", sa.BigInteger()),
        sa.Column("order_shard", sa.SmallInteger()),
        sa.Column("queued", sa.SmallInteger()),
        sa.Column("status_before", sa.String(12)),
        postgresql_with=dict.fromkeys(_AUTOVACUUM, 0.01),
    )
    _index("ix_deliveries_claimed", "deliveries", "claimed_by", where="claimed_by IS NOT NULL")
    _index("ix_deliveries_replay", "deliveries", "replay_no", "status", where="replay_no IS NOT NULL")
    _index("ix_deliveries_subscription", "deliveries", "subscription_no", "position")
    _index(
        "ix_deliveries_stuck",
        "deliveries",
        "subscription_no",
        "status",
        "position",
        where="status IN ('exhausted', 'rejected', 'held') AND queued IS NULL",
    )
    _index("ix_deliveries_due", "deliveries", "due_ms", where=_FREE)
    _index("ix_deliveries_queue", "deliveries", "subscription_no", "order_key", "position", where=_QUEUED)
    _index(
        "ix_deliveries_front",
        "deliveries",
        "subscription_no",
        "order_key",
        "queued",
        "position",
        where=f"{_QUEUED} AND queued IS NULL",
    )
    _index("ix_deliveries_turn", "deliveries", "order_shard", "due_ms", where=_IN_ORDER)
    _index(
        "ix_deliveries_paced",
        "deliveries",
        "subscription_no",
        "due_ms",
        where="order_shard IS NOT NULL AND order_key IS NULL AND due_ms IS NOT NULL",
    )
    _index("ix_deliveries_open", "deliveries", "subscription_no", "position", where=_OPEN)
    _index("ix_deliveries_free", "deliveries", "subscription_no", "due_ms", where=_FREE)
    _index("ix_deliveries_ordered", "deliveries", "subscription_no", "due_ms", where=_IN_ORDER)
    op.create_table(
        "attempts",
        sa.Column("position", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("subscription_no", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("number", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("started_ms", sa.BigInteger(), nullable=False),
        sa.Column("duration_ms", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.String(12), nullable=False),
        sa.Column("status_code", sa.Integer()),
        sa.Column("response_body", sa.Text()),
        sa.Column("error", sa.Text()),
        sa.Column("sent_twice", sa.Boolean()),
        sa.Column("retry_after_ms", sa.BigInteger()),
    )


def _create_workers() -> None:
    op.create_table(
        "shards",
        sa.Column("shard", sa.SmallInteger(), primary_key=True, autoincrement=False),
        sa.Column("cursor", sa.BigInteger(), nullable=False),
        sa.Column("holder", sa.String(40)),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("lease_until_ms", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "shard_parts",
        sa.Column("shard", sa.SmallInteger(), primary_key=True, autoincrement=False),
        sa.Column("part", sa.SmallInteger(), primary_key=True, autoincrement=False),
        sa.Column("cursor", sa.BigInteger(), nullable=False),
        sa.Column("holder", sa.String(40)),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("lease_until_ms", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "workers",
        sa.Column("id", sa.String(40), primary_key=True),
        sa.Column("heartbeat_ms", sa.BigInteger(), nullable=False),
        sa.Column("draining", sa.Boolean(), nullable=False),
        sa.Column("lock_no", sa.BigInteger()),
    )


def _index(name: str, table: str, *columns: str, where: str | None = None, unique: bool = False) -> None:
    condition = sa.text(where) if where else None
    op.create_index(
        name, table, [*columns], unique=unique, postgresql_where=condition, sqlite_where=condition
    )
