"""HTTPS before a plain server: it ends TLS with a self-signed certificate, and passes the bytes on."""

import asyncio
import contextlib
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.certificates import issue


@dataclass
class Secured:
    """The address *url* leads to *port* of this host, which may be set later."""

    url: str = ""
    port: int = 0
    is_ready: threading.Event = field(default_factory=threading.Event)
    end: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, context: ssl.SSLContext, host: str) -> None:
        async with await asyncio.start_server(self._pass_on, "127.0.0.1", 0, ssl=context) as server:
            self.url = f"https://{host}:{server.sockets[0].getsockname()[1]}"
            self.loop = asyncio.get_running_loop()
            self.is_ready.set()
            await self.end.wait()
            for task in asyncio.all_tasks() - {asyncio.current_task()}:
                task.cancel()
            await asyncio.sleep(0.2)  # until what is left is closed

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.CancelledError):
            from_server, to_server = await asyncio.open_connection("127.0.0.1", self.port)
            await asyncio.gather(_copy(reader, to_server), _copy(from_server, writer))


@contextlib.contextmanager
def secured(folder: Path, *, host: str) -> Iterator[Secured]:
    """Listen in a thread until the block ends."""
    certificate = issue(host)
    file = folder / f"{host}.pem"
    file.write_bytes(certificate.pem + certificate.key_pem)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(file)
    place = Secured()
    thread = threading.Thread(target=lambda: asyncio.run(place.serve(context, host)))
    thread.start()
    assert place.is_ready.wait(60)
    try:
        yield place
    finally:
        place.loop.call_soon_threadsafe(place.end.set)
        thread.join()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    finally:
        writer.transport.abort()
