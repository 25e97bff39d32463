"""Named consumers: shows and moves their positions, and computes digests of the log to compare with a reader's copy."""

from datetime import datetime
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from trunkline import FieldError, Refused
from trunkline_portal.access import ReadsEvents, Viewer
from trunkline_portal.forms import Submitted, faults_of
from trunkline_portal.pages.subscriptions.form import read_time
from trunkline_portal.portal import Pages
from trunkline_portal.routing import Table, get, post

CONSUMERS = "/consumers"
"""Path of the section below ``Viewer.root``."""
PAGE = 50
MOST_DIGESTED = 40_000
"""The maximum number of events in a digest on a page; it takes some 30 ms. A link computes the digest of the next events."""


class ConsumerPages(Pages):
    """The list of consumers, with the form that moves one and the form that asks for a digest."""

    async def show_list(self, request: Request, viewer: ReadsEvents) -> Response:
        """Show the list, and the digest if one was asked for."""
        asked = request.query_params
        entered = {name: asked.get(name, "") for name in ("from", "to", "type")}
        digest, further, errors = None, None, dict[str, str]()
        if "digest" in asked:
            faults: list[FieldError] = []
            begin, end = (
                read_time(f"/{name}", entered[name], faults) if entered[name] else None
                for name in ("from", "to")
            )
            errors = {fault.path.lstrip("/"): f"{fault.message}." for fault in faults}
            if not faults:
                try:
                    digest = await self._context.digests.of(
                        viewer.company_id,
                        begin=asked.get("after") or begin,
                        end=end,
                        types=[entered["type"]] if entered["type"] else [],
                        limit=MOST_DIGESTED,
                    )
                    if digest["more"]:
                        rest = {"digest": 1, **entered, "after": digest["last_id"]}
                        further = f"{viewer.root}{CONSUMERS}?{urlencode(rest)}#digest-heading"
                except Refused as error:
                    errors = faults_of(error)
        return await self._render(
            request, viewer, digest=digest, further=further, entered=entered, errors=errors
        )

    async def seek(self, request: Request, viewer: ReadsEvents, fields: Submitted) -> Response:
        """Move a consumer to a time."""
        faults: list[FieldError] = []
        time = read_time("/time", fields["time"], faults)
        if time is None:
            errors = {"time": f"{faults[0].message}."}
            return await self._render(request, viewer, errors=errors, chosen=fields["name"])
        since_ms = int(datetime.fromisoformat(time).timestamp() * 1000)
        view = await self._context.consumers.seek(viewer.company_id, fields["name"], since_ms=since_ms)
        flash = f"{view['name']} was moved; {view['lag']:,} events are before it."
        return self._portal.redirect(viewer, f"{viewer.root}{CONSUMERS}", flash=flash)

    async def _render(
        self,
        request: Request,
        viewer: Viewer,
        *,
        errors: dict[str, str],
        digest: object = None,
        further: str | None = None,
        entered: dict[str, str] | None = None,
        chosen: str = "",
    ) -> Response:
        cursor = request.query_params.get("cursor") or None
        page = await self._context.consumers.page_of(viewer.company_id, cursor=cursor, limit=PAGE)
        names = [kind.name for kind in self._portal.event_types()]
        asked_type = (entered or {}).get("type")  # its events may outlive a type
        names += [asked_type] if asked_type and asked_type not in names else []
        path = f"{viewer.root}{CONSUMERS}"
        return self._portal.render(
            viewer,
            "consumers.html",
            status=422 if errors else 200,
            consumers=page["consumers"],
            types=[("", "Any type, except operational ones"), *((name, name) for name in names)],
            older=page["next_cursor"] and f"{path}?cursor={page['next_cursor']}",
            newest=cursor and path,
            command=f"{self._portal.base_url(request)}/api/v1/consumers/billing",
            digest=digest,
            further=further,
            entered=entered or {},
            errors=errors,
            chosen=chosen,
        )


ROUTES = Table(
    ConsumerPages,
    get("/consumers", ConsumerPages.show_list),
    post("/consumers/seek", ConsumerPages.seek, bucket="write"),
)
