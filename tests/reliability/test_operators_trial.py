"""The trial of an operator: from the last release to this version on PostgreSQL over TLS, and everything that is set wrong.

Two servers and two workers, with the roles of the how-to: one that owns a schema, one that only reads and writes its rows. The
last release is the commit ``LAST_RELEASE``, taken out of the repository; its processes go on while the new version migrates.
"""

import asyncio
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.postgres_servers import SystemPostgres, free_port, started_system_postgres

import trunkline

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

ROOT = Path(trunkline.__file__).parents[2]
LAST_RELEASE = "6e0de94d5151fbd64c90f41dc6a3363b4987feb1"
"""0.1 as it was first tried by an operator: eight migrations, no schema of its own, no TLS of its own."""
ITS_FOLDERS = ("core", "plugins/webhooks", "plugins/polling", "schemas")
HOW_TO = ROOT / "docs" / "how-to" / "run-on-postgresql.md"
EVENTS_PER_SECOND = 100
WRITERS = 10
NAME = "trial"


@dataclass(frozen=True, slots=True)
class Cluster:
    """A server with TLS, and the roles of the how-to in the database ``trial``."""

    server: SystemPostgres

    def url(self, role: str, *, name: str = NAME, password: str | None = None, **parameters: str) -> str:
        """Give the URL for *role* (``owner``, ``app``), whose password is the how-to's if none is given."""
        words = password or {"owner": "change me", "app": "change me, too"}[role]
        given = {"sslmode": "verify-full", "sslrootcert": f"{self.server.folder}/ca.crt"} | parameters
        query = "&".join(f"{key}={value}" for key, value in given.items() if value)
        spelt = words.replace(" ", "%20").replace(",", "%2C")
        return (
            f"postgresql://trunkline_{role}:{spelt}@localhost:{self.server.port}/{name}?{query}".removesuffix(
                "?"
            )
        )

    def old_url(self, role: str) -> str:
        """Give the same as the last release takes it: it knows none of libpq's parameters, and encrypts if it can."""
        return self.url(role, sslmode="", sslrootcert="")

    def new(self, role: str = "app", **changed: str) -> dict[str, str]:
        """Give the environment of a process of this version."""
        return {
            "TRUNKLINE_DATABASE__URL": self.url(role, **changed),
            "TRUNKLINE_DATABASE__SCHEMA": "trunkline",
        }

    def dump(self, name: str = NAME) -> str:
        """Give everything that a database has."""
        file = self.server.folder / "dump.sql"
        self.call("pg_dump", "-d", name, "-f", str(file))
        lines = file.read_text().splitlines()
        return "\n".join(line for line in lines if not line.startswith(("\\restrict", "\\unrestrict")))

    def call(self, program: str, *arguments: str) -> None:
        """Run one of PostgreSQL's programs as superuser."""
        own = ["-h", str(self.server.folder), "-p", str(self.server.port), "-U", "postgres"]
        self.server.run(program, *own, *arguments)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with started_system_postgres() as server:
        (block,) = re.findall(r"```sql\n(CREATE ROLE.*?)```", HOW_TO.read_text(), re.DOTALL)
        asyncio.run(server.execute(f"CREATE DATABASE {NAME}"))
        asyncio.run(server.execute(block, name=NAME))
        for role in ("owner", "app"):  # the last release has no setting for it
            asyncio.run(server.execute(f"ALTER ROLE trunkline_{role} SET search_path = trunkline"))
        yield Cluster(server)


