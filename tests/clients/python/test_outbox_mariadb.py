"""The outbox on MariaDB, from Debian's package ``mariadb-server``: the same tests, on one server."""

import itertools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.orm import Session
from tests.clients.python.test_outbox import OUTBOX, PAYMENT, rows
from tests.clients.python.test_relay import (  # noqa: F401
    relays,
    test_a_batch_of_a_relay_that_has_died_is_sent_again_whole_and_stored_once,
    test_a_relay_that_slept_beyond_its_lease_changes_nothing,
    test_a_row_that_the_hub_refuses_is_set_aside_and_told,
    test_rows_come_in_their_order_once_and_are_removed,
    test_several_relays_share_the_rows_in_order,
    until,
)

from trunkline_client.outbox.tables import create_tables

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]
NUMBERS = itertools.count()


@pytest.fixture(scope="module")
def mariadb() -> Iterator[str]:
    programs = f"{os.environ['PATH']}{os.pathsep}/usr/sbin"
    server = shutil.which("mariadbd", path=programs)
    if server is None:
        pytest.skip("there is no MariaDB here: Debian's package 'mariadb-server' brings it")
    with tempfile.TemporaryDirectory(prefix="tl-maria-") as made:
        folder = Path(made)
        who = ["--user=root"] if os.geteuid() == 0 else []
        options = [f"--datadir={folder / 'data'}", *who]
        install = ["mariadb-install-db", "--no-defaults", "--auth-root-authentication-method=normal"]
        subprocess.run([*install, *options], check=True, capture_output=True)
        command = [server, "--no-defaults", *options, f"--socket={folder / 's'}", "--skip-networking"]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            until((folder / "s").exists, seconds=60)
            yield f"mysql+pymysql://root@localhost/{{}}?unix_socket={folder / 's'}"
            process.terminate()


@pytest.fixture
def product(mariadb: str) -> Iterator[Engine]:
    name = f"product_{next(NUMBERS)}"
    server = create_engine(mariadb.format("mysql"))
    with server.begin() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    server.dispose()
    engine = create_engine(mariadb.format(name))
    create_tables(engine)
    yield engine
    engine.dispose()


def test_an_event_is_written_with_the_transaction_or_not_at_all(product):
    with Session(product) as session:
        OUTBOX.emit(session, "payment.succeeded", PAYMENT)
        session.rollback()
        OUTBOX.emit(session, "payment.succeeded", PAYMENT, key="mine")
        session.commit()
    raw = product.raw_connection()
    assert OUTBOX.emit(raw.driver_connection, "payment.succeeded", PAYMENT, key="driver") == "driver"
    raw.commit()
    raw.close()
    assert [key for key, _ in rows(product)] == ["mine", "driver"]
