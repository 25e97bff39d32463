"""The health of the hub, for operators: readiness, plugins, and waiting work."""

from starlette.responses import Response

from trunkline import Json
from trunkline.routes import TrunklineError
from trunkline_portal.access import Operates
from trunkline_portal.portal import Pages
from trunkline_portal.routing import EITHER, Table, get

_LAG_WARNING_SECONDS = 10


class HealthPages(Pages):
    """The state of the hub."""

    async def show(self, viewer: Operates) -> Response:
        """Show the page."""
        deployment = self._context.deployment
        status: dict[str, Json] | None
        try:
            status = await deployment.status()
        except TrunklineError as error:
            self._context.log.warning("the status could not be read: %s", error)
            status = None
        states = {"ok": ("ok", "good", None), "off": ("off", "plain", "this process does not do it")}
        return self._portal.render(
            viewer,
            "health.html",
            checks=[
                (name, *states.get(answer, ("failing", "bad", answer)))
                for name, answer in (await deployment.readiness()).items()
            ],
            plugins=deployment.plugins(),
            hub=status,
            lag_warning_seconds=_LAG_WARNING_SECONDS,
        )


ROUTES = Table(HealthPages, get("/health", HealthPages.show), below=EITHER)
