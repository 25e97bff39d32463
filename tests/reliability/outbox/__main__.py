"""kill -9 of product, relay, hub and database around an outbox: nothing is lost, nothing is twice in the log, order is kept.

In a case, a product commits and rolls back transactions, each with some events, while relays bring the events to the hub. One of the
four is killed: product and relay before or after each of their statements, commits and calls in turn, hub and database after a
moment. In half of the relay's cases the hub has forgotten its idempotency keys before the next relay continues. Then the
hub's log must have the events that the product has committed, in the same order. Processes are forks of this one: a case takes a
second.
"""

import argparse
import asyncio
import contextlib
import logging
import os
import random
import signal
import socket
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import uvicorn
from sqlalchemy import Engine, create_engine, event, text

from trunkline import settings
from trunkline.api.app import create_app
from trunkline.hub.hub import Hub
from trunkline_client import Client, HubError
from trunkline_client.outbox import Outbox, Relay
from trunkline_client.outbox.rows import blocking_engine
from trunkline_client.outbox.tables import create_tables
from trunkline_kit.databases import started_postgres

VICTIMS = ("product", "relay", "hub", "database")
LEASE_SECONDS = 0.3
PAYMENT = {
    "payment_id": 1,
    "invoice_id": 2,
    "client_id": 3,
    "payment_amount": 99,
    "payment_method": "card",
    "date_paid": "2026-01-28T10:30:00Z",
}


class Boundaries:
    """Kills this process by SIGKILL at boundary *last*; boundaries are before and after each statement, commit and call of the hub."""

    def __init__(self, last: int | None) -> None:
        self.left = last

    def passed(self, *_: Any) -> None:
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                os.kill(os.getpid(), signal.SIGKILL)

    def watch(self, engine: Engine) -> None:
        for name in ("before_cursor_execute", "after_cursor_execute", "commit"):
            event.listen(engine, name, self.passed)


def forked(work: Callable[[], None]) -> int:
    pid = os.fork()
    if pid:
        return pid
    try:
        work()
    except BaseException as error:
        if not isinstance(error, KeyboardInterrupt):
            print(f"a process ended by {error!r:.300}", file=sys.stderr)
    os._exit(0)


def ended(pid: int) -> bool:
    try:
        return os.waitpid(pid, os.WNOHANG)[0] == pid
    except ChildProcessError:
        return True


def kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, ChildProcessError):
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


@dataclass(slots=True)
class Case:
    number: int
    victim: str
    boundary: int | None
    forgets: bool
    moment_seconds: float


