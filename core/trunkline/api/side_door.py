"""Metrics, health and readiness of processes that have no API."""

from collections.abc import Awaitable, Callable, Mapping

from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from trunkline.api.system import METRICS_TYPE, readiness_answer


def make_side_door(
    metrics: Callable[[], Awaitable[bytes]], readiness: Callable[[], Awaitable[Mapping[str, str]]]
) -> ASGIApp:
    """Build the application that answers ``/metrics``, ``/healthz`` and ``/readyz`` as the API does, and nothing else."""

    async def answer(path: str) -> Response:
        if path == "/metrics":
            return Response(await metrics(), media_type=METRICS_TYPE)
        if path == "/readyz":
            return readiness_answer(await readiness())
        if path == "/healthz":
            return JSONResponse({"status": "ok"})
        return Response("There are /metrics, /healthz and /readyz here.\n", 404, media_type="text/plain")

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] in {"GET", "HEAD"}:
            response = await answer(scope["path"])
        else:
            response = Response("Only GET is answered here.\n", 405, {"Allow": "GET, HEAD"}, "text/plain")
        await response(scope, receive, send)

    return app
