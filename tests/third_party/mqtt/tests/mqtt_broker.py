"""A real mosquitto, and the far side of the channel at it: a listener on a topic."""

import asyncio
import shutil
import signal
import socket
import struct
import subprocess
import time
from pathlib import Path

from trunkline_mqtt import length, packet, text

from trunkline.testing import LONGEST_WAIT_SECONDS, Arrival, Relay, RelayedFarSide

USER, PASSWORD = "hub", "s3cret-of-mqtt"
RELOADED = "Reloading config."


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Mosquitto:
    """A broker for one test."""

    def __init__(self, folder: Path, port: int, *options: str) -> None:
        self.folder = folder
        self.port = port
        self.options = options
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        passwords = self.folder / "passwords"
        subprocess.run(["mosquitto_passwd", "-b", "-c", passwords, USER, PASSWORD], check=True)
        self._write_rights("readwrite")
        lines = [
            f"listener {self.port} 127.0.0.1",
            "user root",
            f"password_file {passwords}",
            f"acl_file {self.folder / 'rights'}",
            *self.options,
        ]
        config = self.folder / "mosquitto.conf"
        config.write_text("\n".join([*lines, ""]))
        program = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen([program, "-c", config], stdout=log, stderr=log)
        deadline = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                assert time.monotonic() < deadline, (self.folder / "server.log").read_text()
                time.sleep(0.02)
            else:
                return

    def _write_rights(self, right: str) -> None:
        text = f"user {USER}\ntopic {right} crm/#\ntopic {right} crm-other/#\n"
        (self.folder / "rights").write_text(text)

    async def grant(self, right: str) -> None:
        """Give the user *right* on the topics: ``read`` or ``readwrite``."""
        log = self.folder / "server.log"
        before = log.read_text().count(RELOADED)
        self._write_rights(right)
        assert self.process is not None
        self.process.send_signal(signal.SIGHUP)
        async with asyncio.timeout(LONGEST_WAIT_SECONDS):
            while log.read_text().count(RELOADED) == before:
                await asyncio.sleep(0.02)

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(60)
            self.process = None


class Listener(RelayedFarSide):
    """Receives the messages of a topic and of all topics below it."""

    def __init__(self, broker: Mosquitto, relay: Relay, topic: str) -> None:
        super().__init__(relay)
        self.target = {
            "host": "127.0.0.1",
            "port": relay.port,
            "tls": False,
            "topic": topic,
            "username": USER,
            "password": PASSWORD,
        }
        self.impossible = ({**self.target, "topic": "crm/#"}, {**self.target, "topic": ""})
        self.broker = broker
        self.topic = topic
        self.heard: list[tuple[str, Arrival]] = []
        self._may_not = False
        self._task: asyncio.Task[None] | None = None
        self._others: list[Listener] = []

    async def listen(self) -> "Listener":
        """Subscribe (MQTT 5, QoS 0: messages are not acknowledged to the broker)."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.broker.port)
        head = text("MQTT") + struct.pack("!BBHB", 5, 0xC2, 0, 0) + text("") + text(USER) + text(PASSWORD)
        writer.write(packet(0x10, head))
        await _read_packet(reader)
        writer.write(packet(0x82, struct.pack("!HB", 1, 0) + text(f"{self.topic}/#") + b"\0"))
        await _read_packet(reader)
        self._task = asyncio.create_task(self._hear(reader, writer))
        return self

    async def leave(self) -> None:
        for other in self._others:
            await other.leave()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _hear(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                kind, body = await _read_packet(reader)
                if kind & 0xF0 == 0x30:
                    self.heard.append(_message(body))
        finally:
            writer.close()

    async def refuse_for_now(self) -> bool:
        self._may_not = True
        await self.broker.grant("read")
        return True

    async def accept(self) -> bool:
        if self._may_not:
            self._may_not = False
            await self.broker.grant("readwrite")
        return await super().accept()

    async def arrivals(self, count: int) -> list[Arrival]:
        async with asyncio.timeout(LONGEST_WAIT_SECONDS):
            while len(self.heard) < count:
                await asyncio.sleep(0.02)
        return [arrival for _, arrival in self.heard]

    async def another(self) -> "Listener":
        return await self._begin(await self.relay.beside(), f"{self.topic}-other")

    async def later(self) -> "Listener":
        return await self._begin(self.relay, self.topic)

    async def _begin(self, relay: Relay, topic: str) -> "Listener":
        self._others.append(type(self)(self.broker, relay, topic))
        return await self._others[-1].listen()


async def _read_packet(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    kind = (await reader.readexactly(1))[0]
    size = await _read_length(reader)
    return kind, await reader.readexactly(size)


async def _read_length(reader: asyncio.StreamReader) -> int:
    size = shift = 0
    while True:
        byte = (await reader.readexactly(1))[0]
        size, shift = size | (byte & 0x7F) << shift, shift + 7
        if byte < 128:
            return size


def _take_text(data: bytes) -> tuple[str, bytes]:
    end = 2 + struct.unpack("!H", data[:2])[0]
    return data[2:end].decode(), data[end:]


def _message(body: bytes) -> tuple[str, Arrival]:
    """Read topic, user properties and payload of a PUBLISH."""
    topic, rest = _take_text(body)
    size = shift = used = 0
    while True:
        byte, used = rest[used], used + 1
        size, shift = size | (byte & 0x7F) << shift, shift + 7
        if byte < 128:
            break
    properties, payload = rest[used : used + size], rest[used + size :]
    headers = {}
    while properties:
        assert properties[0] == 0x26, properties
        name, properties = _take_text(properties[1:])
        headers[name], properties = _take_text(properties)
    assert length(size) == rest[:used]
    return topic, Arrival(headers["webhook-id"], payload, headers, time.monotonic())
