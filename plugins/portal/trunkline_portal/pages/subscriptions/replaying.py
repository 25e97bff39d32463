"""A subscription's replays: watched, cancelled, counted and started."""

from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from trunkline import BodyInvalid, FieldError, Json
from trunkline.routes import takes_type
from trunkline_portal.access import ReadsWebhooks, Viewer, WritesWebhooks
from trunkline_portal.forms import Submitted, faults_of
from trunkline_portal.pages.subscriptions import form, views
from trunkline_portal.pages.subscriptions.detail import frame_values
from trunkline_portal.portal import Pages
from trunkline_portal.routing import Table, get, post

KINDS: Mapping[str, str] = {
    "missed": "Missed events",
    "all": "All events in a range",
    "failed": "Failed deliveries",
}


class Range(Struct, frozen=True):
    """The values of the form: times in UTC as typed."""

    begin: str = ""
    end: str = ""
    event_types: tuple[str, ...] = ()
    only_failed: bool = False

    @property
    def mark(self) -> str:
        """Return a text that identifies this range.

        A replay starts only if the form has this text, that is, if the range has been counted.
        """
        return "|".join((self.begin, self.end, str(self.only_failed), *self.event_types))

    def request(self) -> dict[str, Json]:
        """Make the request. Raises BodyInvalid if a field cannot be read."""
        faults: list[FieldError] = []
        body: dict[str, Json] = {"only_failed": self.only_failed}
        for name, text in (("from", self.begin), ("to", self.end)):
            if text and (time := form.read_time(f"/{name}", text, faults)):
                body[name] = datetime.fromisoformat(time)
        if self.event_types:
            body["event_types"] = list(self.event_types)
        if faults:
            raise BodyInvalid(faults)
        return body


class ReplayPages(Pages):
    """The list of replays, cancelling one, and the form for a new one."""

    async def show_form(self, request: Request, viewer: WritesWebhooks, subscription_id: str) -> Response:
        """Show the form."""
        is_failed = request.query_params.get("only_failed") == "1"
        return await self._show(viewer, subscription_id, Range(only_failed=is_failed))

    async def count_or_start(
        self, viewer: WritesWebhooks, subscription_id: str, fields: Submitted
    ) -> Response:
        """Count the events that a replay would send, or start the replay if this range has been counted."""
        entered = Range(
            begin=fields["from"],
            end=fields["to"],
            event_types=tuple(fields.all("event_types")),
            only_failed=fields["what"] == "failed",
        )
        try:
            body = entered.request()
            if "start" not in fields or fields["counted"] != entered.mark:
                counted = await self._context.replays.start(
                    viewer.company_id, subscription_id, body | {"dry_run": True}, channel=None
                )
                return await self._show(viewer, subscription_id, entered, counted=counted)
            await self._context.replays.start(viewer.company_id, subscription_id, body, channel=None)
        except BodyInvalid as error:
            errors = faults_of(error)
            return await self._show(viewer, subscription_id, entered, errors=errors, status=422)
        replays = views.url_of(viewer, subscription_id, "replays")
        said = "The replay has started. It does not delay new events."
        return self._portal.redirect(viewer, replays, flash=said)

    async def _show(
        self,
        viewer: Viewer,
        subscription_id: str,
        entered: Range,
        *,
        counted: Mapping[str, Json] | None = None,
        errors: Mapping[str, str] | None = None,
        status: int = 200,
    ) -> Response:
        subscription = await views.find(self._portal, viewer, subscription_id)
        names = subscription.view["event_types"]
        return self._portal.render(
            viewer,
            "subscription_replay_form.html",
            status=status,
            subscription=subscription,
            entered=entered,
            counted=counted,
            errors=errors or {},
            types=[kind.name for kind in self._portal.event_types() if takes_type(names, kind.name)],
        )

    async def show_all(self, viewer: ReadsWebhooks, subscription_id: str) -> Response:
        """Show the list."""
        frame = await frame_values(self._portal, viewer, subscription_id, tab="replays")
        replays = await self._context.replays.of_subscription(
            viewer.company_id, subscription_id, channel=None
        )
        return self._portal.render(viewer, "subscription_replays.html", replays=replays, kinds=KINDS, **frame)

    async def show_part(self, viewer: ReadsWebhooks, subscription_id: str) -> Response:
        """Show it again, for the script."""
        subscription = await views.find(self._portal, viewer, subscription_id)
        replays = await self._context.replays.of_subscription(
            viewer.company_id, subscription_id, channel=None
        )
        return self._portal.fragment(
            viewer,
            "subscription_replays_part.html",
            subscription=subscription,
            replays=replays,
            kinds=KINDS,
        )

    async def ask_to_cancel(self, viewer: WritesWebhooks, subscription_id: str, replay_id: str) -> Response:
        """Ask before a replay is cancelled."""
        subscription = await views.find(self._portal, viewer, subscription_id)
        replay = await self._context.replays.get(viewer.company_id, replay_id)
        return self._portal.confirm(
            viewer,
            title="Cancel this replay?",
            sentences=[
                "No more events are replayed.",
                "What it has queued and not begun is taken back, and is again what it was before.",
            ],
            action=views.url_of(viewer, subscription.id, f"replays/{replay['id']}/cancel"),
            button="Cancel the replay",
            back=views.url_of(viewer, subscription.id, "replays"),
        )

    async def cancel(self, viewer: WritesWebhooks, subscription_id: str, replay_id: str) -> Response:
        """Cancel a replay."""
        await self._context.replays.cancel(viewer.company_id, replay_id)
        replays = views.url_of(viewer, subscription_id, "replays")
        return self._portal.redirect(viewer, replays, flash="The replay was cancelled.")


ROUTES = Table(
    ReplayPages,
    get("/subscriptions/{subscription_id}/replays/new", ReplayPages.show_form),
    post("/subscriptions/{subscription_id}/replays/new", ReplayPages.count_or_start, bucket="admin"),
    get("/subscriptions/{subscription_id}/replays", ReplayPages.show_all),
    get("/subscriptions/{subscription_id}/replays/part", ReplayPages.show_part),
    get("/subscriptions/{subscription_id}/replays/{replay_id}/cancel", ReplayPages.ask_to_cancel),
    post("/subscriptions/{subscription_id}/replays/{replay_id}/cancel", ReplayPages.cancel, bucket="write"),
)
