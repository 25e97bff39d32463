"""The relay: rows reach the hub's log in order, once, through every fault."""

import asyncio
import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.orm import Session
from tests.clients.python.conftest import COMPANIES
from tests.clients.python.test_outbox import PAYMENT, rows
from tests.clients.serving import Served

from trunkline_client import Client
from trunkline_client.outbox import Outbox, Relay, command, fetch_schemas
from trunkline_client.outbox.rows import Outcome, Rows, blocking_engine

OUTBOX = Outbox()
LONG_SECONDS = 120.0
"""So long that a test that waits for it fails."""


class Running:
    """Relays that run during a test."""

    def __init__(self, served: Served, engine: Engine, key: str) -> None:
        self.served, self.engine, self.key = served, engine, key
        self.relays: list[tuple[Relay, threading.Thread]] = []

    def start(self, **options: Any) -> Relay:
        options = {"poll_seconds": LONG_SECONDS, **options}
        relay = Relay(self.engine, self.served.url, self.key, **options)
        self.relays.append((relay, relay.start()))
        return relay


@pytest.fixture
def relays(served: Served, product: Engine, key: str) -> Iterator[Running]:
    running = Running(served, product, key)
    yield running
    for relay, _ in running.relays:
        relay.stop()
    for _, thread in running.relays:
        thread.join(60)


def emit(engine: Engine, *numbers: int, **changed: Any) -> None:
    with Session(engine) as session, session.begin():
        for number in numbers:
            OUTBOX.emit(session, "payment.succeeded", {**PAYMENT, "payment_id": number, **changed})


def until(condition: Callable[[], object], seconds: float = 60) -> None:
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends
        time.sleep(0.01)


def log_of(hub: Client) -> list[int]:
    found, cursor = [], None
    while True:
        page = hub.list_events(limit=200, cursor=cursor)
        found += [event["payload"]["payment_id"] for event in page["events"]]
        if not page["events"]:
            return found
        cursor = page["next_cursor"]


def test_rows_come_in_their_order_once_and_are_removed(hub, product, relays):
    emit(product, 1, 2, 3)
    relays.start(batch=2)
    until(lambda: not rows(product))
    for number in range(4, 9):  # the relay waits: the database wakes it
        emit(product, number)
        until(lambda: not rows(product))
    assert log_of(hub) == list(range(1, 9))
    (event, *_) = hub.list_events(limit=1)["events"]
    assert event["metadata"]["outbox_key"]


def test_a_row_that_the_hub_refuses_is_set_aside_and_told(hub, product, relays, caplog):
    emit(product, 1)
    emit(product, 2, date_paid="yesterday")
    emit(product, 3)
    with Session(product) as session, session.begin():
        OUTBOX.emit(session, "payment.lost", {})
    emit(product, 4)
    relays.start()
    until(lambda: len(rows(product)) == 2)
    assert log_of(hub) == [1, 3, 4]
    with product.connect() as connection:
        found = connection.execute(text("SELECT refused FROM trunkline_outbox ORDER BY id")).scalars().all()
    assert found[0].startswith("/payload/date_paid ")
    assert found[1].startswith("/type is not a known event type")
    told = [record.message for record in caplog.records if record.levelno == logging.ERROR]
    assert any("set aside: /payload/date_paid" in message for message in told)
    emit(product, 5)
    until(lambda: log_of(hub) == [1, 3, 4, 5])


def test_a_key_that_is_refused_sets_nothing_aside(hub, product, relays, caplog):
    right, relays.key = relays.key, "wrong"
    emit(product, 1)
    wrong = relays.start()
    until(lambda: any("refuses the relay" in record.message for record in caplog.records))
    wrong.stop()
    relays.relays[0][1].join(60)
    relays.key = right
    relays.start()
    until(lambda: not rows(product))
    assert log_of(hub) == [1]


