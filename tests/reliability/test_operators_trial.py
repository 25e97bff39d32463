"""The trial of an operator: an upgrade from this version to the next on PostgreSQL over TLS, and every wrong setting.

There are two servers and two workers, with the roles of the how-to: one role owns the schema, the other only reads and writes rows.
The processes of this version continue, with every plugin, while the next version (``next_version``) migrates.
"""

import asyncio
import itertools
import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.answers import json_of
from tests.postgres_servers import SystemPostgres, started_system_postgres
from tests.programs import free_port
from tests.reliability import next_version

import trunkline

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

ROOT = Path(trunkline.__file__).parents[2]
HOW_TO = ROOT / "docs" / "how-to" / "run-on-postgresql.md"
EVENTS_PER_SECOND = 100
WRITERS = 10
DRAIN_SECONDS = 1
"""Time before a server's end in which it gets no new calls, as with a load balancer."""
NAME = "trial"


@dataclass(frozen=True, slots=True)
class Cluster:
    """A server with TLS, and the roles of the how-to in the database ``trial``."""

    server: SystemPostgres

    @property
    def backup(self) -> str:
        return f"{self.server.folder}/backup"

    def url(self, role: str, *, name: str = NAME, password: str | None = None, **parameters: str) -> str:
        """Give the URL for *role* (``owner``, ``app``); without *password*, it has the how-to's password."""
        words = password or {"owner": "change me", "app": "change me, too"}[role]
        given = {"sslmode": "verify-full", "sslrootcert": f"{self.server.folder}/ca.crt"} | parameters
        query = "&".join(f"{key}={value}" for key, value in given.items() if value)
        spelt = words.replace(" ", "%20").replace(",", "%2C")
        return (
            f"postgresql://trunkline_{role}:{spelt}@localhost:{self.server.port}/{name}?{query}".removesuffix(
                "?"
            )
        )

    def environment(self, role: str = "app", **changed: str) -> dict[str, str]:
        return {
            "TRUNKLINE_DATABASE__URL": self.url(role, **changed),
            "TRUNKLINE_DATABASE__SCHEMA": "trunkline",
            "TRUNKLINE_SERVER__DRAIN_SECONDS": "0",
        }

    def dump(self, name: str = NAME) -> str:
        file = self.server.folder / "dump.sql"
        self.call("pg_dump", "-d", name, "-f", str(file))
        lines = file.read_text().splitlines()
        return "\n".join(line for line in lines if not line.startswith(("\\restrict", "\\unrestrict")))

    def call(self, program: str, *arguments: str) -> None:
        own = ["-h", str(self.server.folder), "-p", str(self.server.port), "-U", "postgres"]
        self.server.run(program, *own, *arguments)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with started_system_postgres() as server:
        (block,) = re.findall(r"```sql\n(CREATE ROLE.*?)```", HOW_TO.read_text(), re.DOTALL)
        asyncio.run(server.execute(f"CREATE DATABASE {NAME}"))
        asyncio.run(server.execute(block, name=NAME))
        for role in ("owner", "app"):  # for the test's queries, which name no schema
            asyncio.run(server.execute(f"ALTER ROLE trunkline_{role} SET search_path = trunkline"))
        yield Cluster(server)


@dataclass(slots=True)
class Fleet:
    """Two servers and two workers that *load* uses, and the processes that replace them."""

    deployment: Any
    load: Any
    servers: list[Any]
    workers: list[Any]

    async def replace(self, number: int, **environment: str) -> None:
        """Start a server and a worker, direct the load to that server, then stop the old processes."""
        server, worker = await asyncio.gather(
            self.deployment.serve("--no-migrate", **environment), self.deployment.work(**environment)
        )
        before = self.servers[number], self.workers[number]
        self.servers[number], self.workers[number] = server, worker
        self.load.processes[number] = server
        await asyncio.sleep(DRAIN_SECONDS)
        for process in before:
            assert await asyncio.to_thread(process.stop) == 0

    async def follow(self, company: int, seen: list[int]) -> None:
        """Poll from the first event on, from each server in turn, and add the ids to *seen* as they come."""
        query: dict[str, object] = {"limit": 200}
        for turn in itertools.count():
            async with self.deployment.client(self.servers[turn % 2], company) as client:
                answer = await client.get("/events", params=query)
            assert answer.status_code == 200, answer.text
            seen += [event["id"] for event in answer.json()["events"]]
            query["cursor"] = answer.json()["next_cursor"]
            await asyncio.sleep(0.5)


