"""Timing every API call, by route and status."""

import time

from fastapi import FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from trunkline.metrics import Metrics


class Observation:
    """Counts each request once its answer has begun, under the template of its route."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()

        async def observe(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._metrics.request_ended(
                    method=scope["method"],
                    route=_template(scope),
                    status=message["status"],
                    seconds=time.perf_counter() - began,
                )
            await send(message)

        await self._app(scope, receive, observe)


def _template(scope: Scope) -> str:
    """The path with its parameters' names for their values; ``none`` where no route took the request.

    A route knows only its own part of the path, without the prefixes of the routers around it, which have no parameters.
    """
    route = scope.get("route")
    own: str | None = getattr(route, "path_format", None)
    if own is None:
        return "none"
    path: str = scope["path"]
    prefix = path.split("/")[: path.count("/") - own.count("/") + 1]
    return "/".join(prefix) + own


def install(app: FastAPI) -> None:
    """Put the timing around *app*."""
    app.add_middleware(Observation, metrics=app.state.hub.metrics)
