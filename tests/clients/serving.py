"""A hub on a real socket, for the tests of clients."""

import asyncio
import threading
from typing import Self

import uvicorn
from tests.keys import scopes_of

from trunkline import settings
from trunkline.access.keys import COMPANY_SCOPES
from trunkline.api.app import create_app
from trunkline.hub.hub import Hub


class Served:
    """A hub on a real socket, in a separate thread. An empty value in *changed* removes a setting."""

    def __init__(self, url: str, **changed: str):
        environment = {
            "TRUNKLINE_DATABASE__URL": url,
            "TRUNKLINE_AUTH__PEPPER": "p" * 32,
            "TRUNKLINE_AUTH__ENCRYPTION_KEY": "k" * 32,
            "TRUNKLINE_LIMITS__ENABLED": "false",
            "TRUNKLINE_PLUGINS__ENABLED": "polling, webhooks, actions, searches, crm",
            **changed,
        }
        self.environment = {name: value for name, value in environment.items() if value}
        self.key = ""
        self.port = 0
        self._started = threading.Event()

    def __enter__(self) -> Self:
        hub = Hub(settings.load(environment=self.environment), dispatch=False)
        config = uvicorn.Config(create_app(hub), port=self.port, log_level="error", ws="none")
        self._server = uvicorn.Server(config)

        async def serve() -> None:
            running = asyncio.create_task(self._server.serve())
            while not self._server.started:
                await asyncio.sleep(0.01)
            self.port = self._server.servers[0].sockets[0].getsockname()[1]
            if not self.key:
                _, self.key = await hub.keys.create(92, name="test", scopes=COMPANY_SCOPES)
            self._hub, self._loop = hub, asyncio.get_running_loop()
            self._started.set()
            await running

        self._thread = threading.Thread(target=lambda: asyncio.run(serve()))
        self._thread.start()
        assert self._started.wait(60)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(60)
        self._started.clear()

    def key_of(self, company_id: int | None) -> str:
        """Make a key of *company_id*; None gives an operator's key."""
        making = self._hub.keys.create(company_id, name="test", scopes=scopes_of(company_id, COMPANY_SCOPES))
        return asyncio.run_coroutine_threadsafe(making, self._loop).result(60)[1]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"