async def test_from_this_version_to_the_next_and_back_from_a_backup(
    deploy, cluster, *, receiver, writers, until, tmp_path
):
    deployment = deploy(cluster.url("owner"))
    del deployment.environment["TRUNKLINE_PLUGINS__ENABLED"]  # all plugins are enabled by default
    servers, workers = await _begin(deployment, cluster, f"{receiver.url}/h")
    later, revision = next_version.make(tmp_path)
    load = writers(deployment, [*servers], per_second=EVENTS_PER_SECOND)
    fleet, polled = Fleet(deployment, load, servers, workers), []
    load.start(WRITERS)
    began = time.monotonic()
    follower = asyncio.create_task(fleet.follow(1, polled))
    await load.go_on(receiver, count=EVENTS_PER_SECOND)

    said = await _run(deployment, "migrate", **cluster.environment("owner"), **later)
    assert f"→ {revision}" in said
    await load.go_on(receiver, count=EVENTS_PER_SECOND)
    for number in (0, 1, 0):  # two steps from old to new, and one from new to new
        await fleet.replace(number, **cluster.environment(), **later)
        await load.go_on(receiver, count=EVENTS_PER_SECOND)
    before = load.ids
    await asyncio.to_thread(cluster.call, "pg_dump", "-d", NAME, "-Fc", "-f", cluster.backup)
    await load.stop()
    pace = len(load.ids) / (time.monotonic() - began)

    assert load.answers.keys() == {201}, "something was refused, or had to be sent again"
    await load.check(receiver)
    assert set(await deployment.statuses()) == {"delivered"}
    await until(lambda: len(polled) == len(load.accepted[1]), what="the end of the poll")
    assert follower.cancel()
    assert polled == sorted(load.accepted[1])
    _check_order(receiver, load.accepted[1])
    assert not [p.errors.read_text() for p in deployment.processes if "Traceback" in p.errors.read_text()]
    await _restore(deployment, cluster, load, until, before=before, later=later)
    assert pace >= EVENTS_PER_SECOND / 5, (
        "the writers ask for five times as much, and come late only on a busy machine"
    )


async def _begin(deployment, cluster, target: str) -> tuple[list[Any], list[Any]]:
    """Migrate, start the processes of this version, and subscribe *target* for two companies, one of them in order."""
    await _run(deployment, "migrate", **cluster.environment("owner"))
    old = cluster.environment()
    servers = await asyncio.gather(*(deployment.serve("--no-migrate", **old) for _ in range(2)))
    workers = await asyncio.gather(*(deployment.work(**old) for _ in range(2)))
    for company, ordering in ((1, {"key": "/payload/client_id"}), (2, None)):
        wanted = {"target_url": target, "event_types": ["*"], "ordering": ordering}
        scopes = [f"--scope={scope}" for scope in ("events:read", "events:write", "webhooks:write")]
        options = ["--company", str(company), "--name", "trial", *scopes]
        deployment.keys[company] = await _run(deployment, "keys", "create", *options, **old)
        async with deployment.client(servers[0], company) as client:
            answer = await client.post("/webhooks/subscriptions", json=wanted)
        assert answer.status_code == 201, answer.text
        [(no,)] = await deployment.query(f"SELECT no FROM subscriptions WHERE id = '{answer.json()['id']}'")
        deployment.numbers[company] = no
    return servers, workers


async def _restore(deployment, cluster, load, until, *, before: set[int], later) -> None:
    """Restore the backup of a hub in use; check that it has all of *before*, has no gap, and continues."""
    cluster.call("createdb", "restored")
    cluster.call("pg_restore", "-d", "restored", cluster.backup)
    restored = await deployment.serve("--no-migrate", **cluster.environment(name="restored"), **later)
    for company, promised in load.accepted.items():
        kept = await deployment.poll_all(restored, company)
        assert before & promised <= set(kept)
        assert kept == sorted(promised)[: len(kept)]
    async with deployment.client(restored, 1) as client:
        answer = json_of(await client.post("/events", json=deployment.event(7)), 201)
        explained = f"/events/{answer['id']}/explain"

        async def is_delivered() -> bool:
            [entry] = (await client.get(explained)).json()["subscriptions"]
            return entry["state"] == "delivered"

        await until(is_delivered, what="a push of the restored hub")


