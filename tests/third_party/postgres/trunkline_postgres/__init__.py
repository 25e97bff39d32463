"""A channel that writes each event as a row into a table of a customer's PostgreSQL: a connection for a batch."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from weakref import WeakValueDictionary

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo
from pydantic import BaseModel, Field, SecretStr

import trunkline
from trunkline import Channel, Outcome, Result

SECONDS = 4  # time limit of a batch
AT_ONCE = 16  # limit of one company's connections to one server, because servers have few
NAME = r"^([A-Za-z_]\w{0,62}\.)?[A-Za-z_]\w{0,62}$"
INSERT = sql.SQL("INSERT INTO {} (id, type, event) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING")
TRIAL = sql.SQL("INSERT INTO {0} (id, type, event) SELECT id, type, event FROM {0} WHERE false")
REASONS = {  # by SQLSTATE, or by words if there is no connection; the words may repeat sent data
    "password authentication failed": "does not know this user and password",
    "does not exist": "has no database of this name",
    "42501": "does not let this user write to the table",
    "42703": "has the table without the columns id, type and event",
    "42P01": "has no table of this name",
    "53100": "has no space left",
}


class Table(BaseModel):
    """A table in PostgreSQL, with the columns id (text), type (text) and event (json)."""

    host: str = Field(title="Host", description="of your PostgreSQL", examples=["db.example.com"])
    port: int = Field(default=5432, title="Port", ge=1, le=65535)
    tls: bool = Field(default=True, title="TLS", description="encrypt, and check the server's certificate")
    database: str = Field(title="Database", examples=["crm"])
    table: str = Field("trunkline_events", title="Table", description="or schema.table", pattern=NAME)
    user: str = Field(title="User", examples=["trunkline"])
    password: SecretStr = Field(title="Password")


Turns = WeakValueDictionary[tuple[int, str, int], asyncio.Semaphore]
Way = tuple[trunkline.Network, Turns]
Connection = psycopg.AsyncConnection
FAILURES = (psycopg.Error, trunkline.AddressRefused, OSError)
UNFIT = (psycopg.DataError, psycopg.IntegrityError, psycopg.errors.RaiseException)


async def deliver_batch(way: Way, pushes: Sequence[trunkline.Push[Table]], _: object) -> list[Result]:
    """Insert the rows; if the table has a unique key, a repeated attempt changes nothing."""
    rows = [(push.event_id, push.event_type, push.body.decode()) for push in pushes]
    try:
        async with connected(way, pushes[0].target) as connection:
            return await insert(connection, filled(INSERT, pushes[0].target), rows)
    except FAILURES as error:
        return [Result(Outcome.RETRY, error=reason(error))] * len(pushes)


async def insert(into: Connection, statement: sql.Composed, rows: Sequence[Sequence[str]]) -> list[Result]:
    """Insert *rows* in one transaction; if the table refuses one of them, insert each separately."""
    try:
        async with into.transaction(), into.cursor() as cursor:
            await cursor.executemany(statement, rows)
            said = f"{cursor.rowcount} new of {len(rows)}"
    except UNFIT as error:
        if len(rows) > 1:
            return [(await insert(into, statement, [row]))[0] for row in rows]
        return [Result(Outcome.RETRY, error=reason(error))]
    return [Result(Outcome.DELIVERED, response_body=said)] * len(rows)


async def check(way: Way, target: trunkline.Target[Table]) -> str | None:
    """Sign in, and check the table and its columns."""
    try:
        async with connected(way, target) as connection:
            await connection.execute(filled(TRIAL, target))
    except FAILURES as error:
        return reason(error)
    return None


@trunkline.hookimpl
def register_channels(context: trunkline.PluginContext) -> Sequence[Channel]:
    """Give the channel; calls, form and checks come from ``Table``."""
    about = "Writes each event as a row into a table of your PostgreSQL."
    way = (context.network, Turns())
    test, send = partial(check, way), partial(deliver_batch, way)
    return [Channel("postgres", "PostgreSQL", about, target=Table, check_connection=test, deliver_batch=send)]


def filled(statement: sql.SQL, target: trunkline.Target[Table]) -> sql.Composed:
    """Write the name of the table into *statement*."""
    return statement.format(sql.Identifier(*target.config.table.split(".")))


@asynccontextmanager
async def connected(way: Way, target: trunkline.Target[Table]) -> AsyncGenerator[Connection]:
    """Connect to an address that the policy allows; the name is used only for the certificate."""
    (network, turns), table = way, target.config
    addresses = await network.addresses(table.host, table.port, company_id=target.company_id)
    tls = {"sslmode": "verify-full", "sslrootcert": "system"} if table.tls else {"sslmode": "disable"}
    who = {"user": table.user, "password": table.password.get_secret_value(), "dbname": table.database}
    place = make_conninfo(host=table.host, hostaddr=addresses[0], port=table.port, **who, **tls)
    turn = turns.setdefault((target.company_id, table.host, table.port), asyncio.Semaphore(AT_ONCE))
    async with turn, asyncio.timeout(SECONDS), await Connection.connect(place, autocommit=True) as connection:
        yield connection


def reason(error: Exception) -> str:
    """Describe the fault for the delivery log, without any of the sent data."""
    if isinstance(error, trunkline.AddressRefused):
        return "address_refused"
    code = error.sqlstate if isinstance(error, psycopg.Error) else None
    known = next((told for sign, told in REASONS.items() if sign in (code or str(error))), None)
    if known is None and code is None:
        return f"no connection to PostgreSQL: {type(error).__name__}"
    return f"PostgreSQL {known or f'refused it with SQLSTATE {code}'}"
