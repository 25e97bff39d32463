"""The command line in a temporary folder: inside this process if that suffices, otherwise as a real process."""

import contextlib
import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from trunkline.cli import app

SECRETS = {
    "TRUNKLINE_AUTH__PEPPER": "a pepper for tests, of 32 characters or more",
    "TRUNKLINE_AUTH__ENCRYPTION_KEY": "an encryption key for tests, long enough too",
}


@dataclass(frozen=True, slots=True)
class Process:
    """A running command; *output* and *errors* are files, so that no pipe can fill up."""

    popen: subprocess.Popen[bytes]
    output: Path
    errors: Path


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

    def changed(self, **environment: str) -> "CommandLine":
        return CommandLine(self.folder, {**self.environment, **environment})

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

    def with_plugins(self, *names: str) -> "CommandLine":
        """Give the same with only these plugins: a command starts in a third of the time."""
        return CommandLine(self.folder, {**self.environment, "TRUNKLINE_PLUGINS__ENABLED": ",".join(names)})

    def _command(self, arguments: Sequence[str]) -> list[str]:
        return [sys.executable, "-P", "-m", "trunkline.cli", *arguments]

    def _environment(self) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("TRUNKLINE_")}
        return (
            inherited | {"TRUNKLINE_SERVER__DRAIN_SECONDS": "0"} | self.environment
        )  # no load balancer is in front


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
    environment = {"TRUNKLINE_DATABASE__URL": sqlite_database_url, **SECRETS}
    return CommandLine(cli.folder, environment).with_plugins("webhooks")


@pytest.fixture
def postgres_cli(cli: CommandLine, postgres_database_url: str) -> CommandLine:
    """Give the command line over a migrated PostgreSQL database, with only the plugin for webhooks."""
    environment = {"TRUNKLINE_DATABASE__URL": postgres_database_url, **SECRETS}
    return CommandLine(cli.folder, environment).with_plugins("webhooks")


@pytest.fixture(params=["migrated_cli", "postgres_cli"], ids=["sqlite", "postgresql"])
def either_cli(request: pytest.FixtureRequest) -> CommandLine:
    """Give the command line over a migrated database, on both engines in turn."""
    return request.getfixturevalue(request.param)
