"""The API: one FastAPI app over one hub, with the core's routes and those of the plugins that run."""

import contextlib
from collections.abc import AsyncGenerator

from fastapi import FastAPI

from trunkline.api import documents, events, keys, observation, problems, quarantine, subscriptions, system
from trunkline.api.fast_path import Direct
from trunkline.contract import DirectHandler
from trunkline.hub.hub import Hub
from trunkline.version import __version__


def create_app(hub: Hub) -> FastAPI:
    """Build the app that serves *hub*; its lifespan starts and stops the hub."""

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
        async with hub:
            yield

    app = FastAPI(
        title="trunkline",
        version=__version__,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        redirect_slashes=False,
    )
    app.state.hub = hub
    for router in (
        events.router,
        events.public,
        quarantine.router,
        subscriptions.router,
        keys.router,
        system.router,
        documents.router,
    ):
        app.include_router(router)
    direct: dict[tuple[str, str], DirectHandler] = {("POST", "/api/v1/events"): events.accept_directly}
    for _, routes in hub.registry.collected.routes:
        prefix = f"{routes.base}{routes.prefix}"
        app.include_router(routes.router, prefix=prefix)
        direct |= {(method, prefix + path): handler for (method, path), handler in routes.direct.items()}
    documents.install(app)
    app.add_middleware(Direct, handlers=direct)
    observation.install(app)
    problems.install(app)
    return app
