"""Template databases: furnished, filled for a row, and made once; each hub gets a copy."""

import asyncio
import contextlib
import itertools
import os
import shutil
import tempfile
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Self

from deployment import environment_of
from fill import World
from furniture import Furniture, furnish
from row import Row
from scale import Scale

from trunkline import settings
from trunkline.hub.hub import Hub
from trunkline_kit.databases import PostgresServer, started_postgres


class Templates:
    """Makes the templates of rows, and lends copies. Enter it to begin."""

    def __init__(self, *, target_url: str, name_server: str, scale: Scale) -> None:
        self._target_url = target_url
        self._name_server = name_server
        self._scale = scale
        self._numbers = itertools.count()
        self._furniture: dict[str, Furniture] = {}
        self._made: dict[tuple[str, str], str] = {}
        """The databases to copy, by engine and by filling function."""

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
    async def lend(self, engine: str, row: Row) -> AsyncGenerator[tuple[str, Furniture]]:
        """Lend a database for *row*; give its URL and its companies."""
        name = await self._copy(engine, await self._template_of(engine, row))
        await asyncio.to_thread(os.sync)  # otherwise the hub's first commits wait for the copy's flush
        try:
            yield self._url_of(engine, name), self._furniture[engine]
        finally:
            await self._remove(engine, name)

    async def _template_of(self, engine: str, row: Row) -> str:
        plain = await self._furnished(engine)
        filling, *_ = row.ground
        if row.prepare is None:
            return plain
        if (engine, filling) not in self._made:
            name = await self._copy(engine, plain)
            environment = environment_of(self._url_of(engine, name), self._name_server, **row.settings)
            await row.prepare(
                World(self._url_of(engine, name), environment, self._furniture[engine], self._scale)
            )
            self._made[engine, filling] = name
        return self._made[engine, filling]

    async def _furnished(self, engine: str) -> str:
        if (engine, "") not in self._made:
            name = "furnished.db" if engine == "sqlite" else await self._started().create()
            environment = environment_of(self._url_of(engine, name), self._name_server)
            async with Hub(settings.load(environment=environment), dispatch=False) as hub:
                self._furniture[engine] = await furnish(hub, self._target_url)
            self._made[engine, ""] = name
        return self._made[engine, ""]

    async def _copy(self, engine: str, name: str) -> str:
        if engine == "postgresql":
            return await self._started().create(template=name)
        copy = f"database-{next(self._numbers)}.db"
        await asyncio.to_thread(shutil.copyfile, self.folder / name, self.folder / copy)
        return copy

    async def _remove(self, engine: str, name: str) -> None:
        if engine == "postgresql":
            await self._started().drop(name)
        for left in self.folder.glob(f"{name}*"):
            left.unlink()

    def _url_of(self, engine: str, name: str) -> str:
        return self._started().url_of(name) if engine == "postgresql" else f"sqlite:///{self.folder / name}"

    def _started(self) -> PostgresServer:
        if self._server is None:
            on_disk = started_postgres(self.folder)  # as users run it
            started = self._postgres.enter_context(on_disk)
            self._server = PostgresServer(started.get_uri())
        return self._server
