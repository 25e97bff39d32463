"""Pushes to a real server: bursts at the moment when kept connections close, and a reload between them."""

import asyncio
import contextlib
import os
import random
import subprocess
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from tests.programs import free_port
from tests.real_servers.servers import APP, Server

from trunkline.contract import Push, Target
from trunkline.model.deliveries import Outcome, Result
from trunkline.outbound import Outbound
from trunkline.outbound.push import deliver
from trunkline.targets.addresses import AddressPolicy
from trunkline_kit.receiver import Receiver

DEVELOPMENT = AddressPolicy(allow_http=True, allow_private_networks=True)
IDLE_SECONDS = 1.0
"""Each server closes an idle connection after this time."""
AT_ONCE = 12

Seen = Callable[[], Counter[str]]


@dataclass(frozen=True, slots=True)
class Outcomes:
    """The *results* of the pushes by event, and how often the server has *seen* each event."""

    results: dict[str, Result]
    seen: Counter[str]
    connections: int

    @property
    def failed(self) -> list[str | None]:
        return [
            result.error or str(result.status_code)
            for result in self.results.values()
            if result.outcome is not Outcome.DELIVERED
        ]

    @property
    def lost(self) -> list[str]:
        """Name the events that were reported as delivered, but did not reach the server."""
        return [event for event in self.results if not self.seen[event]]

    @property
    def repeated(self) -> list[str]:
        """Name the events that reached the server more often than there were attempts."""
        return [event for event, result in self.results.items() if self.seen[event] > 1 + result.sent_twice]


async def drive(server: Server, folder: Path, *, bursts: int) -> Outcomes:
    """Push *bursts* times, with pauses about as long as the server keeps a connection; reload the server in between."""
    chance = random.Random(0)
    results: dict[str, Result] = {}
    async with (
        Outbound(DEVELOPMENT, timeout_seconds=10) as http,
        _running(server, folder) as (url, seen, reload),
    ):
        for burst in range(bursts):

            async def push_some(lane: int, burst: int = burst) -> None:
                for number in range(chance.randrange(1, 6)):
                    event = f"{burst}-{lane}-{number}"
                    target = Target(subscription_id="sub_1", company_id=1, url=url)
                    results[event] = await deliver(Push(event, "a.b", event, 1, 0, b"{}", target), http)

            pushing = [asyncio.create_task(push_some(lane)) for lane in range(AT_ONCE)]
            if reload is not None and burst % 4 == 2:
                await reload()
            await asyncio.gather(*pushing)
            await asyncio.sleep(IDLE_SECONDS + chance.choice((-1, -0.02, -0.005, 0, 0.005, 0.02)))
        return Outcomes(results, seen(), http.connections_opened)


@contextlib.asynccontextmanager
async def _running(
    server: Server, folder: Path
) -> AsyncIterator[tuple[str, Seen, Callable[[], Awaitable[None]] | None]]:
    port, noted = free_port(), folder / "seen"
    noted.touch()
    config = folder / "config"
    async with Receiver() as backend:
        if server.config is not None:
            config.write_text(server.config.format(folder=folder, port=port, backend=backend.port))
        command = [part.format(folder=folder, port=port, config=config) for part in server.command]
        path = f"{os.environ['PATH']}:/usr/sbin"
        environment = {**os.environ, "PATH": path, "SEEN": str(noted), "PYTHONPATH": str(APP.parent)}
        with (folder / "output").open("wb") as output:
            process = subprocess.Popen(command, cwd=folder, env=environment, stdout=output, stderr=output)

        def seen() -> Counter[str]:
            if server.config is not None:
                return Counter(request.headers["webhook-id"] for request in backend.requests)
            return Counter(noted.read_text().split())

        async def reload() -> None:
            assert server.reload is not None
            process.send_signal(server.reload)
            await asyncio.sleep(0.02)

        try:
            await _listens(process, port, folder)
            yield f"http://127.0.0.1:{port}/", seen, reload if server.reload else None
        finally:
            process.terminate()
            try:
                await asyncio.to_thread(process.wait, 5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


async def _listens(process: "subprocess.Popen[bytes]", port: int, folder: Path) -> None:
    async with asyncio.timeout(60):
        while True:
            assert process.poll() is None, (folder / "output").read_text()
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                return
            await asyncio.sleep(0.05)
