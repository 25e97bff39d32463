"""What those who run the hub ask of it: is it alive, is it ready, how is it doing, which plugins run."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse

from trunkline.api import models
from trunkline.api.requests import StrictRoute
from trunkline.api.security import Caller, requires
from trunkline.errors import Forbidden

router = APIRouter(route_class=StrictRoute, tags=["System"])


@router.head("/healthz", include_in_schema=False)
@router.get("/healthz", summary="Whether the process answers")
async def healthz() -> dict[str, str]:
    """Answer 200 as long as the process serves requests, whatever the database does."""
    return {"status": "ok"}


@router.head("/readyz", include_in_schema=False)
@router.get(
    "/readyz",
    summary="Whether the hub can do its work",
    response_model=dict[str, str],
    responses={503: {"description": "Something is missing; the body says what", "model": dict[str, str]}},
)
async def readyz(request: Request) -> Response:
    """Check the database, the plugins that were asked for, and the dispatcher."""
    checks: dict[str, str] = await request.app.state.hub.readiness()
    ready = all(state in {"ok", "off"} for state in checks.values())
    headers = {} if ready else {"Retry-After": "5"}
    return JSONResponse(checks, status_code=200 if ready else 503, headers=headers)


@router.get(
    "/metrics",
    summary="Metrics for Prometheus",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
async def metrics(request: Request) -> Response:
    """Serve this process's metrics in Prometheus's text format."""
    return Response(
        request.app.state.hub.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8"
    )


@router.get("/api/v1/plugins", response_model=models.PluginList, summary="List plugins")
async def list_plugins(
    request: Request, caller: Annotated[Caller, Depends(requires(None))]
) -> dict[str, object]:
    """List every plugin that was found, and whether it runs (scope `admin`, or an operator)."""
    if not caller.principal.has("admin"):
        raise Forbidden.scope_missing("admin")
    shown = request.app.state.hub.deployment.plugins()
    return {"plugins": shown, "count": len(shown)}
