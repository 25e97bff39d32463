"""PostgreSQL servers from the system's packages: with TLS, with standbys, with a pooler in front.

The other tests use a server from pip, which has no TLS. A test that needs a server of this module is skipped if Debian's package
``postgresql`` (or ``pgbouncer``) is not installed. PostgreSQL refuses to run as root, so root runs servers as the user ``postgres``.
"""

import asyncio
import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest
from tests.certificates import issue
from tests.programs import free_port, output_of, wait_for_port

_CONFIGURATION = """
listen_addresses = 'localhost'
port = {port}
unix_socket_directories = '{folder}'
fsync = off
max_connections = 200
wal_keep_size = '64MB'
ssl = on
ssl_cert_file = '{folder}/server.crt'
ssl_key_file = '{folder}/server.key'
ssl_ca_file = '{folder}/ca.crt'
"""
_WHO_MAY_CONNECT = """
local all all trust
local replication postgres trust
hostssl all over_tls,trunkline_owner,trunkline_app samehost scram-sha-256
hostssl all by_certificate samehost cert
hostnossl all in_clear samehost trust
host all postgres samehost trust
host all by_password samehost scram-sha-256
host replication postgres samehost trust
"""
PASSWORD = "o'pen %41 sesame"
_START_SECONDS = 90


def _programs() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    if not found:
        pytest.skip("there is no PostgreSQL with TLS here: Debian's package 'postgresql' brings it")
    return found[-1].parent


def _account() -> str | None:
    """Give the user that runs servers; None for the user who runs the tests."""
    if os.geteuid() != 0:
        return None
    try:
        pwd.getpwnam("postgres")
    except KeyError:
        pytest.skip(
            "servers do not run as root, and there is no user 'postgres': Debian's package 'postgresql' brings it"
        )
    return "postgres"


def _write_certificates(folder: Path) -> None:
    """Write the certificates of a server and of a client, and those of their authority and of another."""
    authority, other = (issue(name, is_authority=True) for name in ("ca", "other"))
    (folder / "ca.crt").write_bytes(authority.pem)
    (folder / "other.crt").write_bytes(other.pem)
    for file, name in (("server", "localhost"), ("client", "by_certificate")):
        issued = issue(name, issuer=authority)
        (folder / f"{file}.crt").write_bytes(issued.pem)
        (folder / f"{file}.key").write_bytes(issued.key_pem)
        (folder / f"{file}.key").chmod(0o600)


@dataclass
class SystemPostgres:
    """A server of the system's package. Its certificate names ``localhost``, and not ``127.0.0.1``."""

    folder: Path
    programs: Path
    account: str | None
    port: int

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def url(self, role: str = "postgres", *, name: str = "postgres", host: str = "127.0.0.1") -> str:
        return f"postgresql://{role}@{host}:{self.port}/{name}"

    def run(self, program: str, *arguments: str) -> None:
        """Run one of PostgreSQL's programs as the server's user."""
        self.call([str(self.programs / program), *arguments])

    def call(self, command: Sequence[str]) -> None:
        """Run *command* as the server's user."""
        output_of(*command, user=self.account, cwd="/")

    def start(self) -> None:
        log = str(self.folder / "log")
        self.run("pg_ctl", "-D", str(self.data), "-l", log, "-w", "-t", str(_START_SECONDS), "start")

    def stop(self) -> None:
        """Stop the server at once, as a crash would, if it runs."""
        if (self.data / "postmaster.pid").exists():
            self.run("pg_ctl", "-D", str(self.data), "-m", "immediate", "-w", "stop")

    def promote(self) -> None:
        self.run("pg_ctl", "-D", str(self.data), "-w", "promote")

    async def execute(self, *statements: str, name: str = "postgres") -> None:
        connection = await asyncpg.connect(
            host=str(self.folder), port=self.port, user="postgres", database=name
        )
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()

    async def until(self, condition: str) -> None:
        async with asyncio.timeout(60):
            connection = await asyncpg.connect(host=str(self.folder), port=self.port, user="postgres")
            try:
                while not await connection.fetchval(f"SELECT {condition}"):
                    await asyncio.sleep(0.05)
            finally:
                await connection.close()

    def _configure(self) -> None:
        with (self.data / "postgresql.conf").open("a") as stream:
            stream.write(_CONFIGURATION.format(port=self.port, folder=self.folder))
        (self.data / "pg_hba.conf").write_text(_WHO_MAY_CONNECT)

    def initialise(self) -> None:
        self.run("initdb", "-D", str(self.data), "-U", "postgres", "-E", "UTF8", "--no-sync", "-A", "trust")
        self._configure()

    def copy(self, primary: "SystemPostgres") -> None:
        arguments = ["-D", str(self.data), "-h", str(primary.folder), "-p", str(primary.port)]
        self.run(
            "pg_basebackup", *arguments, "-U", "postgres", "-R", "--no-sync", "-c", "fast", "-X", "stream"
        )
        self._configure()