@dataclass(slots=True)
class World:
    """The processes and databases shared by the cases."""

    engine: str
    product_url: str
    hub_url: str
    postmaster: int
    port: int
    key: str = ""
    cursor: str | None = None
    hub: int = 0
    made: int = 0
    checked: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)

    def start_hub(self) -> None:
        def serve() -> None:
            app = create_app(Hub(self.settings(), dispatch=False))
            uvicorn.run(app, port=self.port, log_level="critical", ws="none")

        self.hub = forked(serve)
        self.until("the hub", self.hub_answers)

    def settings(self) -> Any:
        environment = {
            "TRUNKLINE_DATABASE__URL": self.hub_url,
            "TRUNKLINE_AUTH__PEPPER": "p" * 32,
            "TRUNKLINE_AUTH__ENCRYPTION_KEY": "k" * 32,
            "TRUNKLINE_LIMITS__ENABLED": "false",
            "TRUNKLINE_SERVER__DRAIN_SECONDS": "0",
            "TRUNKLINE_PLUGINS__ENABLED": "polling",
        }
        return settings.load(environment=environment)

    async def make_key(self) -> None:
        async with Hub(self.settings(), dispatch=False) as hub:
            scopes = ["events:read", "events:write"]
            _, self.key = await hub.keys.create(92, name="relay", scopes=scopes)

    def hub_answers(self) -> bool:
        with contextlib.suppress(HubError), Client(self.url, self.key, timeout_seconds=2) as client:
            client.run(iter_once(client))
            return True
        return False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def until(self, what: str, condition: Callable[[], bool], seconds: float = 120) -> None:
        ends = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > ends:
                raise AssertionError(f"{what}: not within {seconds} s")
            time.sleep(0.02)

    def product(self, boundary: int | None, chance: random.Random) -> int:
        """Start a product that runs transactions one after the other, and stores the numbers of its events in ``made``."""

        def work() -> None:
            engine = blocking_engine(self.product_url)
            Boundaries(boundary).watch(engine)
            outbox, number = Outbox(), self.made
            for _ in range(chance.randint(3, 12)):
                with contextlib.suppress(ZeroDivisionError), engine.begin() as connection:
                    for _ in range(chance.randint(1, 3)):
                        connection.execute(text("INSERT INTO made (n) VALUES (:n)"), {"n": number + 1})
                        outbox.emit(connection, "payment.succeeded", PAYMENT | {"payment_id": number + 1})
                        number += 1
                    if chance.random() < 0.2:
                        raise ZeroDivisionError
                time.sleep(chance.uniform(0, 0.005))

        return forked(work)

    def relay(self, boundary: int | None = None, **options: Any) -> int:
        def work() -> None:
            logging.disable()
            engine = blocking_engine(self.product_url)
            boundaries = Boundaries(boundary)
            boundaries.watch(engine)
            call = Client._carry_out

            def carry_out(client: Client, step: Any) -> Any:
                boundaries.passed()
                answer = call(client, step)
                boundaries.passed()
                return answer

            Client._carry_out = carry_out  # type: ignore[method-assign]
            how = {"lease_seconds": LEASE_SECONDS, "poll_seconds": 0.1, "batch": 4, **options}
            Relay(engine, self.url, self.key, **how).run()

        return forked(work)

    def query(self, statement: str) -> list[Any]:
        engine = blocking_engine(self.product_url)
        try:
            with engine.connect() as connection:
                return list(connection.execute(text(statement)).scalars())
        finally:
            engine.dispose()

    def is_drained(self) -> bool:
        with contextlib.suppress(Exception):
            return not self.query("SELECT id FROM trunkline_outbox LIMIT 1")
        return False

    def crash_database(self) -> None:
        """Kill a process of PostgreSQL, which then closes every connection and recovers from its log."""
        workers = psutil.Process(self.postmaster).children()
        next(each for each in workers if "background writer" in " ".join(each.cmdline())).kill()

    def run(self, case: Case) -> bool:
        """Run a case; return whether something was killed. Raises AssertionError."""
        chance = random.Random(case.number)
        is_product, is_relay = case.victim == "product", case.victim == "relay"
        product = self.product(case.boundary if is_product else None, chance)
        relays = [self.relay(case.boundary if is_relay else None)]
        if not is_relay:
            relays.append(self.relay())
        killed = True
        if is_relay:
            self.until("the relay's end", lambda: ended(relays[0]) or (ended(product) and self.is_drained()))
            killed = ended(relays[0])
            if case.forgets:
                self.forget_keys()
            relays.append(self.relay(safe_seconds=0 if case.forgets else 3600))
        elif not is_product:
            time.sleep(case.moment_seconds)
            if case.victim == "database":
                self.crash_database()
            else:
                kill(self.hub)
                self.start_hub()
        status = 0
        with contextlib.suppress(ChildProcessError):
            status = os.waitpid(product, 0)[1]
        if is_product:
            killed = os.WIFSIGNALED(status)
        self.until("delivery", self.is_drained)
        for relay in relays:
            kill(relay)
        made = self.query(f"SELECT n FROM made WHERE n > {self.made} ORDER BY n")
        logged = self.new_in_log()
        assert logged == made, f"committed {made}, in the log {logged}"
        self.checked += len(made)
        self.made = max(made, default=self.made) + 3  # numbers of transactions that were rolled back
        return killed

    def forget_keys(self) -> None:
        engine = create_engine(self.hub_url)
        with engine.begin() as connection:
            connection.execute(text("DELETE FROM idempotency_keys"))
        engine.dispose()

    def new_in_log(self) -> list[int]:
        found: list[int] = []
        with Client(self.url, self.key) as client:
            while True:
                page = client.list_events(limit=200, cursor=self.cursor)
                found += [each["payload"]["payment_id"] for each in page["events"]]
                self.cursor = page["next_cursor"]
                if not page["events"]:
                    return found


def iter_once(client: Client) -> Any:
    """Make a call without a retry."""
    from trunkline_client import steps

    return steps.request(steps.Call("GET", "/readyz"), tries=1)


def cases(count: int, engine: str, seed: int) -> Iterator[Case]:
    """Make cases for one boundary after the other, so that each boundary is reached."""
    victims = VICTIMS if engine == "postgresql" else VICTIMS[:3]
    chance = random.Random(seed)
    for number in range(count):
        victim, turn = victims[number % len(victims)], number // len(victims)
        boundary = {"product": turn % 60, "relay": turn * 3 % 97}.get(victim)
        yield Case(seed * 100_000 + number, victim, boundary, chance.random() < 0.5, chance.uniform(0, 0.25))


@contextlib.contextmanager
def world(engine: str) -> Iterator[World]:
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url, postmaster = f"sqlite:///{folder / 'product.db'}", 0
        if engine == "postgresql":
            server = stack.enter_context(started_postgres())
            url, postmaster = server.get_uri(), server.get_pid()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        made = World(engine, url, f"sqlite:///{folder / 'hub.db'}", postmaster, port)
        product = blocking_engine(url)
        create_tables(product)
        with product.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("CREATE TABLE made (n bigint PRIMARY KEY)"))
            if engine == "postgresql":  # committed data survives the death of a process
                connection.execute(text("ALTER SYSTEM SET synchronous_commit = on"))
                connection.execute(text("SELECT pg_reload_conf()"))
            else:
                connection.execute(text("PRAGMA journal_mode = WAL"))
        product.dispose()
        asyncio.run(made.make_key())
        made.start_hub()
        stack.callback(lambda: kill(made.hub))
        yield made


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests/reliability/outbox", description=__doc__)
    parser.add_argument("--cases", type=int, default=1000, help="half of them on each database")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    began, faults = time.monotonic(), 0
    for engine in ("sqlite", "postgresql"):
        with world(engine) as one:
            for case in cases(given.cases // 2, engine, given.seed):
                try:
                    one.outcomes[f"{case.victim}{'' if one.run(case) else ' (lived)'}"] += 1
                except AssertionError as error:
                    faults += 1
                    print(f"{engine}: {case}: {error}", flush=True)
                    break  # the following cases would fail for the same reason
            print(f"{engine}: {dict(one.outcomes)}, {one.checked} events", flush=True)
    print(f"{faults} faults, {time.monotonic() - began:.0f} s", flush=True)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
