"""Connects to a PostgreSQL server, for the pool and for LISTEN; supports several hosts and TLS."""

import contextlib
import os
import ssl
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import asyncpg

from trunkline import oldest
from trunkline.errors import DatabaseTooOld, DatabaseUnfit, StoreUnavailable
from trunkline.runtime import shortages
from trunkline.store import libpq, poolers
from trunkline.store.failures import first_line, unavailable

_TOO_MANY = (
    "raise max_connections of PostgreSQL, or the limit of the role or the database, or lower database.pool_size; each process "
    "of the hub takes up to 18 more than that"
)
_NOT_MATCHED = asyncpg.TargetServerAttributeNotMatched
CONNECTING_ERRORS = (
    OSError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    _NOT_MATCHED,
)
"""The errors that the driver raises while it connects, internal ones if it is cut off; later errors are those of SQLAlchemy."""
_NEXT_HOST = (OSError, asyncpg.CannotConnectNowError, _NOT_MATCHED)
"""Errors after which the next host is tried, as in libpq. After a refused login, no further host is tried."""
_TIMEOUT_SECONDS = 5
_UTF8 = "UTF8"
_END_WITH_CLIENT = (
    "SELECT set_config('client_connection_check_interval', '2s', false) WHERE pg_backend_pid() = $1"
)
"""Makes the server end a statement whose client has closed the connection, for example one that waits for a lock.

Without it, statements of closed connections use up ``max_connections`` while they wait, and then store what was given up.
A pooler's connection, which has another number, is left alone, since others use it too.
"""


class Server:
    """The server at *url*. If *schema* is given, tables are found and created only in this schema. Raises SettingsInvalid."""

    def __init__(self, url: str, *, schema: str | None = None) -> None:
        self._found = found = libpq.parameters(url)
        ports = [int(port) if port else None for port in found.get("port", "").split(",")]
        hosts = found["host"].split(",") if "host" in found else [None]
        self._hosts = list(zip(hosts, ports, strict=True))  # None: the driver decides
        self._settings = {name: found[name] for name in libpq.TO_SERVER if name in found}
        if schema is not None:
            self._settings["search_path"] = schema

    async def connect(self, **options: Any) -> Any:
        """Connect to the first host that answers and meets the URL's requirements, with *options* for the driver.

        The timeout applies to each host.

        Raises:
            StoreUnavailable: no host answered as required; the message names each with its reason.
            WritesRefused: the server's disk is too full for a new connection.
            DatabaseUnfit: a pooler refuses ``database.schema``, or the database's encoding is not UTF-8.
            DatabaseTooOld: the server is older than ``oldest.POSTGRESQL``.
        """
        failures: list[str] = []
        wanted = self._found.get("target_session_attrs") or os.environ.get("PGTARGETSESSIONATTRS", "any")
        # If the URL only prefers a standby, the second round accepts any host.
        rounds = ("standby", "any") if wanted == "prefer-standby" else (wanted,)
        for attributes in rounds:
            failures.clear()
            for host, port in self._hosts:
                try:
                    return await self._connect_to(host, port, attributes, options)
                except asyncpg.DiskFullError as error:
                    raise unavailable(error) from error
                except asyncpg.ProtocolViolationError as error:
                    if "startup parameter: search_path" in str(error):  # a pooler refuses it
                        raise poolers.SchemaDropped(self._settings["search_path"]) from error
                    msg = f"{_name(host, port)}: {first_line(error)}"
                    raise StoreUnavailable(msg) from error
                except CONNECTING_ERRORS as error:
                    failures.append(f"{_name(host, port)}: {_reason(error, attributes)}")
                    if not isinstance(error, _NEXT_HOST):
                        raise StoreUnavailable(failures[-1]) from error
        raise StoreUnavailable("; ".join(failures))

    async def _connect_to(
        self, host: str | None, port: int | None, attributes: str, options: Mapping[str, Any]
    ) -> Any:
        found = self._found
        driver = {name: found[name] for name in libpq.TO_DRIVER if name in found}
        context = _of_system(driver) if driver.get("sslrootcert") == libpq.SYSTEM else None
        seconds = int(found.get("connect_timeout", _TIMEOUT_SECONDS))
        connection = await asyncpg.connect(
            f"postgresql://?{urlencode(driver)}" if driver else "postgresql://",
            host=host,
            port=port,
            user=found.get("user"),
            password=found.get("password"),
            database=found.get("dbname"),
            ssl=context,
            server_settings=self._settings or None,
            target_session_attrs=attributes,
            timeout=seconds,
            **options,
        )
        if (version := connection.get_server_version()).major < oldest.POSTGRESQL:
            connection.terminate()
            server = f"The PostgreSQL server at {_name(host, port)}"
            raise DatabaseTooOld(
                server,
                found=f"{version.major}.{version.minor}",
                oldest=str(oldest.POSTGRESQL),
                remedy="upgrade it, or name another one in database.url",
            )
        if (encoding := getattr(connection.get_settings(), "server_encoding", _UTF8)) != _UTF8:
            connection.terminate()
            msg = (
                f"The database '{found.get('dbname')}' at {_name(host, port)} has the encoding {encoding}, and the hub stores any "
                f"text: make one with CREATE DATABASE name ENCODING 'UTF8' TEMPLATE template0, and name it in database.url."
            )
            raise DatabaseUnfit(msg)
        try:
            with contextlib.suppress(asyncpg.InvalidParameterValueError):  # a server on Windows
                # A pooler lets a client in before it has a connection for it.
                await connection.fetchrow(_END_WITH_CLIENT, connection.get_server_pid(), timeout=seconds)
        except BaseException:
            connection.terminate()  # the event loop of a cancelled caller would never close with it
            raise
        return connection


def _of_system(driver: dict[str, str]) -> ssl.SSLContext:
    """Make a TLS context that uses this machine's certificate authorities; the driver has no parameter for this.

    The parameters that the context replaces are removed from *driver*.
    """
    context = ssl.create_default_context()
    context.set_alpn_protocols(["postgresql"])
    certificate, key = driver.pop("sslcert", None), driver.pop("sslkey", None)
    if certificate is not None:
        context.load_cert_chain(certificate, key, password=driver.get("sslpassword", ""))
    for name in ("sslrootcert", "sslmode", "sslpassword"):
        driver.pop(name, None)
    return context


def _name(host: str | None, port: int | None) -> str:
    if host is None:
        return os.environ.get("PGHOST", "the local server")
    return f"{f'[{host}]' if ':' in host else host}:{port}" if port else host


def _reason(error: Exception, attributes: str) -> str:
    """Return the text of *error*; if a limit was reached, the text names the limit to change."""
    if isinstance(error, _NOT_MATCHED):
        return f"the server answers, but it is not '{attributes}', as target_session_attrs asks"
    reason = first_line(error)
    if isinstance(error, asyncpg.TooManyConnectionsError):
        return f"{reason} ({_TOO_MANY})"
    if isinstance(error, OSError) and shortages.has_no_file_left():
        return f"{reason} ({shortages.NO_MORE_FILES})"
    return reason
