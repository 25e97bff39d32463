"""Reads the parameters of a PostgreSQL URL as libpq does, including several hosts and a service file.

https://www.postgresql.org/docs/current/libpq-connect.html. The URL overrides the service file, and both override the driver's
environment variables (``PGHOST``, ``PGPASSWORD``, ``PGSSLMODE`` and so on).
"""

import configparser
import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import parse_qsl, unquote

from trunkline.errors import SettingsInvalid

SYSTEM = "system"
"""The value of ``sslrootcert`` that stands for the certificate authorities trusted by this machine."""

_FILES = ("sslrootcert", "sslcert", "sslkey", "sslcrl")
TO_DRIVER = (
    "sslmode",
    *_FILES,
    "sslpassword",
    "sslnegotiation",
    "ssl_min_protocol_version",
    "ssl_max_protocol_version",
    "passfile",
    "krbsrvname",
    "gsslib",
)
"""Parameters that are passed to the driver, because it handles them as libpq does."""
TO_SERVER = ("application_name", "options")
"""Parameters that become settings of the session."""
_OWN = ("host", "port", "dbname", "user", "password", "target_session_attrs", "connect_timeout")
_SERVICE = ("service", "servicefile")
_KEPT_ANYWAY: Mapping[str, tuple[str, ...]] = {
    "channel_binding": ("prefer", "disable"),
    "gssencmode": ("prefer", "disable"),
    "client_encoding": ("utf8", "UTF8", "utf-8", "UTF-8", "auto"),
}
"""Parameters that the driver does not support. The listed values are accepted, because they would change nothing."""
_INSTEAD: Mapping[str, str] = {
    "ssl": "write 'sslmode=require'",
    "database": "write 'dbname', or '/name' behind the host",
    "pgbouncer": "leave it out: a pooler is recognised by itself",
    "hostaddr": "write the address as 'host'",
}
_CHOICES: Mapping[str, tuple[str, ...]] = {
    "sslmode": ("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
    "target_session_attrs": ("any", "read-write", "read-only", "primary", "standby", "prefer-standby"),
    "sslnegotiation": ("postgres", "direct"),
}
_URL = re.compile(
    r"""postgres(?:ql)?(?:\+\w+)?://
        (?:(?P<user>[^:/@]*)(?::(?P<password>[^@]*))?@)?
        (?P<hosts>[^/?]*)
        (?:/(?P<dbname>[^?]*))?
        (?:\?(?P<query>.*))?$""",
    re.VERBOSE | re.DOTALL,
)
_HOST = re.compile(r"(?:\[(?P<ipv6>[^\]]+)\]|(?P<name>[^:\[\]]*))(?::(?P<port>[^:]*))?")


class _Wrong(SettingsInvalid):
    def __init__(self, reason: str) -> None:
        super().__init__(f"Setting 'database.url': {reason}")


def parameters(url: str, environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the checked parameters of *url*, and of the service that the URL names, by libpq's names.

    ``host`` and ``port`` are comma-separated lists of the same length.

    Raises:
        SettingsInvalid: a parameter is unknown, malformed, or names an unreadable file. The message never contains the
            password.
    """
    own = _of_url(url)
    service = own.get("service") or environment.get("PGSERVICE")
    found = {**_of_service(service, own, environment), **own} if service else own
    for name, value in found.items():
        _check(name, value)
    found = {
        name: value for name, value in found.items() if name not in _SERVICE and name not in _KEPT_ANYWAY
    }
    _split_hosts(found)
    _check_authorities(found, environment)
    _check_client_key(found, environment)
    return found


def _of_url(url: str) -> dict[str, str]:
    parts = _URL.match(url)
    if parts is None:
        msg = "is not the URL of a database, such as sqlite:///trunkline.db or postgresql://host/name"
        raise _Wrong(msg)
    if "@" in f"{parts['hosts']}{parts['dbname']}":
        msg = (
            "has more than one '@'; in the user, the password and the name of the database, write '@' as %40"
        )
        raise _Wrong(msg)
    found = {name: unquote(parts[name]) for name in ("user", "password", "dbname") if parts[name]}
    if parts["hosts"]:
        found["host"] = parts["hosts"]
    for name, value in parse_qsl(parts["query"] or "", keep_blank_values=True):
        found[name] = f"{found[name]},{value}" if name == "host" and "host" in found else value
    return {name: value for name, value in found.items() if value}


def _of_service(service: str, own: Mapping[str, str], environment: Mapping[str, str]) -> dict[str, str]:
    """Read the section *service* of the service file."""
    named = own.get("servicefile") or environment.get("PGSERVICEFILE")
    file = Path(named) if named else Path.home() / ".pg_service.conf"
    reader = configparser.RawConfigParser(
        delimiters=("=",), comment_prefixes=("#",), strict=False, default_section=""
    )
    try:
        reader.read_string(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, configparser.Error):
        msg = f"names the service '{service}', but the service file {file} cannot be read; write it, or set PGSERVICEFILE"
        raise _Wrong(msg) from None
    if service not in reader:
        msg = f"names the service '{service}', which the service file {file} has no section for"
        raise _Wrong(msg)
    return dict(reader[service])


def _check(name: str, value: str) -> None:
    if name in _INSTEAD:
        msg = f"has the parameter '{name}', which PostgreSQL's own clients do not know; {_INSTEAD[name]}"
        raise _Wrong(msg)
    if name in _KEPT_ANYWAY:
        if value not in _KEPT_ANYWAY[name]:
            msg = f"asks for {name}={value}, which cannot be kept; leave it out"
            raise _Wrong(msg)
        return
    if name not in (*_OWN, *_SERVICE, *TO_DRIVER, *TO_SERVER):
        known = ", ".join(sorted((*_OWN, *_SERVICE, *TO_DRIVER, *TO_SERVER)))
        msg = f"has the parameter '{name[:60]}', which is not known; known are {known}"
        raise _Wrong(msg)
    if (choices := _CHOICES.get(name)) and value not in choices:
        msg = f"has {name}={value[:60]}, which is none of {', '.join(choices)}"
        raise _Wrong(msg)
    if name == "connect_timeout" and not (value.isdecimal() and 1 <= int(value) <= 600):
        msg = f"has connect_timeout={value[:60]}, which is not a number of seconds from 1 to 600"
        raise _Wrong(msg)
    if name in _FILES and value != SYSTEM:
        try:
            Path(value).open("rb").close()
        except OSError as error:
            msg = f"names the file {value} as {name}, which cannot be read: {error.strerror}"
            raise _Wrong(msg) from None


def _split_hosts(found: dict[str, str]) -> None:
    """Split hosts and ports into two lists of equal length; a missing port is empty."""
    if "host" not in found:
        if "port" in found:
            _check_port(found["port"])
        return
    given = found.get("port", "").split(",")
    hosts: list[str] = []
    ports: list[str] = []
    for text in found["host"].split(","):
        if text.startswith("/"):  # not of the URL's host, in which '/' is encoded
            hosts.append(text)
            ports.append("")
            continue
        parts = _HOST.fullmatch(text)
        if parts is None or not (parts["ipv6"] or parts["name"]):
            msg = f"has '{unquote(text)[:60]}' where a host is expected, such as db.example.com:5432"
            raise _Wrong(msg)
        hosts.append(unquote(parts["ipv6"] or parts["name"]))
        ports.append(parts["port"] or "")
    if len(given) not in (1, len(hosts)):
        msg = f"has {len(given)} ports for {len(hosts)} hosts; give one for all, or one for each"
        raise _Wrong(msg)
    given = given * len(hosts) if len(given) == 1 else given
    ports = [own or other for own, other in zip(ports, given, strict=True)]
    for port in filter(None, ports):
        _check_port(port)
    found |= {"host": ",".join(hosts), "port": ",".join(ports)}


def _check_port(port: str) -> None:
    if not (port.isascii() and port.isdecimal() and 1 <= int(port) <= 65_535):
        msg = f"has the port '{port[:60]}', which is not a number from 1 to 65535"
        raise _Wrong(msg)


def _check_authorities(found: Mapping[str, str], environment: Mapping[str, str]) -> None:
    """Raise an error if the server is to be verified, but there are no certificate authorities."""
    mode = found.get("sslmode") or environment.get("PGSSLMODE", "")
    root = found.get("sslrootcert") or environment.get("PGSSLROOTCERT")
    if root == SYSTEM and mode not in ("", "verify-full"):
        msg = f"has sslrootcert=system with sslmode={mode}; the system's authorities need sslmode=verify-full"
        raise _Wrong(msg)
    if mode.startswith("verify-") and not root and not (Path.home() / ".postgresql" / "root.crt").exists():
        msg = (
            f"has sslmode={mode} without the certificate authorities to verify by; add sslrootcert=FILE, "
            "or sslrootcert=system for those that this machine trusts"
        )
        raise _Wrong(msg)


def _check_client_key(found: Mapping[str, str], environment: Mapping[str, str]) -> None:
    """Refuse a client key that other accounts may read, as libpq does (``initialize_SSL`` of ``fe-secure-openssl.c``)."""
    if (found.get("sslmode") or environment.get("PGSSLMODE")) == "disable" or os.name != "posix":
        return
    folder = Path.home() / ".postgresql"
    named = found.get("sslkey") or environment.get("PGSSLKEY")
    key = Path(named) if named else folder / "postgresql.key"
    has_certificate = "sslcert" in found or "PGSSLCERT" in environment or (folder / "postgresql.crt").exists()
    if not key.is_file() or not (named or has_certificate):
        return
    state = key.stat()
    forbidden = stat.S_IRWXG | stat.S_IRWXO
    if state.st_uid == 0:  # root may share the file with a group
        forbidden &= ~stat.S_IRGRP
    if state.st_mode & forbidden:
        mode = stat.S_IMODE(state.st_mode)
        msg = (
            f"uses the key {key}, which other accounts of this machine may use (its mode is {mode:04o}); "
            f"run 'chmod 600 {key}', or let root own it and give a group 0640"
        )
        raise _Wrong(msg)
