"""Metrics, health and readiness of processes that have no API."""

from collections.abc import Awaitable, Callable, Mapping

from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from trunkline.api.problems import unanswered
from trunkline.api.system import METRICS_TYPE, readiness_answer


def make_side_door(
    metrics: Callable[[], Awaitable[bytes]], readiness: Callable[[], Awaitable[Mapping[str, str]]]
) -> ASGIApp:
    """Build the application that answers ``/metrics``, ``/healthz`` and ``/readyz`` as the API does, and nothing else."""

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
