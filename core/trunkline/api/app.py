"""The API: one FastAPI app for one hub, with the routes of the core and of running plugins."""

import contextlib
import re
from collections.abc import AsyncGenerator, Iterable, Sequence

from fastapi import FastAPI, Request, Response
from fastapi.middleware.cors import CORSMiddleware
from fastapi.routing import iter_route_contexts
from starlette.exceptions import HTTPException

from trunkline import plugins
from trunkline.api import (
    audit,
    channels,
    companies,
    documents,
    event_types,
    keys,
    path_prefix,
    problems,
    quarantine,
    readers,
    subscriptions,
    system,
)
from trunkline.api.bodies import Bodies, BodyRoom
from trunkline.api.events import EventHandlers
from trunkline.api.fast_path import FastPath
from trunkline.api.observation import Observation
from trunkline.api.routing import bind, mount
from trunkline.api.security import caller_of, requires
from trunkline.contract import DirectHandler, Routes
from trunkline.errors import PluginFailed, RateLimited, TrunklineError
from trunkline.hub.hub import Hub
from trunkline.ingest.requests import RequestReader
from trunkline.version import __version__

_ANY_KEY = requires(None, bucket="read")
_PARAMETER = re.compile(r"\{[^}]*\}")


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
        # No telemetry provider is set up; looking for one would cost each call 2 µs.
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.state.hub = hub  # for ``security.hub_of``
    app.state.address_of = hub.client_addresses.of_call  # for ``callers.address``
    direct: dict[tuple[str, str], DirectHandler] = {}
    plugins.collect_routes(hub.registry)
    core = _core_routes(hub)
    for routes in (*core, *_routes_of_plugins(hub, core)):
        prefix = f"{routes.base}{routes.prefix}"
        mount(app, routes.router, prefix=prefix)
        direct |= {(method, prefix + path): handler for (method, path), handler in routes.direct.items()}
    documents.install(app)
    app.add_middleware(FastPath, handlers=direct)
    app.add_middleware(Bodies, room=BodyRoom(hub.settings.server.max_body_bytes_in_flight))
    app.add_middleware(Observation, metrics=hub.metrics)
    if hub.settings.server.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=hub.settings.server.cors_origins,
            allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=["*"],
            expose_headers=["*"],
        )
    path_prefix.install(app, hub.settings.server.public_url)
    is_named = hub.settings.server.public_url is not None
    problems.install(app, None if is_named else hub.client_addresses)
    app.add_exception_handler(HTTPException, _answer_unrouted)
    return app


async def _answer_unrouted(request: Request, error: Exception) -> Response:
    """Answer a call that no route takes. A valid key's call is counted, so that the answer shows its limit."""
    if request.scope["path"].startswith("/api/v1/") and caller_of(request.scope) is None:
        try:
            await _ANY_KEY(request)
        except RateLimited as refusal:
            return problems.problem_of(refusal, request.scope)
        except TrunklineError:
            pass
    return await problems.answer_http(request, error)


def _routes_of_plugins(hub: Hub, core: Iterable[Routes]) -> list[Routes]:
    """List the routes of plugins, catch-all routes last. A plugin that repeats a route of trunkline is refused."""
    registry = hub.registry
    own = [routes for plugin, routes in registry.collected.routes if registry.is_own(plugin)]
    others = [(plugin, routes) for plugin, routes in registry.collected.routes if not registry.is_own(plugin)]
    taken = {call for routes in (*core, *own) for call in _calls(routes)} if others else set[str]()
    for plugin, routes in others:
        if repeated := sorted(taken & _calls(routes)):
            registry.refuse(PluginFailed(plugin, f"gives the route '{repeated[0]}', which trunkline has"))
    own += [routes for plugin, routes in others if registry.is_active(plugin)]
    return sorted(own, key=_takes_the_rest)


def _calls(routes: Routes) -> set[str]:
    """Return the calls of *routes*, each in the form ``GET /path/{}``."""
    calls = {(method, path) for method, path in routes.direct}
    for context in iter_route_contexts(routes.router.routes):
        calls |= {(method, context.path or "") for method in context.methods or ()}
    return {f"{method} {_PARAMETER.sub('{}', routes.base + routes.prefix + path)}" for method, path in calls}


def _takes_the_rest(routes: Routes) -> bool:
    """Whether *routes* contain a catch-all, such as the portal's 404 page."""
    return any(str(getattr(route, "path", "")).endswith(":path}") for route in routes.router.routes)


def _core_routes(hub: Hub) -> Sequence[Routes]:
    """Build the core's routes, in the order in which the API documents list them."""
    max_bytes = hub.settings.events.max_body_bytes
    handlers = EventHandlers(
        RequestReader(hub.catalog, hub.modes, max_event_bytes=max_bytes),
        hub.ingest,
        pace=hub.event_pace,
        directory=hub.directory,
        catalog=hub.catalog,
        deliveries=hub.deliveries,
        max_event_bytes=max_bytes,
    )
    accepting = bind(handlers, tags=["Events"])
    reading, keys_of_readers = readers.make_routes(hub.readers, hub.catalog, hub.directory)
    routers = (
        bind(event_types.EventTypeHandlers(hub.catalog, hub.registered_types), tags=["Schemas"]),
        bind(
            quarantine.QuarantineHandlers(hub.quarantine, hub.catalog, max_event_bytes=max_bytes),
            prefix="/api/v1/quarantine",
            tags=["Quarantine"],
        ),
        channels.make_router(hub.channels, hub.subscriptions),
        bind(
            subscriptions.SubscriptionHandlers(hub.subscriptions, hub.deliveries, hub.replays),
            prefix="/api/v1",
        ),
        bind(keys.KeyHandlers(hub.key_service, hub.subscriptions), prefix="/api/v1", tags=["Keys"]),
        bind(companies.CompanyHandlers(hub.companies), prefix="/api/v1", tags=["Companies"]),
        bind(audit.AuditHandlers(hub.journal), tags=["Audit"]),
        bind(system.SystemHandlers(hub.deployment, hub.metrics), tags=["System"]),
        bind(documents.DocumentHandlers(hub.catalog, hub.settings.server.public_url)),
        keys_of_readers,
    )
    return (
        Routes(accepting, direct={("POST", "/events"): handlers.accept_directly}),
        reading,
        *(Routes(router, base="") for router in routers),
    )
