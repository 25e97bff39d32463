"""The table of named consumers."""

from sqlalchemy import BigInteger, Column, Index, String, Table, Text

from trunkline.store.dialects import SERIAL
from trunkline.store.quarantine_tables import metadata

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
    Index("ix_consumers_name", "company_id", "name", unique=True),
    Index("ix_consumers_cursor", "cursor"),
    sqlite_autoincrement=True,  # numbers are not reused, because a process may remember a deleted consumer
)
"""Readers of the log whose cursors the hub keeps (``model.reach``).

*event_types*, *filter* and *leases* are JSON. *cursor* is computed from *position* and *leases*. *version* counts the
changes of the row; each change must name the version that it read.
"""
