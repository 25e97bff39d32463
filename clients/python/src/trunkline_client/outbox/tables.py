"""The tables of the outbox, declared once: for your MetaData, for Django's migration, and for ``trunkline-relay --create``."""

from sqlalchemy import BigInteger, Column, Engine, Integer, MetaData, String, Table, Text
from sqlalchemy.dialects import mysql
from sqlalchemy.schema import CreateTable

_LONG = Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb")
_ID = BigInteger().with_variant(Integer, "sqlite")


def add_tables(metadata: MetaData) -> tuple[Table, Table]:
    """Declare both tables in *metadata*; return the table of events, and the table that relays share.

    An event that the hub refused has the hub's reason in *refused*, and is not sent again. The other table has one row:
    the relay that holds the lease, how often the lease was taken or renewed (*beat*), and the batch in flight with its
    idempotency key, first sending, and row ids.
    """
    return (
        Table(
            "trunkline_outbox",
            metadata,
            Column("id", _ID, primary_key=True, autoincrement=True),
            Column("event_key", String(200), nullable=False, unique=True),
            Column("event", _LONG, nullable=False),
            Column("refused", Text),
        ),
        Table(
            "trunkline_relay",
            metadata,
            Column("id", Integer, primary_key=True, autoincrement=False),
            Column("holder", String(40)),
            Column("beat", BigInteger, nullable=False),
            Column("batch", String(40)),
            Column("sent_ms", BigInteger),
            Column("row_ids", Text),
        ),
    )


def create_tables(engine: Engine) -> None:
    """Make the tables that are missing."""
    metadata = MetaData()
    add_tables(metadata)
    metadata.create_all(engine)


def create_statements(engine: Engine) -> list[str]:
    """Return the statements that make the tables in the database of *engine*."""
    return [str(CreateTable(table).compile(engine)) for table in add_tables(MetaData())]
