"""The tables of the core. Times are Unix milliseconds (``…_ms``), taken from the database's clock.

Only migrations create the indexes. A migration sets how often PostgreSQL vacuums and analyzes ``deliveries``.
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    text,
)

from trunkline.store.dialects import SERIAL

metadata = MetaData()
"""The metadata of all tables; ``side_tables`` adds others."""

stream_head = Table(
    "stream_head",
    metadata,
    Column("id", SmallInteger, primary_key=True),
    Column("position", BigInteger, nullable=False),
    Column("accepted_ms", BigInteger, nullable=False),
    Column("companies_version", BigInteger, nullable=False, server_default=text("0")),
    Column("timeline", String(8)),
    Column("companies_after", BigInteger, nullable=False, server_default=text("0")),
)
"""One row: the newest position. Its row lock keeps the log in order.

*companies_version* counts changes of companies. It is in this row so that an append can check, at no extra cost,
whether cached references are still valid. *timeline* is the PostgreSQL timeline of the last append, null if the server
does not show it. New companies have ids above *companies_after* (``store.epochs``).
"""

retention = Table(
    "retention",
    metadata,
    Column("id", SmallInteger, primary_key=True),
    Column("edge", BigInteger, nullable=False),
)
"""One row: the newest removed position, 0 if none was removed.

Events up to this position are kept only for deliveries that are still open. This table is separate from
``stream_head``, whose row lock is for appends.
"""

clock = Table(
    "clock",
    metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("now_ms", BigInteger, nullable=False),
    Column("boot_id", String(40), nullable=False),
    Column("up_ms", BigInteger, nullable=False),
    Column("step_ms", BigInteger),
    Column("steady_ms", BigInteger, nullable=False),
)
"""One row: the last reading of the database's clock, and how far it is trusted (``runtime.steadiness``)."""

