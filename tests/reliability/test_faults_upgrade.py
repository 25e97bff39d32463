"""A rolling upgrade: old and new processes on one database, before, during and after its migration, with events flowing.

The new version is a copy of this version with a later migration (``next_version``).
"""

import asyncio

import pytest
from tests.reliability import next_version
from tests.reliability.next_version import NEXT

from trunkline.version import __version__

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


@pytest.fixture
def newer(tmp_path):
    """Make the next version; give the environment of its processes, and the revision of its database."""
    return next_version.make(tmp_path)


async def test_old_and_new_processes_share_postgresql_before_while_and_after_it_is_migrated(
    deploy, postgres_database_url, *, receiver, until, writers, newer
):
    environment, revision = newer
    deployment = deploy(postgres_database_url)
    await deployment.set_up(*range(1, 9), target_url=f"{receiver.url}/h")
    old = [await deployment.serve(), await deployment.work()]
    load = writers(deployment, old[:1], pause_seconds=0.05)
    load.start(8)
    await load.go_on(receiver)
    migration = deployment.run("migrate", **environment)
    await until(lambda: migration.popen.poll() is not None, what="the end of the migration")
    assert (migration.popen.returncode, migration.errors.read_text()) == (0, "")
    assert f"→ {revision}" in migration.output.read_text()
    await load.go_on(receiver)
    assert _versions(receiver) == {__version__}
    old.append(await deployment.work())  # as a supervisor restarts a crashed process
    assert f"migrated the database (core {revision})" in old[-1].errors.read_text()
    new = [await deployment.serve("--no-migrate", **environment), await deployment.work(**environment)]
    load.processes.append(new[0])
    seen = receiver.count
    await load.go_on(receiver)
    await until(lambda: _versions(receiver, after=seen) == {__version__, NEXT}, what="pushes of both")
    for process in old:
        if process in load.processes:
            load.processes.remove(process)
        assert await asyncio.to_thread(process.stop) == 0
    seen = receiver.count
    await load.go_on(receiver)
    assert _versions(receiver, after=seen) == {NEXT}
    await load.stop()
    await load.check(receiver)
    _check_quiet(deployment)
    assert set(await deployment.statuses()) == {"delivered"}


async def test_the_embedded_database_goes_to_the_next_version_and_back(
    deploy, sqlite_database_url, receiver, writers, newer
):
    environment, revision = newer
    deployment = deploy(sqlite_database_url)
    await deployment.set_up(1, 2, 3, 4, target_url=f"{receiver.url}/h")
    load = writers(deployment, [await deployment.serve()], pause_seconds=0.05)
    load.start(4)
    for chosen in (environment, {}):
        await load.go_on(receiver)
        assert await asyncio.to_thread(load.processes[0].stop) == 0
        seen = receiver.count
        load.processes[0] = await deployment.serve(**chosen)
        await load.go_on(receiver)
        assert _versions(receiver, after=seen) == {NEXT if chosen else __version__}
    assert await deployment.query("SELECT version_num FROM alembic_version_core") == [(revision,)]
    await load.stop()
    await load.check(receiver)
    _check_quiet(deployment)


def _versions(receiver, *, after=0):
    return {r.headers["user-agent"].removeprefix("trunkline/") for r in receiver.requests[after:]}


def _check_quiet(deployment):
    """Check that no process has logged anything unexpected."""
    for process in deployment.processes:
        assert "Traceback" not in process.errors.read_text()
