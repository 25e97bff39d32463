"""The database of Django's settings as a URL of SQLAlchemy's."""

from typing import Any

from sqlalchemy.engine import URL

_BACKENDS = {"postgresql": "postgresql+psycopg", "sqlite": "sqlite", "mysql": "mysql+pymysql"}


def url_of(connection: Any) -> URL:
    """Give the URL of a connection of Django's, without its OPTIONS."""
    settings = connection.settings_dict
    backend = _BACKENDS[connection.vendor]
    port = int(settings["PORT"]) if settings["PORT"] else None
    return URL.create(
        backend,
        settings["USER"] or None,
        settings["PASSWORD"] or None,
        settings["HOST"] or None,
        port,
        str(settings["NAME"]),
    )
