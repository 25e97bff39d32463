"""How the hub itself does, for whoever runs it: readiness, plugins, and what waits."""

from dataclasses import dataclass

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from trunkline import Json, TrunklineError
from trunkline_portal.access import Operates
from trunkline_portal.portal import Portal

_LAG_WARNING_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Check:
    """Something that works, does not, or is not asked for here."""

    name: str
    state: str
    tone: str
    detail: str | None


def make_router(portal: Portal) -> APIRouter:
    """Build the router."""
    router = portal.router()

    @router.get("/health")
    async def show(request: Request, viewer: Operates) -> Response:
        deployment = portal.context.deployment
        status: dict[str, Json] | None
        try:
            status = await deployment.status()
        except TrunklineError as error:
            portal.context.log.warning("the status could not be read: %s", error)
            status = None
        return portal.render(
            request,
            viewer,
            "health.html",
            checks=[_check(name, found) for name, found in (await deployment.readiness()).items()],
            plugins=deployment.plugins(),
            hub=status,
            lag_warning_seconds=_LAG_WARNING_SECONDS,
        )

    return router


def _check(name: str, found: str) -> Check:
    match found:
        case "ok":
            return Check(name, "ok", "good", None)
        case "off":
            return Check(name, "off", "plain", "this process does not do it")
        case _:
            return Check(name, "failing", "bad", found)
