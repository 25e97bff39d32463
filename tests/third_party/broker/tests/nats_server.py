"""A real NATS server with JetStream, and the far side of the channel at it."""

import asyncio
import shutil
import signal
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import nats
from nats.aio.client import Client
from nats.aio.subscription import Subscription
from nats.js.api import StreamConfig
from nats.js.errors import NotFoundError

from trunkline.testing import LONGEST_WAIT_SECONDS, Arrival, FarSide

STREAM = "TRUNKLINE"
SUBJECTS = "trunkline.>"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class NatsServer:
    """A NATS server for one test, which can be stopped and started on its port."""

    def __init__(self, folder: Path, port: int, *options: str) -> None:
        self.folder = folder
        self.port = port
        self.options = options
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    def start(self) -> None:
        program = shutil.which("nats-server") or "/usr/sbin/nats-server"
        place = ("--addr", "127.0.0.1", "--port", str(self.port), "--store_dir", str(self.folder))
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen([program, "-js", *place, *self.options], stdout=log, stderr=log)
        deadline = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                log_text = (self.folder / "server.log").read_text()
                assert self.process.poll() is None, log_text
                assert time.monotonic() < deadline, log_text
                time.sleep(0.05)
            else:
                return

    def stop(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
            self.process.wait(60)
            self.process = None

    def freeze(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    async def make_stream(self, **config) -> None:
        async with await nats.connect(self.url) as client:
            await client.jetstream().add_stream(StreamConfig(name=STREAM, subjects=[SUBJECTS], **config))

    async def drop_stream(self) -> None:
        async with await nats.connect(self.url) as client:
            for name in (STREAM, "OTHER"):
                with suppress(NotFoundError):
                    await client.jetstream().delete_stream(name)

    async def replace_stream(self) -> None:
        """Have another stream take the subjects."""
        await self.drop_stream()
        async with await nats.connect(self.url) as client:
            await client.jetstream().add_stream(name="OTHER", subjects=[SUBJECTS])

    async def kept(self) -> list:
        """Give every message that the stream keeps, in order."""
        async with await nats.connect(self.url) as client:
            stream = client.jetstream()
            state = (await stream.stream_info(STREAM)).state
            return [
                await stream.get_msg(STREAM, seq) for seq in range(state.first_seq or 1, state.last_seq + 1)
            ]


class Feed(FarSide):
    """Listens to the subjects, and receives every publish, also a publish that the stream already has."""

    def __init__(self, server: NatsServer, client: Client, name: str, subjects: str = SUBJECTS) -> None:
        self.url = f"nats:{name}"
        self.impossible = ("nats:*", "nats:a.b", "nats:>")
        self.name = name
        self._server = server
        self._client = client
        self._heard: list[Arrival] = []
        self._subjects = subjects
        self._subscription: Subscription | None = None

    async def listen(self) -> "Feed":
        self._subscription = await self._client.subscribe(self._subjects, cb=self._hear)
        await self._client.flush()
        return self

    async def _hear(self, message) -> None:
        if message.headers and message.headers.get("trunkline-feed") == self.name:
            event_id = message.headers["Nats-Msg-Id"].partition(".")[0]
            headers = {name.lower(): value for name, value in message.headers.items()}
            key = message.headers["Nats-Msg-Id"]
            self._heard.append(Arrival(event_id, message.data, headers, time.monotonic(), key=key))

    async def arrivals(self, count: int) -> list[Arrival]:
        async with asyncio.timeout(LONGEST_WAIT_SECONDS):
            while len(self._heard) < count:
                await asyncio.sleep(0.02)
        return list(self._heard)

    async def accept(self) -> bool:
        await self._server.drop_stream()
        await self._server.make_stream()
        if self._subscription is None:
            await self.listen()
        return True

    async def refuse_for_now(self) -> bool:
        """Drop the stream, and do not listen: who listens takes the subject, and the client waits for an answer in vain."""
        await self._server.drop_stream()
        if self._subscription is not None:
            await self._subscription.unsubscribe()
            self._subscription = None
        await self._client.flush()
        return True

    def refusals(self):
        return {"another stream has the subjects": self._server.replace_stream}

    async def another(self) -> "Feed":
        return await Feed(self._server, self._client, f"{self.name}-other").listen()

    async def of_company(self, company_id: int) -> "Feed":
        subjects = f"trunkline.{company_id}.>"
        return await Feed(self._server, self._client, self.name, subjects).listen()
