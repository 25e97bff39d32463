"""Health, readiness, metrics and plugins over HTTP, for operators of the hub."""

from typing import Annotated, Literal

from fastapi import Depends, Query, Response
from pydantic import BaseModel, Field

from trunkline.api.paging import ListQuery, page_of
from trunkline.api.routing import route
from trunkline.api.security import Caller, requires
from trunkline.api.side_door import METRICS_TYPE, readiness_answer
from trunkline.contract import Deployment
from trunkline.errors import Forbidden
from trunkline.runtime.metrics import Metrics
from trunkline.schemas.catalog import Json


class PluginView(BaseModel):
    """A plugin and whether it runs."""

    name: str
    version: str | None
    state: Literal["active", "disabled", "failed"]
    error: str | None


class PluginList(BaseModel):
    """Every plugin that was found."""

    plugins: list[PluginView]
    count: int
    next_cursor: str | None = Field(description="null on the last page")


class SystemHandlers:
    """Answers the calls about the deployment and this process."""

    def __init__(self, deployment: Deployment, metrics: Metrics) -> None:
        self._deployment = deployment
        self._metrics = metrics

    @route("GET", "/healthz", summary="Whether the process answers")
    async def get_health(self) -> dict[str, str]:
        """Answer 200 as long as the process serves requests, whatever the database does."""
        return {"status": "ok"}

    @route(
        "GET",
        "/readyz",
        summary="Whether the hub can do its work",
        response_model=dict[str, str],
        responses={503: {"description": "Something is missing; the body says what", "model": dict[str, str]}},
    )
    async def get_readiness(self) -> Response:
        """Check the database, the log, the enabled plugins and the dispatcher. A server that is stopping is not ready."""
        return readiness_answer(await self._deployment.readiness())

    @route(
        "GET",
        "/metrics",
        summary="Metrics for Prometheus",
        response_class=Response,
        responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
    )
    async def get_metrics(self) -> Response:
        """Serve the metrics of all processes of this command in Prometheus's text format."""
        return Response(await self._metrics.whole(), media_type=METRICS_TYPE)

    @route("GET", "/api/v1/plugins", response_model=PluginList, summary="List plugins")
    async def list_plugins(
        self, caller: Annotated[Caller, Depends(requires(None))], query: Annotated[ListQuery, Query()]
    ) -> dict[str, Json]:
        """List every plugin that was found, and whether it runs (scope `admin`, or an operator)."""
        if not caller.principal.has("admin"):
            raise Forbidden.scope_missing("admin")
        plugins, cursor = page_of(self._deployment.plugins(), query, name=lambda plugin: plugin["name"])
        return {"plugins": plugins, "count": len(plugins), "next_cursor": cursor}