@pytest.mark.parametrize("safe_seconds", [3600, 0])
@pytest.mark.parametrize("is_operator", [True, False])
def test_a_row_whose_company_the_key_may_not_emit_for_is_set_aside(
    is_operator: bool, safe_seconds: float, product: Engine, relays: Running, served: Served
):
    own = next(COMPANIES)
    relays.key = served.key_of(None if is_operator else own)
    with Session(product) as session, session.begin():
        for number, company in enumerate([own, None if is_operator else next(COMPANIES), own], start=1):
            payment = {**PAYMENT, "payment_id": number}
            OUTBOX.emit(session, "payment.succeeded", payment, company=company)
    relays.start(safe_seconds=safe_seconds)
    until(lambda: len(rows(product)) == 1)
    with Client(served.url, served.key_of(own)) as hub:
        assert log_of(hub) == [1, 3]
    with product.connect() as connection:
        refused = connection.execute(text("SELECT refused FROM trunkline_outbox")).scalar_one()
    assert refused == "/companyId must name a company for which the key may emit"


def taken(engine: Engine, limit: int = 100) -> tuple[Rows, Any]:
    """Take a batch as a relay that then dies; return the relay's rows and the batch."""
    dead = Rows(engine, lease_seconds=LONG_SECONDS)
    return dead, dead.turn(None, limit=limit)


def post(hub: Client, batch: Any) -> None:
    hub.emit_events({"events": [json.loads(event) for event in batch.events]}, idempotency_key=batch.key)


def test_a_batch_of_a_relay_that_has_died_is_sent_again_whole_and_stored_once(hub, product, relays):
    emit(product, 1, 2)
    _, batch = taken(product)
    post(hub, batch)
    emit(product, 3)
    relays.start(lease_seconds=0.3, poll_seconds=0.1)
    until(lambda: not rows(product))
    assert log_of(hub) == [1, 2, 3]


@pytest.mark.parametrize("has_arrived", [True, False])
def test_after_the_hub_has_forgotten_the_key_it_is_asked_what_has_arrived(
    has_arrived, hub, product, relays, served
):
    emit(product, 1, 2)
    dead, batch = taken(product)
    if has_arrived:
        post(hub, batch)
        forget_keys(served)
    dead.let_go()
    emit(product, 3)
    relays.start(safe_seconds=0)
    until(lambda: not rows(product))
    assert log_of(hub) == [1, 2, 3]


@pytest.mark.parametrize("has_arrived", [True, False])
def test_a_company_that_the_hub_has_deleted_does_not_stop_the_search(has_arrived, product, relays, served):
    relays.key = served.key_of(None)
    operator = Client(served.url, relays.key)
    stayer, unknown, erased = [
        operator.create_company({"reference": f"c-{next(COMPANIES)}"}) for _ in range(3)
    ]
    with Session(product) as session, session.begin():
        named = [unknown["reference"], erased["id"], stayer["reference"]]
        for number, company in enumerate(named, start=1):
            payment = {**PAYMENT, "payment_id": number}
            OUTBOX.emit(session, "payment.succeeded", payment, company=company)
    dead, batch = taken(product)
    if has_arrived:
        post(operator, batch)
        forget_keys(served)
    for company in (unknown, erased):
        operator.delete_company(str(company["id"]))
    dead.let_go()
    relays.start(safe_seconds=0, poll_seconds=0.1)
    until(lambda: len(rows(product)) == (0 if has_arrived else 2))
    with Client(served.url, relays.key, company=stayer["reference"]) as hub:
        assert log_of(hub) == [3]
    operator.close()


def forget_keys(served: Served) -> None:
    engine = blocking_engine(served.environment["TRUNKLINE_DATABASE__URL"])
    with engine.begin() as connection:
        assert connection.execute(text("DELETE FROM idempotency_keys")).rowcount
    engine.dispose()


@pytest.mark.slow
def test_several_relays_share_the_rows_in_order(hub, product, relays):
    for _ in range(3):
        relays.start(batch=3)
    for number in range(1, 61):
        emit(product, number)
    until(lambda: not rows(product))
    assert log_of(hub) == list(range(1, 61))


