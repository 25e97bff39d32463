"""The command line in a temporary folder: inside this process if that suffices, otherwise as a real process."""

import contextlib
import json
import logging
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
from typer.testing import CliRunner, Result

from trunkline.cli import app

SECRETS = {
    "TRUNKLINE_AUTH__PEPPER": "a pepper for tests, of 32 characters or more",
    "TRUNKLINE_AUTH__ENCRYPTION_KEY": "an encryption key for tests, long enough too",
}
LOOSE = {"TRUNKLINE_DELIVERY__ALLOW_HTTP": "true", "TRUNKLINE_DELIVERY__ALLOW_PRIVATE_NETWORKS": "true"}
"""Settings of a hub that may send to this machine."""
READY = {"database": "ok", "log": "ok", "plugins": "ok", "dispatcher": "ok"}
"""The answer of ``/readyz``."""


def wait_until(condition: Callable[[], Any], seconds: float = 60.0) -> Any:
    """Wait until *condition* is true, in a test that has no loop; return its value."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)
    return value


@dataclass(frozen=True, slots=True)
class Process:
    """A running command; *output* and *errors* are files, so that no pipe can fill up."""

    popen: subprocess.Popen[bytes]
    output: Path
    errors: Path

    def says(self, pattern: str) -> re.Match[str]:
        """Wait until its output begins with *pattern*."""

        def find() -> re.Match[str] | None:
            assert self.popen.poll() is None, self.errors.read_text()
            return re.match(pattern, self.output.read_text())

        return wait_until(find)

    def url(self) -> str:
        """Wait for the line with the address of a hub; return the address."""
        return self.says(r"trunkline listens on (http://\S+) · docs \1/docs\n")[1]

    def stop(self, with_signal: signal.Signals = signal.SIGTERM) -> int:
        self.popen.send_signal(with_signal)
        return self.popen.wait(60)

    def children(self) -> list[psutil.Process]:
        return psutil.Process(self.popen.pid).children()


@dataclass(frozen=True, slots=True)
class CommandLine:
    """Runs commands in *folder*, where *environment* is set."""

    folder: Path
    environment: Mapping[str, str]

    def invoke(self, *arguments: str, stdin: str | None = None) -> Result:
        with contextlib.chdir(self.folder), _logging_restored():
            return CliRunner().invoke(app, [*arguments], input=stdin, env={**self.environment})

    def done(self, *arguments: str, stdin: str | None = None) -> str:
        """Run a command that must succeed; return its output."""
        result = self.invoke(*arguments, stdin=stdin)
        assert result.exit_code == 0, result.output
        return result.stdout

    def json(self, *arguments: str, stdin: str | None = None) -> Any:
        return json.loads(self.done(*arguments, "--json", stdin=stdin))

    def refused(self, *arguments: str, code: int = 2, stdin: str | None = None) -> str:
        """Run a command that must end with *code* and without output; return its errors."""
        result = self.invoke(*arguments, stdin=stdin)
        assert (result.exit_code, result.stdout) == (code, ""), result.output
        return result.stderr

    def create_key(self, *arguments: str) -> str:
        """Make a key, of company 92 with the scope ``admin`` unless *arguments* say otherwise; return it."""
        chosen = arguments or ("--company", "92", "--scope", "admin")
        return self.done("keys", "create", "--name", "n", *chosen).strip()

    def emit(self, kind: str = "client.created", *, company: str = "92") -> Any:
        return json.loads(self.done("events", "emit", kind, "--company", company))

    def changed(self, **environment: str) -> "CommandLine":
        return CommandLine(self.folder, {**self.environment, **environment})

    @property
    def database(self) -> Path:
        return Path(self.environment["TRUNKLINE_DATABASE__URL"].removeprefix("sqlite:///"))

    def execute(self, statement: str, *parameters: object) -> list[Any]:
        """Execute a statement in the SQLite database; return its rows."""
        with contextlib.closing(sqlite3.connect(self.database)) as connection, connection:
            return connection.execute(statement, parameters).fetchall()

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command as a process, to its end."""
        return subprocess.run(
            self._command(arguments), cwd=self.folder, env=self._environment(), capture_output=True, text=True,
            timeout=120, check=False,
        )  # fmt: skip

    @contextlib.contextmanager
    def started(self, *arguments: str) -> Iterator[Process]:
        """Run a command as a process, for as long as the block lasts."""
        output, errors = self.folder / "output.txt", self.folder / "errors.txt"
        with output.open("wb") as out, errors.open("wb") as err:
            popen = subprocess.Popen(
                self._command(arguments), cwd=self.folder, env=self._environment(), stdout=out, stderr=err
            )
        try:
            yield Process(popen, output, errors)
        finally:
            popen.kill()
            popen.wait()

    @contextlib.contextmanager
    def serving(self, *options: str) -> Iterator[tuple[Process, str]]:
        """Run ``serve`` at a free port for as long as the block lasts; give the process and its address."""
        with self.started("serve", "--port", "0", *options) as process:
            yield process, process.url()

    def with_plugins(self, *names: str) -> "CommandLine":
        """Give the same with only these plugins: a command starts in a third of the time."""
        return self.changed(TRUNKLINE_PLUGINS__ENABLED=",".join(names))

    def _command(self, arguments: Sequence[str]) -> list[str]:
        return [sys.executable, "-P", "-m", "trunkline.cli", *arguments]

    def _environment(self) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("TRUNKLINE_")}
        # No load balancer is in front.
        return inherited | {"TRUNKLINE_SERVER__DRAIN_SECONDS": "0"} | self.environment


