"""The health of the hub, for operators: readiness, plugins, and waiting work."""

from msgspec import Struct
from starlette.responses import Response

from trunkline import Json
from trunkline.routes import TrunklineError
from trunkline_portal.access import Operates
from trunkline_portal.portal import Pages
from trunkline_portal.routing import EITHER, Table, get

_LAG_WARNING_SECONDS = 10


class Check(Struct, frozen=True):
    """A check: passed, failed, or not applicable."""

    name: str
    state: str
    tone: str
    detail: str | None


class HealthPages(Pages):
    """The state of the hub."""

    async def show(self, viewer: Operates) -> Response:
        """Show the page."""
        deployment = self._portal.context.deployment
        status: dict[str, Json] | None
        try:
            status = await deployment.status()
        except TrunklineError as error:
            self._portal.context.log.warning("the status could not be read: %s", error)
            status = None
        return self._portal.render(
            viewer,
            "health.html",
            checks=[_check(name, answer) for name, answer in (await deployment.readiness()).items()],
            plugins=deployment.plugins(),
            hub=status,
            lag_warning_seconds=_LAG_WARNING_SECONDS,
        )


ROUTES = Table(HealthPages, get("/health", HealthPages.show), below=EITHER)


def _check(name: str, answer: str) -> Check:
    match answer:
        case "ok":
            return Check(name, "ok", "good", None)
        case "off":
            return Check(name, "off", "plain", "this process does not do it")
        case _:
            return Check(name, "failing", "bad", answer)