@contextlib.contextmanager
def prepared_postgres(programs: Path | None = None) -> Generator[SystemPostgres]:
    """Prepare the folder and the certificates of a server of *programs* or of the newest version; stop and remove it at the end."""
    programs, account = programs or _programs(), _account()
    folder = Path(tempfile.mkdtemp(prefix="tl-pg-"))
    server = SystemPostgres(folder, programs, account, free_port())
    try:
        _write_certificates(folder)
        folder.chmod(0o755)
        if account is not None:
            for path in (folder, *folder.iterdir()):
                shutil.chown(path, account)
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


COPIED = "EXISTS (SELECT 1 FROM pg_stat_replication WHERE replay_lsn = pg_current_wal_lsn())"
"""Whether the standby has everything that the primary has written."""


@contextlib.contextmanager
def primary_and_standby() -> Generator[tuple[SystemPostgres, SystemPostgres, str]]:
    """Start a server and its standby; the URL names both and selects the one that accepts writes."""
    with prepared_postgres() as first, prepared_postgres() as second:
        first.initialise()
        first.start()
        second.copy(first)
        second.start()
        hosts = f"127.0.0.1:{first.port},127.0.0.1:{second.port}"
        options = "target_session_attrs=read-write&connect_timeout=10"
        yield first, second, f"postgresql://postgres@{hosts}/postgres?{options}"


@contextlib.contextmanager
def started_system_postgres() -> Generator[SystemPostgres]:
    """Start a server with the roles in its ``pg_hba.conf``."""
    with prepared_postgres() as server:
        server.initialise()
        server.start()
        quoted = PASSWORD.replace("'", "''")
        asyncio.run(
            server.execute(
                f"CREATE ROLE over_tls LOGIN PASSWORD '{quoted}'",
                f"CREATE ROLE by_password LOGIN PASSWORD '{quoted}'",
                "CREATE ROLE by_certificate LOGIN",
                "CREATE ROLE in_clear LOGIN",
            )
        )
        yield server


@dataclass(frozen=True, slots=True)
class Pooler:
    """A pgbouncer in front of a server."""

    port: int
    log: Path

    def url(self, name: str = "postgres") -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/{name}"


@contextlib.contextmanager
def started_pooler(
    server: SystemPostgres, *, mode: str, prepared_statements: int = 200, ignoring: str = ""
) -> Generator[Pooler]:
    """Start a pgbouncer in front of *server*, with *mode* as ``pool_mode`` and five connections to share."""
    program = shutil.which("pgbouncer") or shutil.which("/usr/sbin/pgbouncer")
    if program is None:
        pytest.skip("there is no pgbouncer here: Debian's package 'pgbouncer' brings it")
    folder = Path(tempfile.mkdtemp(prefix="tl-bouncer-", dir=server.folder))
    pooler = Pooler(free_port(), folder / "log")
    (folder / "pgbouncer.ini").write_text(
        f"[databases]\n* = host={server.folder} port={server.port} user=postgres\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {pooler.port}\nunix_socket_dir =\n"
        f"auth_type = any\nlogfile = {pooler.log}\npool_mode = {mode}\ndefault_pool_size = 5\n"
        f"max_prepared_statements = {prepared_statements}\nignore_startup_parameters = {ignoring}\n"
    )
    if server.account is not None:
        for path in (folder, *folder.iterdir()):
            shutil.chown(path, server.account)
    process = subprocess.Popen(
        [program, "-q", str(folder / "pgbouncer.ini")],
        user=server.account,
        cwd="/",
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for_port(pooler.port, process)
        yield pooler
    finally:
        process.kill()  # it would wait for its clients
        process.wait()
