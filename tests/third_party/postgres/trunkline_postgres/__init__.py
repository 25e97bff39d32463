"""A channel that writes each event as a row into a table of a customer's PostgreSQL."""

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
from trunkline import Outcome, Result

SECONDS = 4
"""How long an attempt takes at most."""
AT_ONCE = 16
"""Connections that one company has at one server: a server has few."""
COLUMNS = ("id", "type", "event")
REASONS = {
    "password authentication failed": "does not know this user and password",
    "does not exist": "has no database of this name",
    "42501": "does not let this user write to the table",
    "42703": "has the table without the columns id, type and event",
    "42P01": "has no table of this name",
    "53100": "has no space left",
}
"""What an error is called, by its SQLSTATE, or by its words where there is no connection; they may repeat what was sent."""


class Table(BaseModel):
    """A table in PostgreSQL, with the columns id (text), type (text) and event (json)."""

    host: str = Field(title="Host", description="of your PostgreSQL", examples=["db.example.com"])
    port: int = Field(default=5432, title="Port", ge=1, le=65535)
    tls: bool = Field(default=True, title="TLS", description="encrypt, and check the server's certificate")
    database: str = Field(title="Database", examples=["crm"])
    table: str = Field(
        default="trunkline_events",
        title="Table",
        description="with the columns id, type and event; a schema may stand before it",
        pattern=r"^([A-Za-z_]\w{0,62}\.)?[A-Za-z_]\w{0,62}$",
    )
    user: str = Field(title="User", examples=["trunkline"])
    password: SecretStr = Field(title="Password")


Turns = WeakValueDictionary[tuple[int, str, int], asyncio.Semaphore]
Way = tuple[trunkline.Network, Turns]
FAILURES = (psycopg.Error, trunkline.AddressRefused, OSError)


async def deliver(way: Way, push: trunkline.Push[Table], _: object) -> Result:
    """Insert the row; where the table has a unique key, an attempt that is made again changes nothing."""
    values = (push.event_id, push.event_type, push.body.decode())
    statement = sql.SQL("INSERT INTO {} ({}) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING")
    try:
        async with asyncio.timeout(SECONDS), connected(way, push.target) as connection:
            rows = (await connection.execute(filled(statement, push.target), values)).rowcount
    except FAILURES as error:
        return Result(Outcome.RETRY, error=reason(error))
    return Result(Outcome.DELIVERED, response_body=f"{rows} row" if rows else "the row was there already")


async def check(way: Way, target: trunkline.Target[Table]) -> str | None:
    """Sign in, and look for the table and its columns."""
    statement = sql.SQL("INSERT INTO {0} ({1}) SELECT {1} FROM {0} WHERE false")
    try:
        async with asyncio.timeout(SECONDS), connected(way, target) as connection:
            await connection.execute(filled(statement, target))
    except FAILURES as error:
        return reason(error)
    return None


@trunkline.hookimpl
def register_channels(context: trunkline.PluginContext) -> Sequence[trunkline.Channel]:
    """Give the channel; calls, form and checks come from ``Table``."""
    about = "Writes each event as a row into a table of your PostgreSQL."
    way = (context.network, Turns())
    made, tried = partial(deliver, way), partial(check, way)
    return [trunkline.Channel("postgres", "PostgreSQL", about, made, target=Table, check_connection=tried)]


def filled(statement: sql.SQL, target: trunkline.Target[Table]) -> sql.Composed:
    """Write the names of the table and its columns into *statement*."""
    columns = sql.SQL(", ").join(map(sql.Identifier, COLUMNS))
    return statement.format(sql.Identifier(*target.config.table.split(".")), columns)


@asynccontextmanager
async def connected(way: Way, target: trunkline.Target[Table]) -> AsyncGenerator[psycopg.AsyncConnection]:
    """Connect to an address that was judged; the name is only what the certificate must be for."""
    (network, turns), table = way, target.config
    addresses = await network.addresses(table.host, table.port, company_id=target.company_id)
    tls = {"sslmode": "verify-full", "sslrootcert": "system"} if table.tls else {"sslmode": "disable"}
    who = {"user": table.user, "password": table.password.get_secret_value(), "dbname": table.database}
    place = make_conninfo(host=table.host, hostaddr=addresses[0], port=table.port, **who, **tls)
    turn = turns.setdefault((target.company_id, table.host, table.port), asyncio.Semaphore(AT_ONCE))
    async with turn, await psycopg.AsyncConnection.connect(place, autocommit=True) as connection:
        yield connection


def reason(error: Exception) -> str:
    """Say what went wrong, for the delivery log: no word of what was sent."""
    if isinstance(error, trunkline.AddressRefused):
        return "address_refused"
    code = error.sqlstate if isinstance(error, psycopg.Error) else None
    known = next((told for sign, told in REASONS.items() if sign in (code or str(error))), None)
    if known is None and code is None:
        return f"no connection to PostgreSQL: {type(error).__name__}"
    return f"PostgreSQL {known or f'refused it with SQLSTATE {code}'}"
