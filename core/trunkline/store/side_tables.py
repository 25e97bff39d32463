"""The tables beside the log and the ledger: consumers, quarantine, health, audit log, secrets, registered event types."""

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, String, Table, Text, text

from trunkline.model.health import BOUNDS_MS
from trunkline.store.dialects import SERIAL
from trunkline.store.tables import metadata

consumers = Table(
    "consumers",
    metadata,
    Column("no", SERIAL, primary_key=True, autoincrement=True),
    Column("company_id", BigInteger, nullable=False),
    Column("name", String(100), nullable=False),
    Column("event_types", Text, nullable=False),
    Column("filter", Text),
    Column("position", BigInteger, nullable=False),
    Column("cursor", BigInteger, nullable=False),
    Column("leases", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("updated_ms", BigInteger, nullable=False),
    Column("committed_ms", BigInteger),
    sqlite_autoincrement=True,  # numbers are not reused, because a process may remember a deleted consumer
)
"""Readers of the log whose cursors the hub keeps (``model.reach``).

*event_types*, *filter* and *leases* are JSON. *cursor* is computed from *position* and *leases*. *version* counts the
changes of the row; each change must name the version that it read.
"""

quarantine = Table(
    "quarantine",
    metadata,
    Column("no", SERIAL, primary_key=True, autoincrement=True),
    Column("id", String(40), nullable=False, unique=True),
    Column("company_id", BigInteger, nullable=False),
    Column("type", String(200), nullable=False),
    Column("version", Integer),
    Column("created_utc", String(40), nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("metadata", LargeBinary, nullable=False),
    Column("position", BigInteger),
    Column("received_ms", BigInteger, nullable=False),
    Column("updated_ms", BigInteger, nullable=False),
)
"""Events that are not in the log because their payload does not fit its schema.

*payload* and *metadata* are compact JSON as received. *version* is the version of the event type that the sender named,
if any. *position* is the log position of a released event; the payload of such an event is only in the log.
"""

quarantine_answers = Table(
    "quarantine_answers",
    metadata,
    Column("namespace", BigInteger, primary_key=True, autoincrement=False),
    Column("key", String(255), primary_key=True),
    Column("body", LargeBinary, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
)
"""The answers about quarantined events, by idempotency key (``idempotency_keys``)."""

health_hours = Table(
    "health_hours",
    metadata,
    Column("subscription_no", BigInteger, primary_key=True, autoincrement=False),
    Column("hour", Integer, primary_key=True, autoincrement=False),
    Column("failed", Integer, nullable=False),
    *(Column(f"within_{bound}", Integer, nullable=False, server_default=text("0")) for bound in BOUNDS_MS),
)
"""Counts of a subscription's attempts in one *hour* (since 1970): failed ones, and delivered ones by duration."""

news = Table(
    "news",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("type", String(40), nullable=False),
    Column("company_id", BigInteger, nullable=False),
    Column("payload", LargeBinary, nullable=False),
)
"""Operational events that wait to be appended to the log, in the order of their ids (``store.operational``)."""

gathered = Table(
    "gathered",
    metadata,
    Column("type", String(40), primary_key=True),
    Column("company_id", BigInteger, primary_key=True, autoincrement=False),
    Column("subject", String(200), primary_key=True),
    Column("minute", BigInteger, primary_key=True, autoincrement=False),
    Column("count", Integer, nullable=False),
    Column("first_position", BigInteger),
    Column("last_position", BigInteger),
)
"""The counts for one operational event of *type*.

*subject* is the number of a subscription whose deliveries are counted, or the event type of the counted events.
"""

told = Table(
    "told",
    metadata,
    Column("type", String(40), primary_key=True),
    Column("subject", String(300), primary_key=True),
    Column("company_id", BigInteger, nullable=False),
    Column("told_ms", BigInteger, nullable=False),
)
"""Conditions that still last and that an operational event has reported; the row prevents a second report."""

audit = Table(
    "audit",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("company_id", BigInteger),
    Column("actor", Text, nullable=False),
    Column("action", String(60), nullable=False),
    Column("target", Text, nullable=False),
    Column("from_address", Text),
    Column("before", Text),
    Column("after", Text),
    Column("request_id", String(64)),
    Column("content", LargeBinary(32), nullable=False),
    Column("hash", LargeBinary(32), nullable=False),
)
"""Audited changes: append-only, numbered without gaps.

*request_id* is the ``X-Request-Id`` of the call, null if there was none. *content* is the hash of *from_address*,
*before*, *after* and *request_id*. An erasure removes these four values, but not their hash. *hash* covers the other
columns and the previous hash (``store.audit_log``).
"""

secret_checks = Table(
    "secret_checks",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("value", LargeBinary, nullable=False),
)
"""A known text, encrypted with the encryption key and digested with the pepper.

It shows at the start whether the secrets are wrong.
"""

event_types = Table(
    "event_types",
    metadata,
    Column("name", String(200), primary_key=True),
    Column("revision", Integer, primary_key=True, autoincrement=False),
    Column("schema_json", Text, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
)
"""Event types registered over the API. Each revision of a schema is a row that never changes; the newest revision applies."""
