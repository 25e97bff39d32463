"""``trunkline-relay``: the relay as a process."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
from typing import TYPE_CHECKING

from sqlalchemy.exc import SQLAlchemyError

from trunkline_client.outbox.relay import Relay
from trunkline_client.outbox.rows import blocking_engine
from trunkline_client.outbox.tables import create_tables
from trunkline_client.version import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.engine import URL


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options for the relay's hub."""
    url = os.environ.get("TRUNKLINE_URL", "http://127.0.0.1:8000")
    parser.add_argument("--url", default=url, help="the hub; $TRUNKLINE_URL")
    parser.add_argument(
        "--key",
        default=os.environ.get("TRUNKLINE_KEY", ""),
        help="a key with events:write and events:read; $TRUNKLINE_KEY",
    )
    parser.add_argument("--batch", type=int, default=1000, help="events in one call, 1 to 1000")
    parser.add_argument("--lease-seconds", type=float, default=10, help="when a dead relay is replaced")


def run(database: URL | str, given: argparse.Namespace) -> None:
    """Send rows from *database* until SIGTERM or Ctrl-C. Exits with a sentence if *given* lacks a key or has a wrong URL."""
    try:
        relay = Relay(database, given.url, given.key, batch=given.batch, lease_seconds=given.lease_seconds)
    except (ValueError, ImportError, SQLAlchemyError) as error:
        msg = f"The relay cannot start: {error}; see --help."
        raise SystemExit(msg) from None

    def end(*_: object) -> None:
        relay.stop()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    print(f"The relay brings events to {given.url}. Ctrl-C ends.", flush=True)
    relay.run()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(
        prog="trunkline-relay", description="Bring the events of an outbox to a trunkline hub."
    )
    parser.add_argument(
        "--from",
        dest="database",
        metavar="URL",
        required=True,
        help="postgresql://…, sqlite:///…, mariadb://…",
    )
    add_options(parser)
    parser.add_argument("--create", action="store_true", help="make the tables if they are missing, and end")
    parser.add_argument("--version", action="version", version=__version__)
    given = parser.parse_args(arguments)
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s")
    if given.create:
        try:
            create_tables(blocking_engine(given.database))
        except (ValueError, ImportError, SQLAlchemyError) as error:
            msg = f"The tables cannot be made: {error}; see --help."
            raise SystemExit(msg) from None
        return 0
    run(given.database, given)
    return 0


if __name__ == "__main__":
    sys.exit(main())
