"""Examines a hub's database without changing anything; checks that depend on a failed one are left out."""

import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from trunkline.access.secret_checks import SecretChecks
from trunkline.access.secrets_file import SecretSource
from trunkline.access.vault import Vault
from trunkline.cli.connecting import connected
from trunkline.cli.doctor.checks import Check, error, ok, warning
from trunkline.errors import DatabaseUnfit, SettingsInvalid, StoreUnavailable
from trunkline.insight.journal import Journal
from trunkline.model.workers import LEASE_MS
from trunkline.runtime import steadiness
from trunkline.settings import Settings
from trunkline.store import clock, companies, dialects, migrate, sql
from trunkline.store import status as store
from trunkline.store.connections import Connections
from trunkline.store.database import Database, embedded_file, is_open_to_others

SLOW_CLOCK_SECONDS, WRONG_CLOCK_SECONDS = 2.0, 60.0
"""Limits of the difference between this machine's clock and the database's, in seconds.
Signatures use this machine's clock, with a usual tolerance of 300 s; leases use the database's.
"""
LITTLE_DISK_BYTES, NO_DISK_BYTES = 1 << 30, 100 << 20
NAMED = 10
"""The number of companies that are named; further companies are only counted."""
SCARCE = 0.1
"""The share of free connections below which they are scarce."""


async def examine_database(settings: Settings, histories: Sequence[migrate.History]) -> list[Check]:
    """Make the checks of the database, up to the first failure that prevents the next check."""
    checks: list[Check] = []
    try:
        async with connected(settings) as database:
            await _examine(database, settings, histories, checks)
    except StoreUnavailable as away:
        fix = "start the database, or correct database.url"
        checks.append(error("database", f"The database does not answer: {away}", fix=fix))
    except (DatabaseUnfit, SettingsInvalid) as unfit:  # including too old
        checks.append(error("database", str(unfit), fix="do what the sentence says"))
    return checks


async def _examine(
    database: Database, settings: Settings, histories: Sequence[migrate.History], checks: list[Check]
) -> None:
    file = embedded_file(database)
    if file is not None:
        checks.append(judge_disk(file))
        if not dialects.is_hub(file):
            what = "has no tables of a hub" if file.exists() else "does not exist"
            fix = "run 'trunkline serve' or 'trunkline migrate', or name the hub's file in database.url"
            checks.append(error("database", f"The database {file.absolute()} {what}.", fix=fix))
            return
    states = await migrate.states(database, histories)
    async with database.read() as connection:
        product = await database.dialect.product(connection)
    checks.append(ok("database", f"{product} answers{f' from {file.absolute()}' if file else ''}."))
    checks.append(_judge_schema(states))
    if states[0].is_behind:
        return
    checks.append(await _judge_writing(database))
    checks.append(await _judge_secrets(settings, database))
    checks.append(await judge_clock(database))
    checks.append(await _judge_recipients(database))
    checks.append(await _judge_audit(database))
    if file is None:
        checks.append(await _judge_connections(settings, database))
    elif is_open_to_others(database):
        detail = f"Every account of this machine may read {file.absolute()}."
        checks.append(warning("file-mode", detail, fix=f"run 'chmod o= {file.absolute()}'"))


def free_bytes(folder: Path) -> int:
    """Return the space available to an unprivileged account in *folder*, in bytes."""
    return shutil.disk_usage(folder).free


def judge_disk(file: Path, *, free_bytes: Callable[[Path], int] = free_bytes) -> Check:
    """Judge the free space for the embedded database *file*."""
    folder = file.absolute().parent
    if not folder.exists():
        return error("disk", f"There is no folder {folder}.", fix="make it, or correct database.url")
    free = free_bytes(folder)
    detail = f"{free / (1 << 30):.1f} GiB are free in {folder}."
    fix = "make room: without any the hub accepts no events"
    if free < NO_DISK_BYTES:
        return error("disk", detail, fix=fix)
    return warning("disk", detail, fix=fix) if free < LITTLE_DISK_BYTES else ok("disk", detail)


async def _judge_audit(database: Database) -> Check:
    """Verify the chain of the audit log."""
    count, broken = await Journal(database).first_broken()
    if broken is not None:
        detail = f"The audit log was changed by somebody else than the hub: entry {broken} does not follow from the one before."
        return error("audit", detail, fix="compare the entries around it with a backup")
    return ok("audit", f"The chain of the audit log's {count} entries is whole.")


