"""The tables of quarantined events, and the metadata to which ``tables`` adds all others."""

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, MetaData, String, Table

from trunkline.store.dialects import SERIAL

metadata = MetaData()

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
    Index("ix_quarantine_received", "received_ms"),
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
    Index("ix_quarantine_answers_created", "created_ms"),
)
"""The answers about quarantined events, by idempotency key (``idempotency_keys``)."""