def test_a_relay_that_slept_beyond_its_lease_changes_nothing(product):
    emit(product, 1, 2)
    sleeper, batch = taken(product, limit=1)
    other = Rows(product, lease_seconds=0)
    assert other.turn(None, limit=1) is None  # its first read of the holder
    again = other.turn(None, limit=1)
    assert again == batch
    following = other.turn(Outcome(batch), limit=1)
    assert following is not None
    assert following.ids == [2]
    assert sleeper.turn(Outcome(batch), limit=1) is None
    assert len(rows(product)) == 1


def test_a_hub_that_is_away_is_waited_for(product, relays, hub, served, caplog):
    served.__exit__()
    try:
        emit(product, 1)
        relays.start()
        until(lambda: any("did not take events" in record.message for record in caplog.records))
        emit(product, 2)
    finally:
        served.__enter__()
    relays.served = served
    until(lambda: not rows(product))
    assert log_of(hub) == [1, 2]


async def test_it_runs_as_a_task_on_an_engine_for_asyncio(hub, product, relays):
    drivers = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg"}
    engine = create_async_engine(product.url.set(drivername=drivers[product.dialect.name]))
    task = asyncio.create_task(Relay(engine, relays.served.url, relays.key).run_async())
    emit(product, 1)
    await asyncio.to_thread(until, lambda: not rows(product))
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert await asyncio.to_thread(log_of, hub) == [1]
    await engine.dispose()


def test_schemas_are_fetched_from_the_hub_and_refuse_what_it_refuses(hub):
    outbox = Outbox(schemas=fetch_schemas(hub))
    with pytest.raises(ValueError, match="payment_amount"):
        outbox.emit(None, "payment.succeeded", {})
    with pytest.raises(ValueError, match="'misspelt' was unexpected"):
        outbox.emit(None, "payment.succeeded", {**PAYMENT, "misspelt": 1})


@pytest.mark.parametrize(("url", "key", "named"), [("hub:80", "k", "http://"), ("http://hub", "", "a key")])
def test_a_relay_without_a_hub_or_a_key_does_not_start(url, key, named, tmp_path):
    with pytest.raises(ValueError, match=named):
        Relay(f"sqlite:///{tmp_path}/own.db", url, key)
    with pytest.raises(SystemExit, match=f"The relay cannot start: .*{named}"):
        command.main(["--from", f"sqlite:///{tmp_path}/own.db", "--url", url, "--key", key])


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("--from", "nonsense"), "The relay cannot start: .*URL"),
        (("--from", "nonsense", "--create"), "The tables cannot be made: .*URL"),
        (
            ("--from", "sqlite:////no/such/folder/own.db", "--create"),
            "The tables cannot be made: .*unable to open",
        ),
        (("--from", "unknown://host"), "The relay cannot start: .*unknown"),
        (
            ("--from", "sqlite://", "--batch", "0"),
            "The relay cannot start: a batch has 1 to 1000 events, not 0",
        ),
        (
            ("--from", "sqlite://", "--batch", "1001"),
            "The relay cannot start: a batch has 1 to 1000 events, not 1001",
        ),
    ],
)
def test_wrong_options_of_trunkline_relay_end_with_a_sentence(given, said):
    with pytest.raises(SystemExit, match=said):
        command.main([*given, "--key", "k"])


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_trunkline_relay_makes_the_tables_and_brings_rows_until_it_is_told_to_end(
    tmp_path, served, hub, relays
):
    command = [sys.executable, "-m", "trunkline_client.outbox.command"]
    given = ["--from", f"sqlite:///{tmp_path / 'own.db'}"]
    subprocess.run([*command, *given, "--create"], check=True)
    environment = {**os.environ, "TRUNKLINE_URL": served.url, "TRUNKLINE_KEY": relays.key}
    with subprocess.Popen([*command, *given], env=environment, stdout=subprocess.PIPE, text=True) as relay:
        assert relay.stdout is not None
        assert served.url in relay.stdout.readline()
        own = blocking_engine(given[1])
        emit(own, 1)
        until(lambda: not rows(own))
        relay.send_signal(signal.SIGTERM)
        assert relay.wait(60) == 0
    assert log_of(hub) == [1]
    own.dispose()
