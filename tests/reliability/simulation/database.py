"""A database in memory with the rules of PostgreSQL that matter here: READ COMMITTED, row locks, and outages.

Writes are invisible to others until the commit; a statement sees earlier commits and its own transaction's writes. A statement
waits for a row that another transaction has changed or locked, or skips it by SKIP LOCKED, and evaluates the row again. A cycle
of waits is a deadlock with SQLSTATE 40P01, which the hub maps to StoreUnavailable. A statement may take time, during which machines
are killed or frozen; a frozen machine keeps its locks. A commit may succeed although its answer is lost.
"""

import contextlib
from types import SimpleNamespace

from trunkline.errors import StoreUnavailable
from trunkline.model.events import shard_of
from trunkline.model.parts import part_of
from trunkline.store.shards import Reached

TABLES = (
    *("deliveries", "attempts", "shards", "shard_parts", "workers", "subscriptions", "replays"),
    *("unsettled", "unreleased", "routing", "head", "events"),
)


class Database:
    """The shared database.

    *chance_of_wait* is the chance that a statement takes time, *unsure* is the chance that a commit's answer is lost.
    """

    def __init__(self, clock, *, shards, chance_of_wait, unsure):
        self.clock = clock
        self.chance = clock.chance
        self.chance_of_wait = chance_of_wait
        self.unsure = unsure
        self.is_down = False
        self.step_ms = 0
        """The offset of the database's clock."""
        self.deadlocks = 0
        self.tables = {name: {} for name in TABLES}
        self.tables["shards"] = {
            n: {"shard": n, "holder": None, "epoch": 0, "lease_until_ms": 0, **Reached(0)._asdict()}
            for n in range(shards)
        }
        self.tables["routing"][1] = {"version": 0}
        self.tables["head"][1] = {"position": 0, "accepted_ms": 0}
        self.serials = dict.fromkeys(TABLES, 0)
        self.locks = {}
        self.open = {}
        self.on_commit = []

    def on(self, machine):
        """Give the database as *machine* reaches it (``trunkline.database.Database``)."""
        return Door(self, machine)

    @property
    def now_ms(self):
        return self.clock.now_ms + self.step_ms

    def go_down(self):
        """Refuse everything, and roll back open transactions."""
        self.is_down = True
        self.abort(lambda machine: True)

    def come_back(self):
        self.is_down = False

    def abort(self, of):
        """Roll back the open transactions of each machine for which *of* is true."""
        for transaction in [t for t in self.open if of(t.machine)]:
            transaction.roll_back()


class Door:
    """One process's access to the database, which is a server with several writers."""

    dialect = SimpleNamespace(has_one_writer=False)

    def __init__(self, database, machine):
        self.database = database
        self.machine = machine

    @contextlib.asynccontextmanager
    async def direct(self, _connections):
        """Return itself: connections are always available here."""
        yield self

    def read(self):
        return Transaction(self.database, self.machine, writes=False)

    def write(self):
        return Transaction(self.database, self.machine, writes=True)

    def write_once(self):
        """Give a transaction of one statement; its answer comes a little later than from a real server."""
        return self.write()


