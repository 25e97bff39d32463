"""A real Redis server, and the far side of the channel at it."""

import asyncio
import shutil
import socket
import subprocess
import time
from pathlib import Path

import redis.asyncio

from trunkline.testing import LONGEST_WAIT_SECONDS, Arrival, Relay, RelayedFarSide

PASSWORD = "s3cret-of-redis"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class RedisServer:
    """A server for one test, which keeps nothing on disk."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.port = port
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        program = shutil.which("redis-server") or "/usr/bin/redis-server"
        options = ("--bind", "127.0.0.1", "--port", str(self.port), "--save", "", "--requirepass", PASSWORD)
        self.folder.mkdir(exist_ok=True)
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen([program, *options], cwd=self.folder, stdout=log, stderr=log)
        deadline = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                assert time.monotonic() < deadline, (self.folder / "server.log").read_text()
                time.sleep(0.02)
            else:
                return

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(60)
            self.process = None

    def client(self) -> redis.asyncio.Redis:
        return redis.asyncio.Redis(port=self.port, password=PASSWORD, decode_responses=False)


class Consumer(RelayedFarSide):
    """Reads one stream of *server*, over a relay that may break."""

    def __init__(self, server: RedisServer, relay: Relay, stream: str) -> None:
        super().__init__(relay)
        self.target = {
            "host": "127.0.0.1",
            "port": relay.port,
            "tls": False,
            "stream": stream,
            "password": PASSWORD,
        }
        self._server = server
        self._stream = stream

    async def entries(self) -> list[dict[str, bytes]]:
        async with self._server.client() as client:
            return [
                {name.decode(): value for name, value in fields.items()}
                for _, fields in await client.xrange(self._stream)
            ]

    async def arrivals(self, count: int) -> list[Arrival]:
        async with asyncio.timeout(LONGEST_WAIT_SECONDS):
            while len(entries := await self.entries()) < count:
                await asyncio.sleep(0.02)
        return [_arrival_of(entry) for entry in entries]

    async def accept(self) -> bool:
        async with self._server.client() as client:
            await client.config_set("maxmemory", "0")
            if await client.type(self._stream) == b"string":
                await client.delete(self._stream)
        return await super().accept()

    def refusals(self):
        return {"the key holds something else": self._take_key}

    async def _take_key(self) -> None:
        async with self._server.client() as client:
            await client.set(self._stream, "mine")

    async def refuse_for_now(self) -> bool:
        async with self._server.client() as client:
            await client.config_set("maxmemory", "1")
        return True

    async def another(self) -> "Consumer":
        return Consumer(self._server, await self.relay.beside(), f"{self._stream}-other")


def _arrival_of(entry: dict[str, bytes]) -> Arrival:
    headers = {name: value.decode() for name, value in entry.items() if name != "event"}
    return Arrival(headers["webhook-id"], entry["event"], headers, time.monotonic())