events = Table(
    "events",
    metadata,
    Column("position", SERIAL, primary_key=True, autoincrement=False),
    Column("company_id", BigInteger, nullable=False),
    Column("type", String(200), nullable=False),
    Column("shard", SmallInteger, nullable=False),
    Column("accepted_ms", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("version", SmallInteger),
    Column("traceparent", String(55)),
)
"""The log.

*version* is the version of the event's type that validated it; null stands for 1. *traceparent* is the trace context in which
the event was accepted (``model.trace_context``), null if there was none.
"""

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("namespace", BigInteger, primary_key=True, autoincrement=False),
    Column("key", String(255), primary_key=True),
    Column("fingerprint", LargeBinary(32), nullable=False),
    Column("first_position", BigInteger, nullable=False),
    Column("count", Integer, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
)
"""Idempotency keys of event writes.

*namespace* is the company of the API key that sent the request; 0 means an operator's key.
"""

operation_keys = Table(
    "operation_keys",
    metadata,
    Column("namespace", BigInteger, primary_key=True, autoincrement=False),
    Column("key", String(255), primary_key=True),
    Column("fingerprint", LargeBinary(32), nullable=False),
    Column("holder", String(40)),
    Column("lease_until_ms", BigInteger),
    Column("status", SmallInteger),
    Column("body", LargeBinary),
    Column("created_ms", BigInteger, nullable=False),
)
"""Idempotency keys of actions. *namespace* is the company that the action was for.

*status* is null while the action runs. *holder* and *lease_until_ms* are set if the action runs outside the transaction that
stores its answer.
"""

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("company_id", BigInteger, nullable=False),
    Column("name", Text, nullable=False),
    Column("scopes", Text, nullable=False),
    Column("digest", LargeBinary(32), nullable=False, unique=True),
    Column("last4", String(4), nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("last_used_ms", BigInteger),
    Column("revoked_ms", BigInteger),
    Column("pins", Text),
    Column("pepper", String(16)),
    Column("expires_ms", BigInteger),
    Column("networks", Text),
    Column("created_by", Text),
    Column("created_by_kind", String(20)),
)
"""API keys. *company_id* is 0 for an operator's key; *scopes* is a JSON array.

*pins* is the JSON of the versions of event types that the key reads (``schemas.versions.Pins``), null if all are 1;
subscriptions and replays have this column, too. *pepper* names the pepper of *digest* (``Vault.pepper_id``), null if an earlier
version made the key. *expires_ms* is null if the key does not expire; *networks* is a JSON array, null if the key may be used
from anywhere. *created_by* and *created_by_kind*, here and in subscriptions, name the maker (``Principal.id``,
``Principal.kind``); null if not known.
"""

subscriptions = Table(
    "subscriptions",
    metadata,
    Column("no", SERIAL, primary_key=True, autoincrement=True),
    Column("id", String(40), nullable=False, unique=True),
    Column("company_id", BigInteger, nullable=False),
    Column("channel", String(40), nullable=False),
    Column("target_url", Text, nullable=False),
    Column("event_types", Text, nullable=False),
    Column("filter", Text),
    Column("description", Text),
    Column("signature", String(20), nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("status", String(20), nullable=False),
    Column("disabled_reason", Text),
    Column("disabled_ms", BigInteger),
    Column("start_position", BigInteger, nullable=False),
    Column("resume_position", BigInteger),
    Column("failures", Integer, nullable=False, server_default=text("0")),
    Column("failing_since_ms", BigInteger),
    Column("failing_ms", BigInteger),
    Column("failed_ms", BigInteger),
    Column("created_ms", BigInteger, nullable=False),
    Column("updated_ms", BigInteger, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("pins", Text),
    Column("ordering", JSON(none_as_null=True)),
    Column("timeout_seconds", Float),
    Column("retry", JSON(none_as_null=True)),
    Column("max_in_flight", Integer),
    Column("rate", String(40)),
    Column("name", String(100)),
    Column("holder", Text),
    Column("notes", JSON(none_as_null=True)),
    Column("expires_ms", BigInteger),
    Column("target", JSON(none_as_null=True)),
    Column("gap_position", BigInteger),
    Column("defaults", JSON(none_as_null=True)),
    Column("created_by", Text),
    Column("created_by_kind", String(20)),
    Column("failing_level", SmallInteger),
    Column("told_ms", BigInteger),
    sqlite_autoincrement=True,  # numbers are not reused, because ids of deliveries contain them
)
"""Subscriptions.

*event_types* and *filter* are JSON. *sealed* is the encrypted JSON of secrets and headers, and of the secrets of
*target*. *version* is the routing version of the last change. The live reader serves events after *start_position*;
*resume_position* is the position at which a paused or disabled subscription stopped. A row with the status ``deleted``
is kept because deliveries refer to its number.

*name*, *holder*, *notes* and *expires_ms* are the terms of a subscription that its holder renews (``contract.Terms``);
a deleted one has no name. Such a subscription does not get the events that it missed up to *gap_position*, which is set
until the holder has been notified.

*defaults* is a copy of the company's *delivery*. *failing_ms* is how long processes have seen the subscription fail,
null if it does not fail. *failed_ms* is the time of its last failure. *failing_level* is set if the subscription is
failing (``model.health``), and *told_ms* is the time of the last operational event that reported the failures.
"""

routing = Table(
    "routing",
    metadata,
    Column("id", SmallInteger, primary_key=True),
    Column("version", BigInteger, nullable=False),
)
"""One row: a counter of changes of subscriptions, which shows a dispatcher that its routing table is stale."""

deliveries = Table(
    "deliveries",
    metadata,
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("subscription_no", BigInteger, primary_key=True, autoincrement=False),
    Column("status", String(12), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("round_start", Integer, nullable=False, server_default=text("0")),
    Column("last_status_code", Integer),
    Column("due_ms", BigInteger),
    Column("claimed_by", String(40)),
    Column("claim", Integer, nullable=False),
    Column("replay_no", BigInteger),
    Column("updated_ms", BigInteger, nullable=False),
    Column("order_key", BigInteger),
    Column("order_shard", SmallInteger),
    Column("queued", SmallInteger),
    Column("status_before", String(12)),
)
"""Deliveries.

*due_ms* is the time from which a pending delivery may be claimed, or at which its claim lapses; null if neither
applies. *claim* counts claims, so that a worker that lost its claim cannot settle the delivery. *replay_no* is the last
replay that requested the delivery. *round_start* is the number of attempts before this replay, so that a replayed
delivery gets the whole retry schedule again. *status_before* is the status before this replay, null if the replay
created the delivery.

Deliveries with the same *order_key* (null if the subscription has no ordering) are made one after the other by the holder of
the shard *order_shard*; *queued* is 1 if a delivery waits for an earlier one (``store.ordering``). Paced deliveries have an
*order_shard* without a key: only the holder of this shard makes them (``store.paced``).
"""

unsettled = Table(
    "unsettled",
    metadata,
    Column("subscription_no", BigInteger, primary_key=True, autoincrement=False),
    Column("change", String(8), nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("last", BigInteger, nullable=False),
)
"""Subscriptions with open deliveries, after *position* and up to *last*, that still need the *change* (``store.open_deliveries``)."""

unreleased = Table(
    "unreleased",
    metadata,
    Column("subscription_no", BigInteger, primary_key=True, autoincrement=False),
    Column("order_key", BigInteger, nullable=False),
)
"""Subscriptions with order keys that must still be released: *order_key* and all higher keys (``store.releasing``)."""

attempts = Table(
    "attempts",
    metadata,
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("subscription_no", BigInteger, primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("started_ms", BigInteger, nullable=False),
    Column("duration_ms", Integer, nullable=False),
    Column("outcome", String(12), nullable=False),
    Column("status_code", Integer),
    Column("response_body", Text),
    Column("error", Text),
    Column("retry_after_ms", BigInteger),
    Column("sent_twice", Boolean),
    Column("response_headers", Text),
)


def _leased(name: str, *keys: str) -> Table:
    """Make a table of rows that workers lease (``store.shards``)."""
    return Table(
        name,
        metadata,
        *(Column(key, SmallInteger, primary_key=True, autoincrement=False) for key in keys),
        *(Column(name, BigInteger, nullable=False) for name in ("cursor", "epoch", "lease_until_ms")),
        Column("holder", String(40)),
        *(Column(name, BigInteger) for name in ("stretch_end", "live_cursor")),
    )


shards = _leased("shards", "shard")
"""Shards: the ledger has all events of a shard up to *cursor*.

*epoch* grows with each new holder, and fences the writes of the previous holder. While the holder catches up, the
ledger also has all events after *stretch_end* up to *live_cursor*; otherwise both are null.
"""

shard_parts = _leased("shard_parts", "shard", "part")
"""The parts of a divided shard (``model.parts``); the shard's row in ``shards`` is then out of use."""

replays = Table(
    "replays",
    metadata,
    Column("no", SERIAL, primary_key=True, autoincrement=True),
    Column("id", String(40), nullable=False, unique=True),
    Column("subscription_no", BigInteger, nullable=False),
    Column("company_id", BigInteger, nullable=False),
    Column("kind", String(12), nullable=False),
    Column("event_types", Text),
    Column("position", BigInteger, nullable=False),
    Column("end_position", BigInteger, nullable=False),
    Column("matched", BigInteger, nullable=False),
    Column("delivered", BigInteger),
    Column("status", String(12), nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("updated_ms", BigInteger, nullable=False),
    Column("pins", Text),
    Column("withdrawing", SmallInteger),
)
"""Replays: bounded second readers of the log. Events after *position* up to *end_position* have not been read yet.

*kind* is ``missed`` (events that the ledger does not have yet), ``all`` or ``failed``. *delivered* is set when the
replay ends. *pins* is null if the replay uses its subscription's versions. *withdrawing* is 1 if the replay was
cancelled and has deliveries to withdraw.
"""

workers = Table(
    "workers",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("heartbeat_ms", BigInteger, nullable=False),
    Column("draining", Boolean, nullable=False),
    Column("lock_no", BigInteger),
)
"""The workers that send heartbeats.

*lock_no* is the number of a worker's lock (``store.worker_locks``), null if the server does not show the lock.
"""

companies = Table(
    "companies",
    metadata,
    Column("company_id", BigInteger, primary_key=True, autoincrement=False),
    Column("limits", Text, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("updated_ms", BigInteger, nullable=False),
    Column("reference", String(128)),
    Column("name", Text),
    Column("time_zone", String(64)),
    Column("metadata", Text),
    Column("alert_recipients", Text),
    Column("erasure", String(40)),
    Column("delivery", JSON(none_as_null=True)),
)
"""One row for each company that was created, changed, or is being erased.

*limits* is a JSON object of the limits that the operator set; *metadata* and *alert_recipients* are JSON, too. *erasure* is the
id of the erasure that removes the company. *delivery* has the delivery settings for subscriptions without their own, in both
environments; null if the deployment's settings apply.
"""

erasures = Table(
    "erasures",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("company_id", BigInteger, nullable=False),
    Column("removed", Text, nullable=False),
    Column("holder", String(40)),
    Column("lease_until_ms", BigInteger),
    Column("created_ms", BigInteger, nullable=False),
    Column("updated_ms", BigInteger, nullable=False),
    Column("completed_ms", BigInteger),
)
"""Removals of all rows of a company. *removed* is a JSON object of the numbers of removed rows by table. Rows are kept."""
