"""Why a PostgreSQL server lets a role only read: it is a standby, sessions are read-only, or a privilege is to be granted."""

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy
from sqlalchemy.ext.asyncio import AsyncConnection

_SESSION = sqlalchemy.text(
    "SELECT current_user, current_schema(), pg_is_in_recovery(), current_setting('default_transaction_read_only') = 'on'"
)
_LACKING = sqlalchemy.text(
    "SELECT privilege, min(relname), count(*) FROM pg_class, unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) "
    "WITH ORDINALITY AS p (privilege, place) WHERE relnamespace = to_regnamespace(quote_ident(current_schema())) "
    "AND relname = ANY (:tables) AND NOT has_table_privilege(pg_class.oid, privilege) GROUP BY privilege, place ORDER BY place"
).bindparams(sqlalchemy.bindparam("tables", type_=sqlalchemy.ARRAY(sqlalchemy.Text)))


@dataclass(frozen=True, slots=True)
class ReadOnly:
    """Why the hub's rows can only be read, and the *remedy*: clauses that begin small and have no full stop."""

    reason: str
    remedy: str

    @property
    def sentence(self) -> str:
        """Both, for whoever runs the hub."""
        return f"{self.reason[:1].upper()}{self.reason[1:]}: {self.remedy}."


async def why_read_only(connection: AsyncConnection, tables: Sequence[str]) -> ReadOnly | None:
    """Say why the role of *connection* cannot write rows of *tables*, and what to grant; None where it can.

    It only reads, and passes over tables that are not there.
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