@contextlib.contextmanager
def _logging_restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    try:
        yield
    finally:
        root.handlers, root.level = handlers, level
        logging.captureWarnings(False)


@pytest.fixture
def cli(tmp_path: Path) -> CommandLine:
    """Give the command line in an empty folder, with the default settings."""
    folder = tmp_path / "here"
    folder.mkdir()
    return CommandLine(folder, {})


@pytest.fixture
def migrated_cli(cli: CommandLine, sqlite_database_url: str) -> CommandLine:
    """Give the command line over a migrated SQLite database, with only the plugin for webhooks."""
    return cli.changed(TRUNKLINE_DATABASE__URL=sqlite_database_url, **SECRETS).with_plugins("webhooks")


@pytest.fixture
def postgres_cli(cli: CommandLine, postgres_database_url: str) -> CommandLine:
    """Give the command line over a migrated PostgreSQL database, with only the plugin for webhooks."""
    return cli.changed(TRUNKLINE_DATABASE__URL=postgres_database_url, **SECRETS).with_plugins("webhooks")


@pytest.fixture(params=["migrated_cli", "postgres_cli"], ids=["sqlite", "postgresql"])
def either_cli(request: pytest.FixtureRequest) -> CommandLine:
    """Give the command line over a migrated database, on both engines in turn."""
    return request.getfixturevalue(request.param)


def write_metadata(
    folder: Path, name: str, *, version: str = "1.2", requires: str = "trunkline>=0.1,<1"
) -> None:
    """Write the metadata of a plugin's distribution into *folder*, as pip does beside its module."""
    metadata = folder / f"acme_{name}-{version}.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: acme-{name}\nVersion: {version}\nRequires-Dist: {requires}\n"
    )
    (metadata / "entry_points.txt").write_text(f"[trunkline]\n{name} = acme_{name}\n")


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Path]]:
    """Install a plugin of one module, ``acme_NAME``; give its file."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))

    def lay(name: str, source: str, **metadata: str) -> Path:
        module = folder / f"acme_{name}.py"
        module.write_text(source)
        write_metadata(folder, name, **metadata)
        return module

    yield lay
    for name in [name for name in sys.modules if name.startswith("acme_")]:
        del sys.modules[name]
