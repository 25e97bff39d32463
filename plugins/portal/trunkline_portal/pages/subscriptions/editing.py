"""Making and changing a subscription by its form, and showing a new secret once."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from trunkline import Json, Refused
from trunkline_portal import one_time_secret
from trunkline_portal.access import Viewer, WritesWebhooks
from trunkline_portal.forms import Submitted
from trunkline_portal.operational import is_operational
from trunkline_portal.pages.subscriptions import event_choices, faults, form, targets, views
from trunkline_portal.pages.subscriptions.faults import Faults
from trunkline_portal.pages.subscriptions.filter_rows import OPERATORS, Kinds
from trunkline_portal.pages.subscriptions.form import Form
from trunkline_portal.pages.subscriptions.views import Subscription
from trunkline_portal.portal import Pages, Portal
from trunkline_portal.routing import Table, get, post

NEW = f"{views.BASE}/new"


class FormPages(Pages):
    """The form of a subscription, and the page that shows its secret."""

    async def show_new(self, request: Request, viewer: WritesWebhooks) -> Response:
        """Show the empty form."""
        event_types = request.query_params.getlist("type")  # a link may preset them
        channel, schema = self._chosen(request.query_params.get("channel", ""))
        target = {} if schema is None else targets.defaults(schema)
        empty = Form(channel=channel, schema=schema, target=target, event_types=event_types)
        return self._show(viewer, empty, Faults())

    async def create(self, viewer: WritesWebhooks, fields: Submitted) -> Response:
        """Make a subscription."""
        channel, schema = self._chosen(fields["channel"])
        entered = form.read(fields, channel=channel, schema=schema)
        if more := _more_of(fields):
            return self._show(viewer, entered, Faults(), blanks=more)
        try:
            body = form.creation(entered, self._kinds(entered.chosen))
            subscription = await self._context.subscriptions.create(viewer.company_id, body, channel=channel)
        except Refused as error:
            return self._show(viewer, entered, faults.of(error, entered), status=error.status)
        secret, warnings = subscription.get("secret"), subscription.get("warnings", ())
        return leave_secret(self._portal, viewer, subscription["id"], secret, warnings=warnings)

    async def show_filled(self, viewer: WritesWebhooks, subscription_id: str) -> Response:
        """Show the form, filled with the values of the subscription."""
        subscription = await views.find_editable(self._portal, viewer, subscription_id)
        kinds = self._kinds(subscription.view["event_types"])
        schema = targets.schema_of(self._portal, subscription.view["channel"])
        entered = form.of_subscription(subscription.view, kinds, schema=schema)
        return self._show(viewer, entered, Faults(), subscription=subscription)

    async def change(self, viewer: WritesWebhooks, subscription_id: str, fields: Submitted) -> Response:
        """Change a subscription."""
        known = await views.find_editable(self._portal, viewer, subscription_id)
        channel = known.view["channel"]
        entered = form.read(fields, channel=channel, schema=targets.schema_of(self._portal, channel))
        if more := _more_of(fields):
            return self._show(viewer, entered, Faults(), subscription=known, blanks=more)
        try:
            body = form.changes(entered, self._kinds(entered.chosen))
            changed = await self._context.subscriptions.update(
                viewer.company_id, known.id, body, channel=channel
            )
        except Refused as error:
            refused = faults.of(error, entered)
            return self._show(viewer, entered, refused, subscription=known, status=error.status)
        warnings = changed.get("warnings", ())
        said = "The subscription was changed. The change applies to events that are accepted from now on."
        page, tone = views.url_of(viewer, known.id, "settings"), "warn" if warnings else "good"
        return self._portal.redirect(viewer, page, flash=" ".join([said, *warnings]), tone=tone)

    async def show_secret(self, viewer: WritesWebhooks, subscription_id: str) -> Response:
        """Show the secret, once, or the public key."""
        subscription = await views.find_editable(self._portal, viewer, subscription_id)
        secret = one_time_secret.read(self._portal, viewer, of=subscription.id)
        if secret is None and "public_key" not in subscription.view:
            gone = "This page shows a secret once, after it was made. Under Settings you can reveal it again, or rotate it."
            return self._portal.redirect(viewer, subscription.url, flash=gone, tone="info")
        response = self._portal.render(
            viewer,
            "subscription_secret.html",
            subscription=subscription,
            secret=secret,
            has_docs=self._portal.runs("docs"),
        )
        one_time_secret.forget(self._portal, response, viewer)
        return response

    def _show(
        self,
        viewer: Viewer,
        entered: Form,
        errors: Faults,
        *,
        subscription: Subscription | None = None,
        status: int = 200,
        blanks: Mapping[str, int] | None = None,
    ) -> Response:
        """Show the form with the entered values and their errors; without a *subscription*, it makes a new one."""
        portal, listed, new = self._portal, f"{viewer.root}{views.BASE}", f"{viewer.root}{NEW}"
        channels = targets.choices(portal)
        if subscription is None and not channels:
            none = "The plugin webhooks does not run here, nor another channel on which subscriptions are made by hand."
            return portal.redirect(viewer, listed, flash=none, tone="warn")
        queries = {name: {"channel": name, "type": entered.event_types} for name, _ in channels}
        purpose: dict[str, Any] = {
            "title": "New subscription",
            "action": new,
            "back": (listed, "Subscriptions"),
            "tabs": [
                (f"{new}?{urlencode(queries[name], doseq=True)}", title, name == entered.channel)
                for name, title in channels
            ],
        }
        if subscription is not None:
            purpose = {
                "title": "Edit subscription",
                "action": views.url_of(viewer, subscription.id, "edit"),
                "back": (views.url_of(viewer, subscription.id, "settings"), "Subscription"),
                "tabs": (),
            }
        *groups, operational = event_choices.groups_of(portal)
        shows_fields = sum(len(group.choices) for group in groups) <= event_choices.MOST_SHOWN
        is_about_hub = any(map(is_operational, entered.event_types))
        groups = [operational, *groups] if is_about_hub else [*groups, operational]
        offered = {name for group in groups for choice in group.choices for name in choice.chosen_by}
        stored = None if subscription is None else subscription.view.get("target")
        return portal.render(
            viewer,
            "subscription_form.html",
            status=status,
            form=entered.with_blanks(**blanks or {}),
            errors=errors,
            is_new=subscription is None,
            subscription=subscription,
            groups=groups,
            suggestions=event_choices.suggestions_of(groups),
            shows_fields=shows_fields,
            unknown=[name for name in entered.event_types if name not in offered],
            operators=OPERATORS,
            schemes=list(form.SCHEMES.items()),
            starts=form.STARTS,
            retries=portal.context.deployment.retries,
            attempt_seconds=f"{portal.context.deployment.attempt_seconds:g}",
            target_fields=list(targets.fields_of(entered.schema, entered.target, stored=stored)),
            guide=targets.guide_of(portal, entered.channel),
            **purpose,
        )

    def _chosen(self, name: str) -> tuple[str, Json]:
        """Return the channel *name*, or the first channel if *name* does not exist, with the schema of its targets."""
        names = [known for known, _ in targets.choices(self._portal)] or [views.CHANNEL]
        channel = name if name in names else names[0]
        return channel, targets.schema_of(self._portal, channel)

    def _kinds(self, chosen: list[str]) -> Kinds:
        return event_choices.kinds_of(event_choices.groups_of(self._portal), chosen)


ROUTES = Table(
    FormPages,
    get("/subscriptions/new", FormPages.show_new),
    post("/subscriptions/new", FormPages.create, bucket="admin"),
    get("/subscriptions/{subscription_id}/edit", FormPages.show_filled),
    post("/subscriptions/{subscription_id}/edit", FormPages.change, bucket="admin"),
    get("/subscriptions/{subscription_id}/secret", FormPages.show_secret),
)


def leave_secret(
    portal: Portal, viewer: Viewer, subscription_id: str, secret: str | None, *, warnings: Sequence[str] = ()
) -> Response:
    """Redirect to the page that shows *secret* below *warnings*; *secret* is None if the subscription has a public key."""
    page = views.url_of(viewer, subscription_id, "secret")
    response = portal.redirect(viewer, page, flash=" ".join(warnings) or None, tone="warn")
    if secret is not None:
        one_time_secret.hand_over(portal, response, viewer, of=subscription_id, secret=secret)
    return response


def _more_of(fields: Submitted) -> dict[str, int]:
    """Return the numbers of blank rows to add; empty if the button that submits the form was used."""
    if "add_row" in fields:
        return {"rows": 2}
    return {"headers": 2} if "add_header" in fields else {}