@pytest.fixture(scope="module")
def last_release(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What makes a process run the last release."""
    folder = tmp_path_factory.mktemp("last")
    archive = folder / "last.tar"
    command = ["git", "archive", "--output", archive, LAST_RELEASE, *ITS_FOLDERS]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:  # a shallow clone
        pytest.skip(f"the trial needs the repository with its whole history: {done.stderr}")
    subprocess.run(["tar", "-xf", archive, "-C", folder], check=True)
    return {"PYTHONPATH": ":".join(str(folder / one) for one in ITS_FOLDERS)}


async def test_from_the_last_release_to_this_one_and_back_from_a_backup(
    deploy, cluster, last_release, *, receiver, writers, until
):
    deployment = deploy(cluster.url("owner"))
    old = {**last_release, "TRUNKLINE_DATABASE__URL": cluster.old_url("app")}
    await _run(deployment, "migrate", **{**old, "TRUNKLINE_DATABASE__URL": cluster.old_url("owner")})
    servers = await asyncio.gather(*(deployment.serve("--no-migrate", **old) for _ in range(2)))
    workers = await asyncio.gather(*(deployment.work(**old) for _ in range(2)))
    for company in (1, 2):
        await _subscribe(deployment, servers[0], company, f"{receiver.url}/h", old)
    load = writers(deployment, servers.copy(), pause_seconds=WRITERS / EVENTS_PER_SECOND)
    load.start(WRITERS)
    await load.go_on(receiver, count=100)

    await _run(deployment, "migrate", **cluster.new("owner"))
    await load.go_on(receiver)
    for number in (0, 1, 0):  # both go from old to new, and one from new to new
        server, worker = await asyncio.gather(
            deployment.serve("--no-migrate", **cluster.new()), deployment.work(**cluster.new())
        )
        load.processes[number] = server
        await _stop(servers[number], workers[number])
        servers[number], workers[number] = server, worker
        await load.go_on(receiver)
    await load.stop()
    await load.check(receiver)
    assert set(await deployment.statuses()) == {"delivered"}
    assert not [p.errors.read_text() for p in deployment.processes if "Traceback" in p.errors.read_text()]

    file = str(cluster.server.folder / "backup")
    cluster.call("pg_dump", "-d", NAME, "-Fc", "-f", file)
    cluster.call("createdb", "restored")
    cluster.call("pg_restore", "-d", "restored", file)
    restored = await deployment.serve("--no-migrate", **cluster.new(name="restored"))
    for company, promised in load.accepted.items():
        assert await deployment.poll_all(restored, company) == sorted(promised)
    seen = receiver.count
    async with deployment.client(restored, 1) as client:
        assert (await client.post("/events", json=deployment.event(7))).status_code == 201
    await until(lambda: receiver.count == seen + 1, seconds=20, what="a push of the restored hub")


async def test_whatever_is_wrong_is_one_sentence_and_nothing_is_changed(deploy, cluster, tmp_path):
    deployment = deploy(cluster.url("owner"))
    await _run(deployment, "migrate", **cluster.new("owner"))
    await _run(deployment, "keys", "create", "--operator", "--name", "before", **cluster.new())
    before, files = cluster.dump(), _files(tmp_path)
    wrong = {
        "encryption key": ({"TRUNKLINE_AUTH__ENCRYPTION_KEY": "x" * 32}, "auth.encryption_key"),
        "pepper": ({"TRUNKLINE_AUTH__PEPPER": "x" * 32}, "auth.pepper"),
        "short pepper": (
            {"TRUNKLINE_AUTH__PEPPER": "short"},
            "'auth.pepper': must have 32 characters or more",
        ),
        "host": ({"TRUNKLINE_DATABASE__URL": "postgresql://x@localhost:1/trial"}, "localhost:1"),
        "password": (cluster.new(password="wrong"), "password"),
        "database": (cluster.new(name="nonesuch"), "nonesuch"),
        "authority": (cluster.new(sslrootcert=f"{cluster.server.folder}/other.crt"), "localhost"),
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
    port = {"TRUNKLINE_SERVER__PORT": str(free_port())}
    for what, (changed, named) in wrong.items():
        chosen = {**cluster.new(), **port, **changed}
        process = deployment.run(
            "serve", **{name: value for name, value in chosen.items() if value is not None}
        )
        code = await asyncio.to_thread(process.popen.wait, 30)
        said = process.errors.read_text()
        assert (code, said.count("\n"), process.output.read_text()) == (2, 1, ""), f"{what}: {code} {said}"
        assert named in said, f"{what}: {said}"
        assert "change%20me" not in said, what
        assert "change me" not in said, what
        process.errors.unlink()
        process.output.unlink()
    assert cluster.dump() == before
    assert _files(tmp_path) == files


def _files(folder: Path) -> set[str]:
    return {str(file) for file in folder.rglob("*")}


async def _run(deployment, *command: str, **environment: str) -> str:
    process = deployment.run(*command, **environment)
    code = await asyncio.to_thread(process.popen.wait, 60)
    assert code == 0, process.errors.read_text()
    return process.output.read_text().strip()


async def _stop(*processes) -> None:
    for process in processes:
        assert await asyncio.to_thread(process.stop) == 0


async def _subscribe(deployment, server, company: int, target: str, environment: dict[str, str]) -> None:
    """Make a company's key and its subscription to everything, as the last release does it."""
    scopes = [f"--scope={scope}" for scope in ("events:read", "events:write", "webhooks:write")]
    options = ["--company", str(company), "--name", "trial", *scopes]
    deployment.keys[company] = await _run(deployment, "keys", "create", *options, **environment)
    async with deployment.client(server, company) as client:
        wanted = {"target_url": target, "event_types": ["*"]}
        answer = await client.post("/webhooks/subscriptions", json=wanted)
    assert answer.status_code == 201, answer.text
    [(no,)] = await deployment.query(f"SELECT no FROM subscriptions WHERE id = '{answer.json()['id']}'")
    deployment.numbers[company] = no
