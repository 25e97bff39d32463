"""Making a subscription, and showing its secret once."""

from collections.abc import Sequence
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from trunkline import FieldError, Json, Refused
from trunkline_portal import one_time_secret
from trunkline_portal.access import Viewer, WritesWebhooks
from trunkline_portal.forms import Submitted
from trunkline_portal.operational import is_operational
from trunkline_portal.pages.subscriptions import event_choices, faults, form, targets, views
from trunkline_portal.pages.subscriptions.faults import Faults
from trunkline_portal.pages.subscriptions.filter_rows import OPERATORS
from trunkline_portal.pages.subscriptions.form import Form
from trunkline_portal.pages.subscriptions.targets import TargetField
from trunkline_portal.pages.subscriptions.views import Subscription
from trunkline_portal.portal import Pages, Portal
from trunkline_portal.routing import Table, get, post

NEW = f"{views.BASE}/new"


class CreationPages(Pages):
    """The form for a new subscription, and the page that shows its secret."""

    async def show_form(self, request: Request, viewer: WritesWebhooks) -> Response:
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
        if more := more_of(fields):
            return self._show(viewer, entered, Faults(), **more)
        errors: list[FieldError] = []
        kinds = event_choices.kinds_of(event_choices.groups_of(self._portal), entered.chosen)
        body = form.creation(entered, kinds, errors)
        if errors:
            return self._show(viewer, entered, faults.sort(errors, entered), status=422)
        try:
            subscription = await self._context.subscriptions.create(viewer.company_id, body, channel=channel)
        except Refused as error:
            return self._show(viewer, entered, faults.of_refusal(error, entered), status=error.status)
        secret, warnings = subscription.get("secret"), subscription.get("warnings", ())
        return leave_secret(self._portal, viewer, subscription["id"], secret, warnings=warnings)

    async def show_secret(self, viewer: WritesWebhooks, subscription_id: str) -> Response:
        """Show the secret, once, or the public key."""
        subscription = await views.find_editable(self._portal, viewer, subscription_id)
        secret = one_time_secret.read(self._portal, viewer, of=subscription.id)
        if secret is None and "public_key" not in subscription.view:
            return self._portal.redirect(
                viewer,
                subscription.url,
                flash="This page shows a secret once, after it was made. Under Settings you can reveal it again, or rotate it.",
                tone="info",
            )
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
        status: int = 200,
        **blanks: int,
    ) -> Response:
        if not views.can_create(self._portal):
            return self._portal.redirect(
                viewer,
                f"{viewer.root}{views.BASE}",
                flash="The plugin webhooks does not run here, nor another channel on which subscriptions are made by hand.",
                tone="warn",
            )
        return show_subscription_form(
            self._portal,
            viewer,
            entered.with_blanks(**blanks),
            errors,
            status=status,
            title="New subscription",
            action=f"{viewer.root}{NEW}",
            back=(f"{viewer.root}{views.BASE}", "Subscriptions"),
            is_new=True,
            tabs=[
                (
                    f"{viewer.root}{NEW}?{urlencode({'channel': name, 'type': entered.event_types}, doseq=True)}",
                    title,
                    name == entered.channel,
                )
                for name, title in targets.choices(self._portal)
            ],
        )

    def _chosen(self, name: str) -> tuple[str, Json]:
        """Return the channel *name*, or the first channel if *name* does not exist, with the schema of its targets."""
        names = [known for known, _ in targets.choices(self._portal)] or [views.CHANNEL]
        channel = name if name in names else names[0]
        return channel, targets.schema_of(self._portal, channel)


ROUTES = Table(
    CreationPages,
    get("/subscriptions/new", CreationPages.show_form),
    post("/subscriptions/new", CreationPages.create, bucket="admin"),
    get("/subscriptions/{subscription_id}/secret", CreationPages.show_secret),
)


def show_subscription_form(
    portal: Portal,
    viewer: Viewer,
    entered: Form,
    errors: Faults,
    *,
    status: int,
    **values: object,
) -> Response:
    """Show the form with the entered values and their errors."""
    *groups, operational = event_choices.groups_of(portal)
    shows_fields = sum(len(group.choices) for group in groups) <= event_choices.MOST_SHOWN
    is_about_hub = any(map(is_operational, entered.event_types))
    groups = [operational, *groups] if is_about_hub else [*groups, operational]
    offered = {name for group in groups for choice in group.choices for name in choice.chosen_by}
    target_fields: list[TargetField] = []
    if entered.schema is not None:
        subscription = values.get("subscription")
        stored = subscription.view.get("target") if isinstance(subscription, Subscription) else None
        target_fields = list(targets.fields_of(entered.schema, entered.target, stored=stored))
    return portal.render(
        viewer,
        "subscription_form.html",
        status=status,
        form=entered,
        errors=errors,
        groups=groups,
        suggestions=event_choices.suggestions_of(groups),
        shows_fields=shows_fields,
        unknown=[name for name in entered.event_types if name not in offered],
        operators=OPERATORS,
        schemes=list(form.SCHEMES.items()),
        starts=form.STARTS,
        retries=portal.context.deployment.retries,
        attempt_seconds=f"{portal.context.deployment.attempt_seconds:g}",
        target_fields=target_fields,
        guide=targets.guide_of(portal, entered.channel),
        **{"subscription": None, "tabs": (), **values},
    )


def leave_secret(
    portal: Portal,
    viewer: Viewer,
    subscription_id: str,
    secret: str | None,
    *,
    warnings: Sequence[str] = (),
) -> Response:
    """Redirect to the page that shows *secret* below *warnings*; *secret* is None if the subscription has a public key."""
    page = views.url_of(viewer, subscription_id, "secret")
    response = portal.redirect(viewer, page, flash=" ".join(warnings) or None, tone="warn")
    if secret is not None:
        one_time_secret.hand_over(portal, response, viewer, of=subscription_id, secret=secret)
    return response


def more_of(fields: Submitted) -> dict[str, int]:
    """Return the numbers of blank rows to add; empty if the button that submits the form was used."""
    if "add_row" in fields:
        return {"rows": 2}
    return {"headers": 2} if "add_header" in fields else {}
