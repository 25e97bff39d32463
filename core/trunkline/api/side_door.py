"""Metrics, health and readiness for processes that have no API, or have not loaded it yet."""

from collections.abc import Awaitable, Callable, Mapping

from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from trunkline.api.problems import unanswered

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
PATHS = frozenset({"/metrics", "/readyz", "/healthz"})


def make_side_door(
    metrics: Callable[[], Awaitable[bytes]], readiness: Callable[[], Awaitable[Mapping[str, str]]]
) -> ASGIApp:
    """Build an application that answers only ``/metrics``, ``/healthz`` and ``/readyz``, in the same way as the API."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        response: Response
        if scope["method"] not in {"GET", "HEAD"}:
            response = unanswered(scope, 405, "Only GET and HEAD are answered here.", {"Allow": "GET, HEAD"})
        elif path == "/metrics":
            response = Response(await metrics(), media_type=METRICS_TYPE)
        elif path == "/readyz":
            response = readiness_answer(await readiness())
        elif path == "/healthz":
            response = JSONResponse({"status": "ok"})
        else:
            response = unanswered(scope, 404, "There are /metrics, /healthz and /readyz here.")
        await response(scope, receive, send)

    return app


def readiness_answer(checks: Mapping[str, str]) -> Response:
    """Answer with *checks*: 200 if there is no fault, else 503. A clock that is not trusted is only a warning."""
    ready = all(state in {"ok", "off"} for name, state in checks.items() if name != "clock")
    headers = {} if ready else {"Retry-After": "5"}
    return JSONResponse(checks, status_code=200 if ready else 503, headers=headers)