class Transaction:
    """A connection in use: a transaction, or one that commits each statement and only reads."""

    def __init__(self, database, machine, *, writes):
        self.database = database
        self.machine = machine
        self.writes = writes
        self.changes = {}
        self.locked = []
        self.waits_for = None
        self.is_over = False
        self.notes = []
        """Further notes of this transaction for the checks."""

    async def __aenter__(self):
        await self.statement()
        if self.writes:
            self.database.open[self] = None
        return self

    async def __aexit__(self, kind, error, traceback):
        if not self.writes:
            return
        if kind is not None:
            self.roll_back()
            return
        try:
            await self.statement()
        except BaseException:
            self.roll_back()
            raise
        self._commit()
        if self.database.unsure and self.database.chance.random() < self.database.unsure:
            msg = "the connection was lost at the commit"
            raise StoreUnavailable(msg)
        await self._take_time()

    @property
    def now_ms(self):
        return self.database.now_ms

    async def statement(self):
        """Travel to the database and back: this may take time, and may fail."""
        await self._take_time()
        if self.database.is_down or self.is_over:
            msg = "the database is away"
            raise StoreUnavailable(msg)

    def shard_of(self, event):
        return shard_of(event.company_id, len(self.database.tables["shards"]))

    def held(self, shard, subscription_no):
        """Give the row of the shard, or of the part of the shard, to which a subscription belongs."""
        part = self.get("shard_parts", (shard, part_of(subscription_no)))
        return self.get("shards", shard) if part is None else part

    def rows(self, table):
        """Give the rows that a statement of this transaction sees."""
        own = self.changes.get(table)
        rows = self.database.tables[table]
        if not own:
            return rows
        return {key: row for key, row in {**rows, **own}.items() if row is not None}

    def get(self, table, key):
        own = self.changes.get(table)
        if own and key in own:
            return own[key]
        return self.database.tables[table].get(key)

    def put(self, table, key, row):
        """Write a row that this transaction has locked; None deletes the row."""
        self.changes.setdefault(table, {})[key] = row

    def is_free(self, table, key):
        holders = self.database.locks.get((table, key))
        return not holders or all(holder is self for holder in holders)

    def free(self, table):
        """Give the keys of the rows that this transaction may change at once."""
        return [key for key in self.rows(table) if self.is_free(table, key)]

    async def lock(self, table, key, *, share=False):
        """Wait for the row's lock: an exclusive one, or with *share* one that is compatible with other shared locks."""
        locks = self.database.locks
        while True:
            holders = locks.get((table, key), {})
            others = [t for t, shares in holders.items() if t is not self and not (share and shares)]
            if not others:
                break
            await self._wait_for(others[0])
        if (table, key) not in locks:
            locks[table, key] = {}
        holders = locks[table, key]
        if self not in holders:
            self.locked.append((table, key))
        holders[self] = share and holders.get(self, True)

    async def update(self, table, keys, fits, change):
        """Change the rows of *keys* that match when seen and still match when locked; return the new ones."""
        changed = []
        for key in keys:
            row = self.get(table, key)
            if row is None or not fits(row):
                continue
            await self.lock(table, key)
            row = self.get(table, key)
            if row is not None and fits(row):
                fresh = {**row, **change(row)}
                self.put(table, key, fresh)
                changed.append(fresh)
        return changed

    async def insert(self, table, key, row):
        """Insert a row; return False if its key is taken."""
        await self.lock(table, key)
        if self.get(table, key) is not None:
            return False
        self.put(table, key, row)
        return True

    def roll_back(self):
        self.is_over = True
        self.changes.clear()
        self._release()

    async def _wait_for(self, other):
        seen = other
        while seen is not None:
            if seen is self:
                self.database.deadlocks += 1
                self.roll_back()
                msg = "deadlock detected"
                raise StoreUnavailable(msg)
            seen = seen.waits_for
        self.waits_for = other
        ended = self.machine.create_future()
        self.database.open[other] = [*(self.database.open[other] or ()), ended]
        try:
            await ended
        finally:
            self.waits_for = None
        if self.is_over:
            msg = "the database is away"
            raise StoreUnavailable(msg)

    def _commit(self):
        before = {}
        for table, own in self.changes.items():
            rows = self.database.tables[table]
            before[table] = {key: rows.get(key) for key in own}
            for key, row in own.items():
                if row is None:
                    rows.pop(key, None)
                else:
                    rows[key] = row
        self.is_over = True
        self._release()
        for look in self.database.on_commit:
            look(self, before)

    def _release(self):
        locks = self.database.locks
        for name in self.locked:
            holders = locks[name]
            del holders[self]
            if not holders:
                del locks[name]
        self.locked.clear()
        for ended in self.database.open.pop(self, None) or ():
            if not ended.done():
                ended.set_result(None)

    async def _take_time(self):
        chance = self.database.chance
        if chance.random() < self.database.chance_of_wait:
            arrived = self.machine.create_future()
            self.database.clock.after(chance.random() * 0.01, _arrive, arrived)
            await arrived


def _arrive(future):
    if not future.done():
        future.set_result(None)
