"""``trunkline serve`` as a separate process with its own database, and its use of the machine."""

import asyncio
import contextlib
import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Self

import psutil

_LISTENS = re.compile(rb"listens on (http://\S+)")
_START_SECONDS = 90.0
ENGINES = ("sqlite", "postgresql")
_NOT_INHERITED = ("TRUNKLINE_", "PYTHONDONTWRITEBYTECODE")
"""Variables that processes do not inherit; with the last variable, each process would compile everything again."""


def inherited() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(_NOT_INHERITED)}


def environment_of(url: str, name_server: str, **chosen: str) -> dict[str, str]:
    """Give the settings of a deployment on *url*: the defaults, but for targets and names on this machine."""
    settings_ = {
        "DATABASE__URL": url,
        "AUTH__PEPPER": "p" * 32,
        "AUTH__ENCRYPTION_KEY": "k" * 32,
        "DELIVERY__ALLOW_HTTP": "true",
        "DELIVERY__ALLOW_PRIVATE_NETWORKS": "true",
        "DELIVERY__NAME_SERVERS": name_server,
    } | chosen
    return {f"TRUNKLINE_{name}": value for name, value in settings_.items()}


class Deployment:
    """One process of ``trunkline serve``, and a worker if it *has_worker*. Entering starts them, leaving ends them."""

    def __init__(
        self, environment: Mapping[str, str], folder: Path, *, number: int, has_worker: bool = False
    ) -> None:
        self._environment = environment
        self._commands = [["serve", "--port", "0"], *([["worker"]] if has_worker else [])]
        self._folder = folder
        self.errors = folder / f"hub-{number}.txt"
        self._output = folder / f"hub-{number}.out"
        self.url = ""

    async def __aenter__(self) -> Self:
        with self._output.open("wb") as out, self.errors.open("wb") as errors:
            self._popen, *self._others = [
                subprocess.Popen(
                    [sys.executable, "-P", "-m", "trunkline.cli", *command],
                    cwd=self._folder,
                    env=inherited() | dict(self._environment),
                    stdout=out,
                    stderr=errors,
                )
                for command in self._commands
            ]
        self.process = psutil.Process(self._popen.pid)
        try:
            self.url = await self._listens()
        except BaseException:
            self._end()
            raise
        return self

    async def __aexit__(self, *details: object) -> None:
        self._end()

    @property
    def is_alive(self) -> bool:
        return self._popen.poll() is None

    @property
    def pid(self) -> int:
        return self._popen.pid

    def log(self) -> str:
        """Give the end of the process's standard error."""
        return self.errors.read_text(errors="replace")[-1500:]

    async def _listens(self) -> str:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline and self.is_alive:
            if found := _LISTENS.search(self._output.read_bytes()):
                return found[1].decode()
            await asyncio.sleep(0.05)
        msg = f"the hub did not start: {self.log()}"
        raise RuntimeError(msg)

    def _end(self) -> None:
        for process in (self._popen, *self._others):
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            process.wait()


class Meter:
    """Samples a process ten times a second. Enter it to begin."""

    def __init__(self, process: psutil.Process) -> None:
        self._process = process
        self._samples: list[tuple[float, int, int]] = []

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._watch())
        return self

    async def __aexit__(self, *details: object) -> None:
        self._task.cancel()

    def memory(self, since: float, until: float) -> int:
        """Give the process's highest memory in bytes between two moments (monotonic seconds)."""
        return max((rss for at, rss, _ in self._samples if since <= at <= until), default=0)

    def descriptors(self, since: float, until: float) -> int:
        """Give the process's highest number of open files and sockets between two moments."""
        return max((count for at, _, count in self._samples if since <= at <= until), default=0)

    def cpu_seconds(self) -> float:
        """Give the CPU time that the process has used so far."""
        with contextlib.suppress(psutil.Error):
            times = self._process.cpu_times()
            return times.user + times.system
        return 0.0

    async def _watch(self) -> None:
        while True:
            with contextlib.suppress(psutil.Error):
                sample = (time.monotonic(), self._process.memory_info().rss, self._process.num_fds())
                self._samples.append(sample)
            await asyncio.sleep(0.1)