def _check_order(receiver, ids: set[int]) -> None:
    """Check that the events of *ids* came in the log's order for each client, whichever version pushed them."""
    by_client: dict[int, list[int]] = {}
    for request in receiver.requests:
        if (number := int(request.headers["webhook-id"])) in ids:
            by_client.setdefault(json.loads(request.body)["payload"]["client_id"], []).append(number)
    assert len(by_client) == WRITERS // 2
    for numbers in by_client.values():
        assert list(dict.fromkeys(numbers)) == sorted(set(numbers))


def _wrong(cluster: Cluster) -> dict[str, tuple[dict[str, str | None], str]]:
    """Give each wrong environment with its changes and the words of the error."""
    return {
        "encryption key": ({"TRUNKLINE_AUTH__ENCRYPTION_KEY": "x" * 32}, "auth.encryption_key"),
        "pepper": ({"TRUNKLINE_AUTH__PEPPER": "x" * 32}, "auth.pepper"),
        "short pepper": (
            {"TRUNKLINE_AUTH__PEPPER": "short"},
            "'auth.pepper': must have 32 characters or more",
        ),
        "host": ({"TRUNKLINE_DATABASE__URL": "postgresql://x@localhost:1/trial"}, "localhost:1"),
        "password": (cluster.environment(password="wrong"), "password"),
        "database": (cluster.environment(name="nonesuch"), "nonesuch"),
        "authority": (cluster.environment(sslrootcert=f"{cluster.server.folder}/other.crt"), "localhost"),
        "URL": ({"TRUNKLINE_DATABASE__URL": "mysql://x@localhost/trial"}, "database.url must start with"),
        "schema": ({"TRUNKLINE_DATABASE__SCHEMA": "nonesuch"}, "nonesuch"),
        "port": ({"TRUNKLINE_SERVER__PORT": str(cluster.server.port)}, f"Port {cluster.server.port} of"),
        "folder of schemas": ({"TRUNKLINE_PRODUCT__SCHEMAS": "/nonesuch"}, "/nonesuch"),
        "folder of the database": (
            {"TRUNKLINE_DATABASE__URL": "sqlite:////nonesuch/t.db", "TRUNKLINE_DATABASE__SCHEMA": None},
            "/nonesuch",
        ),
        "setting": ({"TRUNKLINE_SERVER__PROT": "1"}, "'server.prot': is not a setting"),
        "public URL": ({"TRUNKLINE_SERVER__PUBLIC_URL": "foo"}, "'server.public_url': must be a URL"),
    }


async def test_whatever_is_wrong_is_one_sentence_and_nothing_is_changed(deploy, cluster, tmp_path):
    deployment = deploy(cluster.url("owner"))
    await _run(deployment, "migrate", **cluster.environment("owner"))
    await _run(deployment, "keys", "create", "--operator", "--name", "before", **cluster.environment())
    before, files = cluster.dump(), _files(tmp_path)
    port = {"TRUNKLINE_SERVER__PORT": str(free_port())}
    turns = asyncio.Semaphore(3)

    async def start(what: str, changed: dict[str, str | None], named: str) -> None:
        chosen = {**cluster.environment(), **port, **changed}
        async with turns:
            process = deployment.run(
                "serve", **{name: value for name, value in chosen.items() if value is not None}
            )
            code = await asyncio.to_thread(process.popen.wait, 120)
        said = process.errors.read_text()
        assert (code, said.count("\n"), process.output.read_text()) == (2, 1, ""), f"{what}: {code} {said}"
        assert named in said, f"{what}: {said}"
        assert "change%20me" not in said, what
        assert "change me" not in said, what
        process.errors.unlink()
        process.output.unlink()

    await asyncio.gather(*(start(what, *each) for what, each in _wrong(cluster).items()))
    assert cluster.dump() == before
    assert _files(tmp_path) == files


def _files(folder: Path) -> set[str]:
    return {str(file) for file in folder.rglob("*")}


async def _run(deployment, *command: str, **environment: str) -> str:
    process = deployment.run(*command, **environment)
    code = await asyncio.to_thread(process.popen.wait, 120)
    assert code == 0, process.errors.read_text()
    return process.output.read_text().strip()
