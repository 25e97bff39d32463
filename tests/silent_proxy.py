"""A proxy to PostgreSQL that can fall silent: connections stay open without traffic, as when a router forgets them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from sqlalchemy.engine import make_url


class SilentProxy:
    """Forwards data through *alter* until ``fall_silent``; later connections work."""

    def __init__(self, url: str, alter: Callable[[bytes], bytes]) -> None:
        self._target = make_url(url)
        self._alter = alter
        self._is_open = asyncio.Event()
        self._is_open.set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: list[asyncio.StreamWriter] = []
        self.url = ""

    def fall_silent(self) -> None:
        """Stop forwarding on the present connections without closing them."""
        self._is_open.clear()
        self._is_open = asyncio.Event()
        self._is_open.set()

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for writer in self._writers:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        is_open = self._is_open
        there = await self._connect()
        self._writers += [writer, there[1]]
        for source, target in ((reader, there[1]), (there[0], writer)):
            task = asyncio.create_task(self._pass_on(source, target, is_open))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        host, port = self._target.host or self._target.query.get("host"), self._target.port or 5432
        if str(host).startswith("/"):
            return await asyncio.open_unix_connection(Path(str(host)) / f".s.PGSQL.{port}")
        return await asyncio.open_connection(host, port)

    async def _pass_on(
        self, source: asyncio.StreamReader, target: asyncio.StreamWriter, is_open: asyncio.Event
    ) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(65536):
                if is_open.is_set():
                    target.write(self._alter(data))
                    await target.drain()
            if is_open.is_set():
                target.close()


@contextlib.asynccontextmanager
async def silent_proxy(url: str, *, alter: Callable[[bytes], bytes] = bytes) -> AsyncIterator[SilentProxy]:
    """Run a proxy to the server of *url*; the proxy's ``url`` leads through it."""
    proxy = SilentProxy(url, alter)
    server = await asyncio.start_server(proxy._serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    here = proxy._target.difference_update_query(["host", "port"]).set(host="127.0.0.1", port=port)
    proxy.url = here.render_as_string(hide_password=False)
    try:
        yield proxy
    finally:
        server.close()
        await proxy.close()
