"""The app of a starting hub: it serves health and metrics at once, and everything else once the full app is built.

Loading the web framework and the routes takes longer than all other steps until a hub is ready, so they are loaded in a
thread afterwards.
"""

import asyncio
from typing import TYPE_CHECKING, Self

from starlette.types import ASGIApp, Receive, Scope, Send

from trunkline.api.problems import RequestIds
from trunkline.api.side_door import PATHS, make_side_door
from trunkline.hub.hub import Hub

if TYPE_CHECKING:
    from fastapi import FastAPI


class DeferredApp:
    """Serves *hub* with the full app once that is built. Until then ``side_door`` answers health and metrics; other calls wait.

    Exit it after the server has stopped.

    Raises:
        SettingsInvalid: a plugin found a fault in its settings.
        PluginFailed: a plugin that is enabled by name has routes that cannot be added to the app.
    """

    def __init__(self, hub: Hub) -> None:
        self._side_door = RequestIds(make_side_door(hub.metrics.whole, hub.readiness))
        self._app: asyncio.Future[ASGIApp] = asyncio.get_running_loop().create_future()
        self._hub = hub
        self._making: asyncio.Task[None] | None = None
        if not hub.registry.has_only_own:  # routes of other plugins can be refused only at the start
            self._app.set_result(self._create())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._making is not None:
            await asyncio.wait({self._making})

    def begin(self) -> None:
        """Begin to build the app."""
        self._making = asyncio.create_task(self._make(), name="making the app")

    async def complete(self) -> None:
        """Wait until the app is built."""
        assert self._making is not None
        await self._making

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        is_early = not self._app.done() and scope["path"] in PATHS
        app = self._side_door if is_early else await asyncio.shield(self._app)
        await app(scope, receive, send)

    async def _make(self) -> None:
        if self._app.done():
            return
        try:
            self._app.set_result(await asyncio.to_thread(self._create))
        except BaseException:
            self._app.cancel()  # ends the requests that wait for it
            raise

    def _create(self) -> "FastAPI":
        from trunkline.api.app import create_app  # noqa: PLC0415

        return create_app(self._hub)
