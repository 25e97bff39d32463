"""Converts a database of Django's settings to a SQLAlchemy URL."""

from typing import Any

from sqlalchemy.engine import URL

_BACKENDS = {
    "postgresql": ("postgresql+psycopg", "host"),
    "sqlite": ("sqlite", ""),
    "mysql": ("mysql+pymysql", "unix_socket"),
}
"""The driver of each database, and the URL's parameter for the path of a socket."""


def url_of(connection: Any) -> URL:
    """Return the SQLAlchemy URL of a Django connection, without the connection's OPTIONS."""
    settings = connection.settings_dict
    driver, socket = _BACKENDS[connection.vendor]
    host: str = settings["HOST"]
    is_path = host.startswith("/")
    return URL.create(
        driver,
        settings["USER"] or None,
        settings["PASSWORD"] or None,
        None if is_path or not host else host,
        int(settings["PORT"]) if settings["PORT"] else None,
        str(settings["NAME"]),
        {socket: host} if is_path else {},
    )
