"""Changing a subscription."""

from starlette.responses import Response

from trunkline import FieldError, Json, Refused
from trunkline_portal.access import Viewer, WritesWebhooks
from trunkline_portal.forms import Submitted
from trunkline_portal.pages.subscriptions import event_choices, faults, form, targets, views
from trunkline_portal.pages.subscriptions.creating import more_of, show_subscription_form
from trunkline_portal.pages.subscriptions.faults import Faults
from trunkline_portal.pages.subscriptions.filter_rows import Kinds
from trunkline_portal.pages.subscriptions.form import Form
from trunkline_portal.pages.subscriptions.views import Subscription
from trunkline_portal.portal import Pages
from trunkline_portal.routing import Table, get, post


class EditingPages(Pages):
    """The form that changes a subscription."""

    async def show_form(self, viewer: WritesWebhooks, subscription_id: str) -> Response:
        """Show the form, filled with the values of the subscription."""
        subscription = await views.find_editable(self._portal, viewer, subscription_id)
        kinds = self._kinds(subscription.view["event_types"])
        entered = form.of_subscription(subscription.view, kinds, schema=self._schema_of(subscription))
        return self._show(viewer, subscription, entered, Faults())

    async def change(self, viewer: WritesWebhooks, subscription_id: str, fields: Submitted) -> Response:
        """Change a subscription."""
        subscription = await views.find_editable(self._portal, viewer, subscription_id)
        channel = subscription.view["channel"]
        entered = form.read(fields, channel=channel, schema=self._schema_of(subscription))
        if more := more_of(fields):
            return self._show(viewer, subscription, entered, Faults(), **more)
        errors: list[FieldError] = []
        body = form.changes(entered, self._kinds(entered.chosen), errors)
        if errors:
            return self._show(viewer, subscription, entered, faults.sort(errors, entered), status=422)
        try:
            changed = await self._context.subscriptions.update(
                viewer.company_id, subscription.id, body, channel=channel
            )
        except Refused as error:
            refused = faults.of_refusal(error, entered)
            return self._show(viewer, subscription, entered, refused, status=error.status)
        warnings = changed.get("warnings", ())
        said = "The subscription was changed. The change applies to events that are accepted from now on."
        return self._portal.redirect(
            viewer,
            views.url_of(viewer, subscription.id, "settings"),
            flash=" ".join([said, *warnings]),
            tone="warn" if warnings else "good",
        )

    def _schema_of(self, subscription: Subscription) -> Json:
        return targets.schema_of(self._portal, subscription.view["channel"])

    def _kinds(self, chosen: list[str]) -> Kinds:
        return event_choices.kinds_of(event_choices.groups_of(self._portal), chosen)

    def _show(
        self,
        viewer: Viewer,
        subscription: Subscription,
        entered: Form,
        errors: Faults,
        *,
        status: int = 200,
        **blanks: int,
    ) -> Response:
        return show_subscription_form(
            self._portal,
            viewer,
            entered.with_blanks(**blanks),
            errors,
            status=status,
            title="Edit subscription",
            action=views.url_of(viewer, subscription.id, "edit"),
            back=(views.url_of(viewer, subscription.id, "settings"), "Subscription"),
            is_new=False,
            subscription=subscription,
        )


ROUTES = Table(
    EditingPages,
    get("/subscriptions/{subscription_id}/edit", EditingPages.show_form),
    post("/subscriptions/{subscription_id}/edit", EditingPages.change, bucket="admin"),
)
