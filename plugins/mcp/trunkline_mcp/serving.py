"""The SDK's server, loaded and started by the first message: a hub without agents never loads it."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from trunkline import PluginContext
from trunkline_mcp.access_tokens import tokens_for
from trunkline_mcp.calls import CallLog
from trunkline_mcp.figures import Figures

if TYPE_CHECKING:
    from trunkline_mcp.server import AgentServer


class Serving:
    """Runs the MCP server while the ``running`` context is open. If an issuer is set, *tokens* checks the issuer's access tokens.

    Raises:
        ValueError: as ``tokens_for`` does.
    """

    def __init__(self, context: PluginContext) -> None:
        self.tokens = tokens_for(context)
        self._context = context
        self._log, self._figures = CallLog(context), Figures(context)
        self._wanted, self._ending = asyncio.Event(), asyncio.Event()
        self._started: asyncio.Future[AgentServer] | None = None

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Context manager: the server starts when it is first needed, and stops on exit."""
        self._started = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(self._run(self._started), name="mcp-server")
        try:
            async with self._log.running():
                yield
        finally:
            self._ending.set()
            self._wanted.set()
            await task

    async def server(self) -> "AgentServer":
        """Return the server; the first call loads it."""
        assert self._started is not None, "the hub has not started"
        self._wanted.set()
        return await asyncio.shield(self._started)

    async def _run(self, started: "asyncio.Future[AgentServer]") -> None:
        await self._wanted.wait()
        if self._ending.is_set():
            return
        try:
            server = await asyncio.to_thread(self._make)
        except Exception as error:  # noqa: BLE001 - each message tells it
            started.set_exception(error)
            return
        async with server.running():
            started.set_result(server)
            await self._ending.wait()

    def _make(self) -> "AgentServer":
        from trunkline_mcp.server import AgentServer  # noqa: PLC0415 - the SDK, half a second

        return AgentServer(self._context, log=self._log, figures=self._figures)
