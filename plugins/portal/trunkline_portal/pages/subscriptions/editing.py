"""Changing a subscription."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from trunkline import FieldError, Refused
from trunkline_portal.access import Viewer, WritesWebhooks
from trunkline_portal.forms import Submitted
from trunkline_portal.pages.subscriptions import event_choices, faults, form, places
from trunkline_portal.pages.subscriptions.creating import more_of, show_subscription_form
from trunkline_portal.pages.subscriptions.faults import Faults
from trunkline_portal.pages.subscriptions.filter_rows import Kinds
from trunkline_portal.pages.subscriptions.form import Form
from trunkline_portal.pages.subscriptions.places import Shown
from trunkline_portal.portal import Portal


def make_router(portal: Portal) -> APIRouter:
    """Build the router."""
    router = portal.router()

    @router.get("/subscriptions/{subscription_id}/edit")
    async def show_form(request: Request, viewer: WritesWebhooks, subscription_id: str) -> Response:
        one = await places.find_ours(portal, viewer.company_id, subscription_id)
        entered = form.of_subscription(one.view, kinds(one.view["event_types"]))
        return show(request, viewer, one, entered, Faults())

    @router.post("/subscriptions/{subscription_id}/edit")
    async def change(
        request: Request, viewer: WritesWebhooks, subscription_id: str, fields: Submitted
    ) -> Response:
        one = await places.find_ours(portal, viewer.company_id, subscription_id)
        entered = form.read(fields)
        if more := more_of(fields):
            return show(request, viewer, one, entered, Faults(), **more)
        found: list[FieldError] = []
        wanted = form.changes(entered, kinds(entered.chosen), found)
        if found:
            return show(request, viewer, one, entered, faults.sort(found, entered), status=422)
        try:
            await portal.context.subscriptions.update(
                viewer.company_id, one.id, wanted, channel=places.CHANNEL
            )
        except Refused as error:
            refused = faults.of_refusal(error, entered)
            return show(request, viewer, one, entered, refused, status=error.status)
        return portal.redirect(
            request,
            places.url_of(one.id, "settings"),
            viewer=viewer,
            flash="The subscription was changed. It holds for events that are accepted from now on.",
        )

    def kinds(chosen: list[str]) -> Kinds:
        return event_choices.kinds_of(event_choices.groups_of(portal.context.deployment.product()), chosen)

    def show(
        request: Request,
        viewer: Viewer,
        one: Shown,
        entered: Form,
        found: Faults,
        *,
        status: int = 200,
        **blanks: int,
    ) -> Response:
        return show_subscription_form(
            portal,
            request,
            viewer,
            entered.with_blanks(**blanks),
            found,
            status=status,
            title="Edit subscription",
            action=places.url_of(one.id, "edit"),
            back=(places.url_of(one.id, "settings"), "Subscription"),
            is_new=False,
            one=one,
        )

    return router
