"""Sending the past again: counted first, then started."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from trunkline import BodyInvalid, FieldError, Json
from trunkline_portal.access import Viewer, WritesWebhooks
from trunkline_portal.forms import Fields, Submitted, faults_of
from trunkline_portal.pages.subscriptions import form, places
from trunkline_portal.portal import Portal


@dataclass(frozen=True, slots=True)
class Range:
    """What the form holds: times in UTC as they were typed."""

    begin: str = ""
    end: str = ""
    event_types: tuple[str, ...] = ()
    only_failed: bool = False

    @property
    def mark(self) -> str:
        """Tell this range from another: what is started is what was counted."""
        return "|".join((self.begin, self.end, str(self.only_failed), *self.event_types))

    def request(self, faults: list[FieldError]) -> dict[str, Json]:
        """Make the request; what cannot be said in one is added to *faults*."""
        found: dict[str, Json] = {"only_failed": self.only_failed}
        for name, text in (("from", self.begin), ("to", self.end)):
            if text and (written := form.read_time(f"/{name}", text, faults)):
                found[name] = datetime.fromisoformat(written)
        if self.event_types:
            found["event_types"] = list(self.event_types)
        return found


def make_router(portal: Portal) -> APIRouter:
    """Build the router."""
    router = portal.router()
    replays = portal.context.replays

    @router.get("/subscriptions/{subscription_id}/replays/new")
    async def show_form(request: Request, viewer: WritesWebhooks, subscription_id: str) -> Response:
        is_failed = request.query_params.get("only_failed") == "1"
        return await show(request, viewer, subscription_id, Range(only_failed=is_failed))

    @router.post("/subscriptions/{subscription_id}/replays/new")
    async def count_or_start(
        request: Request, viewer: WritesWebhooks, subscription_id: str, fields: Submitted
    ) -> Response:
        entered = _read(fields)
        faults: list[FieldError] = []
        wanted = entered.request(faults)
        if faults:
            errors = faults_of(BodyInvalid(faults))
            return await show(request, viewer, subscription_id, entered, errors=errors, status=422)
        try:
            if "start" not in fields or fields["counted"] != entered.mark:
                counted = await replays.start(
                    viewer.company_id, subscription_id, wanted | {"dry_run": True}, channel=None
                )
                return await show(request, viewer, subscription_id, entered, matched=counted["matched"])
            await replays.start(viewer.company_id, subscription_id, wanted, channel=None)
        except BodyInvalid as error:
            errors = faults_of(error)
            return await show(request, viewer, subscription_id, entered, errors=errors, status=422)
        return portal.redirect(
            request,
            places.url_of(subscription_id, "replays"),
            viewer=viewer,
            flash="The replay has started. It never delays what is new.",
        )

    async def show(
        request: Request,
        viewer: Viewer,
        subscription_id: str,
        entered: Range,
        *,
        matched: int | None = None,
        errors: Mapping[str, str] | None = None,
        status: int = 200,
    ) -> Response:
        one = await places.find(portal, viewer.company_id, subscription_id)
        return portal.render(
            request,
            viewer,
            "subscription_replay_form.html",
            status=status,
            one=one,
            entered=entered,
            matched=matched,
            errors=errors or {},
            types=_types(portal, one.view["event_types"]),
        )

    return router


def _read(fields: Fields) -> Range:
    return Range(
        begin=fields["from"],
        end=fields["to"],
        event_types=tuple(fields.all("event_types")),
        only_failed=fields["what"] == "failed",
    )


def _types(portal: Portal, names: Any) -> list[str]:
    known = [kind.name for kind in portal.context.events.types()]
    return known if names == ["*"] else [name for name in known if name in names]
