"""The audit log of a company; for operators, also of all companies."""

from starlette.requests import Request
from starlette.responses import Response

from trunkline_portal import periods
from trunkline_portal.access import Administers
from trunkline_portal.addresses import with_query
from trunkline_portal.formats import moment
from trunkline_portal.portal import Pages
from trunkline_portal.routing import Table, get

CHANGES = "/changes"
"""Path of the section below ``Viewer.root``."""
EVERY_COMPANY = "every"


class ChangePages(Pages):
    """The list of changes."""

    async def show(self, request: Request, viewer: Administers) -> Response:
        """Show the list."""
        given = request.query_params
        of_all = viewer.is_operator and given.get("of") == EVERY_COMPANY
        chosen = {name: given.get(name, "").strip() for name in ("action", "actor", "target", "request_id")}
        root = f"{viewer.root}{CHANGES}"
        period = periods.read(given, path=root, now_ms=self._context.clock.now_ms())
        kept = {**chosen, "of": EVERY_COMPANY if of_all else "", **period.parameters}
        page = await self._context.journal.page(
            None if of_all else viewer.company_id,
            action=chosen["action"] or None,
            actor=chosen["actor"] or None,
            target=chosen["target"] or None,
            request_id=chosen["request_id"] or None,
            cursor=given.get("cursor"),
        )
        entries, is_end = period.cut(
            page["entries"], lambda entry: moment(entry["at_utc"]).timestamp() * 1000
        )
        before = None if is_end else page["next_cursor"]
        return self._portal.render(
            viewer,
            "changes.html",
            entries=entries,
            chosen=chosen,
            period=period,
            is_filtered=any(chosen.values()) or period.name,
            of_all=of_all,
            older=before and with_query(root, **kept, cursor=before),
            newest=with_query(root, **kept) if given.get("cursor") else None,
        )


ROUTES = Table(ChangePages, get(CHANGES, ChangePages.show))
