"""The privileges of a PostgreSQL role: whether the role may write, and how many connections it may open."""

from collections.abc import Sequence

import sqlalchemy
from msgspec import Struct

from trunkline.store.connection import Connection

_SESSION = sqlalchemy.text(
    "SELECT current_user, current_schema(), pg_is_in_recovery(), current_setting('default_transaction_read_only') = 'on'"
)
_LACKING = sqlalchemy.text(
    "SELECT privilege, min(relname), count(*) FROM pg_class, unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) "
    "WITH ORDINALITY AS p (privilege, place) WHERE relnamespace = to_regnamespace(quote_ident(current_schema())) "
    "AND relname = ANY (:tables) AND NOT has_table_privilege(pg_class.oid, privilege) GROUP BY privilege, place ORDER BY place"
).bindparams(sqlalchemy.bindparam("tables", type_=sqlalchemy.ARRAY(sqlalchemy.Text)))
_ROOM = sqlalchemy.text("""
    WITH sessions AS ( -- backend_type is NULL for sessions of other roles
        SELECT datid, usesysid FROM pg_stat_activity WHERE COALESCE(backend_type, 'client backend') = 'client backend'
            AND datid IS NOT NULL AND usesysid IS NOT NULL AND pid <> pg_backend_pid()
    ),
    limits AS (
        SELECT CAST(current_setting('max_connections') AS int) - CAST(current_setting('superuser_reserved_connections') AS int)
            - COALESCE(CAST(current_setting('reserved_connections', true) AS int), 0) AS most, (SELECT count(*) FROM sessions) AS taken
        UNION ALL SELECT rolconnlimit, (SELECT count(*) FROM sessions WHERE usesysid = r.oid)
            FROM pg_roles AS r WHERE rolname = current_user AND rolconnlimit >= 0
        UNION ALL SELECT datconnlimit, (SELECT count(*) FROM sessions WHERE datid = d.oid)
            FROM pg_database AS d WHERE datname = current_database() AND datconnlimit >= 0
    ) SELECT min(most), min(most - taken) FROM limits
""")


class ConnectionRoom(Struct, frozen=True):
    """*most* is the number of connections that the hub's role may open, and *free* is how many of them are free."""

    most: int
    free: int


class ReadOnly(Struct, frozen=True):
    """The reason why the hub's rows are read-only, and the *remedy*; both are clauses in lower case without a period."""

    reason: str
    remedy: str

    @property
    def sentence(self) -> str:
        """The reason and the remedy as a sentence for the operator."""
        return f"{self.reason[:1].upper()}{self.reason[1:]}: {self.remedy}."


async def why_read_only(connection: Connection, tables: Sequence[str]) -> ReadOnly | None:
    """Find out why the role of *connection* cannot write rows of *tables*, and the remedy; None if it can write them.

    The function only reads, and skips missing tables.
    """
    role, schema, is_standby, is_read_only = (await connection.execute(_SESSION)).one()
    if is_standby:
        return ReadOnly(
            "the database's server is a standby, which takes no writes",
            "name the primary in database.url; of several hosts 'target_session_attrs=read-write' takes it",
        )
    if is_read_only:
        return ReadOnly(
            f"the database's role '{role}' is read-only here, as default_transaction_read_only is on",
            f"run 'ALTER ROLE {role} SET default_transaction_read_only = off', or name another role in database.url",
        )
    lacking = (await connection.execute(_LACKING, {"tables": list(tables)})).all()
    if not lacking:
        return None
    privileges = ", ".join(privilege for privilege, _, _ in lacking)
    state = "lacks privileges" if "SELECT" in privileges else "is read-only"
    _, table, count = lacking[-1]
    others = f" and {count - 1} more" if count > 1 else ""
    return ReadOnly(
        f"the database's role '{role}' {state} (no {privileges} on '{table}'{others} in the schema '{schema}')",
        f"run 'GRANT {privileges} ON ALL TABLES IN SCHEMA {schema} TO {role}' as the owner of the tables, "
        "or name the owner in database.url",
    )


async def connection_room(connection: Connection) -> ConnectionRoom:
    """Apply the lowest of three limits: of the server (less reserved connections), of the database, and of the role."""
    most, free = (await connection.execute(_ROOM)).one()
    return ConnectionRoom(most=int(most), free=max(int(free), 0))
