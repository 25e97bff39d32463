"""Measures API calls by route and status, and logs calls that occupy the process for long."""

import logging
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from trunkline.api.problems import REQUEST_ID_KEY
from trunkline.model.environments import company_title
from trunkline.runtime import callers
from trunkline.runtime.metrics import Metrics

COSTLY_SECONDS = 0.1
"""A call that takes this many seconds of the event loop or of threads is logged and counted as costly."""
_log = logging.getLogger(__name__)


class Observation:
    """Measures each request when its answer begins, under the path template of its route."""

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
                route, seconds = _template(scope), time.perf_counter() - began
                labels = scope["method"], route, str(message["status"])
                self._metrics.observe("trunkline_http_request_seconds", seconds, *labels)
                if _log.isEnabledFor(logging.DEBUG):
                    _log.debug(
                        "answered a request",
                        extra={
                            "request_id": scope.get(REQUEST_ID_KEY),
                            "method": scope["method"],
                            "route": route,
                            "status": message["status"],
                            "duration_ms": round(seconds * 1000, 2),
                        },
                    )
            await send(message)

        call = callers.call()
        assert call is not None  # ``problems.RequestIds`` has set it
        try:
            await self._app(scope, receive, observe)
        finally:
            if call.held_seconds > COSTLY_SECONDS:
                self._tell_costly(scope, call.held_seconds)

    def _tell_costly(self, scope: Scope, seconds: float) -> None:
        """Log the route and the company of a call that occupied the event loop or the interpreter."""
        route, company_id = _template(scope), callers.company()
        self._metrics.call_was_costly(route=route, company_id=company_id)
        _log.warning(
            "a call of %s to %s %s held this process for %.2f s",
            "no company" if company_id is None else company_title(company_id),
            scope["method"],
            route,
            seconds,
            extra={
                "request_id": scope.get(REQUEST_ID_KEY),
                "company_id": company_id,
                "method": scope["method"],
                "route": route,
                "held_ms": round(seconds * 1000),
            },
        )


def _template(scope: Scope) -> str:
    """The path with parameter names instead of values, after the prefixes of routers; ``none`` if no route took the request."""
    route = scope.get("route")
    own: str | None = getattr(route, "path_format", None)
    if own is None:
        return "none"
    path: str = scope["path"]
    if own == path:
        return own
    prefix = path.split("/")[: path.count("/") - own.count("/") + 1]
    return "/".join(prefix) + own