def _judge_schema(states: Sequence[migrate.State]) -> Check:
    if behind := [state for state in states if state.is_behind]:
        names = ", ".join(f"{s.history} ({s.current or 'nothing'} → {s.newest})" for s in behind)
        return error(
            "schema", f"The database is behind this version: {names}.", fix="run 'trunkline migrate'"
        )
    if ahead := [state for state in states if state.is_ahead]:
        names = ", ".join(f"{state.history} ({state.current})" for state in ahead)
        detail = f"A later version has migrated the database: {names}."
        return warning("schema", detail, fix="install that version here too")
    return ok("schema", f"Up to date: {', '.join(f'{s.history} {s.current}' for s in states)}.")


async def _judge_writing(database: Database) -> Check:
    why = await database.why_read_only()
    if why is not None:
        return error("writing", f"{why.reason[:1].upper()}{why.reason[1:]}.", fix=why.remedy)
    return ok("writing", "The hub may write its tables.")


async def _judge_secrets(settings: Settings, database: Database) -> Check:
    try:
        source = SecretSource(settings.auth, settings.database.url)
        file = embedded_file(database)
        is_missing = source.file is not None and not source.file.path.exists()
        if is_missing and file is not None and not dialects.needs_secrets(file):
            return ok("secrets", "The database needs none yet; the first start makes them.")
        await SecretChecks(database, Vault.of_source(source)).verify()
    except SettingsInvalid as wrong:
        return error("secrets", str(wrong), fix="see 'trunkline secrets check'")
    return ok("secrets", "The pepper and the encryption key are those of the database.")


async def judge_clock(database: Database, *, now: Callable[[], float] = time.time) -> Check:
    """Judge the database's clock: compare it with *now* (Unix seconds), and its progress with the elapsed time."""
    async with database.read() as connection:
        before = now()
        kept, reading = await clock.read(connection, steadiness.read_boot())
        after = now()
    if (fault := steadiness.judge(kept, reading).fault) is not None:
        fix = "set the clock right, or run 'trunkline clock confirm' if it is right"
        return warning("clock", f"The database's clock {fault}.", fix=fix)
    theirs = reading.now_ms / 1000
    ahead = max(theirs - after, before - theirs, 0.0)
    if ahead <= SLOW_CLOCK_SECONDS:
        return ok("clock", "This machine's clock agrees with the database's.")
    side = "behind" if theirs > after else "ahead of"
    judge = error if ahead > WRONG_CLOCK_SECONDS else warning
    detail = f"This machine's clock is {ahead:.1f} s {side} the database's."
    return judge("clock", detail, fix="have both machines set their clocks by NTP")


async def _judge_recipients(database: Database) -> Check:
    async with database.read() as connection:
        count, without = await companies.reached_by_nobody(connection)
    alerts = "They get mail if alerts.smtp_host is set; for figures have Prometheus load deploy/prometheus/alerts.yml."
    if not without:
        return ok(
            "alert-recipients",
            f"Companies with active subscriptions: {count}, each with recipients. {alerts}",
        )
    named = ", ".join(map(str, without[:NAMED])) + (", …" if len(without) > NAMED else "")
    detail = f"{len(without)} of {count} companies with active subscriptions name no alert recipients: {named}. {alerts}"
    fix = "run 'trunkline companies set COMPANY --alert-recipient ADDRESS', so that you know whom to tell"
    return warning("alert-recipients", detail, fix=fix)


async def _judge_connections(settings: Settings, database: Database) -> Check:
    async with database.read() as connection:
        room = await database.dialect.connection_room(connection)
        now_ms = await sql.clock_ms(connection)
        alive = sum(now_ms - worker.heartbeat_ms < LEASE_MS for worker in await store.workers(connection))
    of_each = Connections.of(settings.database.pool_size).total
    detail = (
        f"{room.free} of {room.most} connections are free; a process of the hub takes up to {of_each}, "
        f"and {alive} deliver{'s' if alive == 1 else ''} now."
    )
    if room.most < of_each * max(alive, 1) or room.free < room.most * SCARCE:
        fix = "raise max_connections of PostgreSQL (or the limit of the role), or lower database.pool_size"
        return warning("connections", detail, fix=fix)
    return ok("connections", detail)
