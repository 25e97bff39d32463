"""``trunkline serve`` as a process of its own, on a database of its own, and what it uses of the machine."""

import asyncio
import contextlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path
from typing import Self

import psutil
from furniture import Furniture, furnish

from trunkline import settings
from trunkline.hub.hub import Hub
from trunkline.testing.databases import PostgresServer, started_postgres

_LISTENS = re.compile(rb"listens on (http://\S+)")
_START_SECONDS = 90.0
ENGINES = ("sqlite", "postgresql")


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


class Templates:
    """A furnished database of each engine, of which each case gets a copy. Enter it to make them."""

    def __init__(self, *, target_url: str, name_server: str) -> None:
        self._target_url = target_url
        self._name_server = name_server
        self._furniture: dict[str, Furniture] = {}

    async def __aenter__(self) -> Self:
        async with contextlib.AsyncExitStack() as stack:
            self.folder = Path(tempfile.mkdtemp(prefix="tl-isolation-"))
            stack.callback(shutil.rmtree, self.folder, ignore_errors=True)
            self._postgres = stack.enter_context(contextlib.ExitStack())
            self._server: PostgresServer | None = None
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *details: object) -> None:
        await self._stack.aclose()

    @contextlib.asynccontextmanager
    async def lend(self, engine: str, number: int) -> AsyncGenerator[tuple[str, Furniture]]:
        """Lend a furnished database; gives its URL, and who is in it."""
        if engine == "sqlite":
            template = f"sqlite:///{self.folder / 'furnished.db'}"
            furniture = await self._furnished(engine, template)
            file = self.folder / f"case-{number}.db"
            shutil.copyfile(self.folder / "furnished.db", file)
            yield f"sqlite:///{file}", furniture
            for left in self.folder.glob(f"case-{number}.db*"):
                left.unlink()
            return
        server = self._started()
        if engine not in self._furniture:
            self._template = await server.create()
        furniture = await self._furnished(engine, server.url_of(self._template))
        name = await server.create(template=self._template)
        try:
            yield server.url_of(name), furniture
        finally:
            await server.drop(name)

    def _started(self) -> PostgresServer:
        if self._server is None:
            self._server = PostgresServer(self._postgres.enter_context(started_postgres()).get_uri())
        return self._server

    async def _furnished(self, engine: str, url: str) -> Furniture:
        if engine not in self._furniture:
            environment = environment_of(url, self._name_server)
            async with Hub(settings.load(environment=environment), dispatch=False) as hub:
                self._furniture[engine] = await furnish(hub, self._target_url)
        return self._furniture[engine]


class Deployment:
    """One process of ``trunkline serve``. Enter it to start it, leave it to end it."""

    def __init__(self, environment: Mapping[str, str], folder: Path, *, number: int) -> None:
        self._environment = environment
        self._folder = folder
        self.errors = folder / f"case-{number}.txt"
        self._output = folder / f"case-{number}.out"
        self.url = ""

    async def __aenter__(self) -> Self:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("TRUNKLINE_")}
        with self._output.open("wb") as out, self.errors.open("wb") as errors:
            self._popen = subprocess.Popen(
                [sys.executable, "-P", "-m", "trunkline.cli", "serve", "--port", "0"],
                cwd=self._folder,
                env=inherited | dict(self._environment),
                stdout=out,
                stderr=errors,
            )
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
        """Whether the process runs."""
        return self._popen.poll() is None

    @property
    def pid(self) -> int:
        """The number of its process."""
        return self._popen.pid

    def log(self) -> str:
        """Give the end of what it wrote to standard error."""
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
        with contextlib.suppress(ProcessLookupError):
            self._popen.kill()
        self._popen.wait()


class Meter:
    """Looks at a process ten times a second. Enter it to begin."""

    def __init__(self, process: psutil.Process) -> None:
        self._process = process
        self._samples: list[tuple[float, int, int]] = []

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._watch())
        return self

    async def __aexit__(self, *details: object) -> None:
        self._task.cancel()

    def memory(self, since: float, until: float) -> int:
        """Give the most bytes that it held between two moments (monotonic seconds)."""
        return max((rss for at, rss, _ in self._samples if since <= at <= until), default=0)

    def descriptors(self, since: float, until: float) -> int:
        """Give the most files and sockets that it had open between two moments."""
        return max((count for at, _, count in self._samples if since <= at <= until), default=0)

    def cpu_seconds(self) -> float:
        """Give the processor time that it has used so far."""
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
