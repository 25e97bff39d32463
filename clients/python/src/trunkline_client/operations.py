"""Every call of the API. Made by ``clients/python/generate.py`` from the OpenAPI document."""

# mypy: disable-error-code="empty-body"
from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from trunkline_client.methods import operation, pages

if TYPE_CHECKING:
    from trunkline_client import models


class Operations:
    """The calls of the API, by their names in the OpenAPI document."""

    @operation("GET", "/api/v1/events")
    def poll_api_v1_events_get(
        self,
        *,
        types: str | None = None,
        cursor: str | None = None,
        since: str | None = None,
        versions: str | None = None,
        filter: str | None = None,
        limit: int | None = None,
        wait: int | None = None,
    ) -> models.EventPage:
        """Read events in order."""

    @operation("POST", "/api/v1/events")
    def accept_event_api_v1_events_post(
        self, body: models.EventRequest, *, idempotency_key: str | None = None
    ) -> models.Envelope | models.QuarantinedAnswer:
        """Accept an event."""

    @operation("POST", "/api/v1/events/batch")
    def accept_batch_api_v1_events_batch_post(
        self, body: models.BatchRequest, *, idempotency_key: str | None = None
    ) -> models.AcceptedBatch:
        """Accept up to 1,000 events, all or none."""

    @operation("POST", "/api/v1/events/test")
    def emit_test_event_api_v1_events_test_post(self, body: models.TestEventRequest) -> models.Envelope:
        """Emit an example event."""

    @operation("GET", "/api/v1/events/{event_id}/explain")
    def explain_event_api_v1_events__event_id__explain_get(self, event_id: str) -> models.Explanation:
        """Why an event was delivered, or was not."""

    @operation("GET", "/api/v1/event-types")
    def list_event_types_api_v1_event_types_get(self) -> models.EventTypes:
        """List event types."""

    @operation("POST", "/api/v1/event-types")
    def register_api_v1_event_types_post(self, body: models.Registration) -> models.RegisteredType:
        """Register an event type."""

    @operation("GET", "/api/v1/event-types/{name}")
    def show_event_type_api_v1_event_types__name__get(self, name: str) -> models.EventTypeDetail:
        """Show an event type with its schema."""

    @operation("PATCH", "/api/v1/event-types/{name}")
    def revise_api_v1_event_types__name__patch(
        self, name: str, body: models.Revision
    ) -> models.RegisteredType:
        """Change a registered event type."""

    @operation("GET", "/schemas/events/{name}.json")
    def show_schema_schemas_events__name__json_get(self, name: str) -> dict[str, Any]:
        """The JSON Schema of an event type's payload."""

    @operation("GET", "/api/v1/quarantine")
    def list_quarantined_api_v1_quarantine_get(
        self, *, type: str | None = None, cursor: str | None = None, limit: int | None = None
    ) -> models.Inbox:
        """List quarantined events."""

    @pages("/api/v1/quarantine", "quarantined")
    def iter_quarantined_api_v1_quarantine_get(
        self, *, type: str | None = None, limit: int | None = None
    ) -> models.WaitingView:
        """List quarantined events: each one, page by page."""

    @operation("POST", "/api/v1/quarantine/release")
    def release_all_api_v1_quarantine_release_post(self, body: models.ReleaseRequest) -> models.ReleaseCounts:
        """Release all that are valid by now."""

    @operation("GET", "/api/v1/quarantine/{quarantine_id}")
    def show_quarantined_api_v1_quarantine__quarantine_id__get(
        self, quarantine_id: str
    ) -> models.WaitingDetail:
        """Show a quarantined event."""

    @operation("PATCH", "/api/v1/quarantine/{quarantine_id}")
    def replace_payload_api_v1_quarantine__quarantine_id__patch(
        self, quarantine_id: str, body: models.ReplacePayloadApiV1QuarantineQuarantineIdPatchBody
    ) -> models.WaitingDetail:
        """Correct a quarantined event."""

    @operation("DELETE", "/api/v1/quarantine/{quarantine_id}")
    def delete_quarantined_api_v1_quarantine__quarantine_id__delete(self, quarantine_id: str) -> None:
        """Delete a quarantined event."""

    @operation("POST", "/api/v1/quarantine/{quarantine_id}/release")
    def release_quarantined_api_v1_quarantine__quarantine_id__release_post(
        self,
        quarantine_id: str,
        body: models.ReleaseQuarantinedApiV1QuarantineQuarantineIdReleasePostBody | None = None,
    ) -> models.Envelope:
        """Release a quarantined event."""

    @operation("GET", "/api/v1/subscriptions")
    def list_subscriptions_api_v1_subscriptions_get(
        self, *, channel: str | None = None, target_url: str | None = None, cursor: str | None = None
    ) -> models.Subscriptions:
        """List subscriptions."""

    @pages("/api/v1/subscriptions", "subscriptions")
    def iter_subscriptions_api_v1_subscriptions_get(
        self, *, channel: str | None = None, target_url: str | None = None
    ) -> models.SubscriptionView:
        """List subscriptions: each one, page by page."""

    @operation("POST", "/api/v1/subscriptions")
    def subscribe_api_v1_subscriptions_post(
        self, body: models.SubscribeRequest
    ) -> models.CreatedSubscription:
        """Subscribe on a channel."""

    @operation("GET", "/api/v1/channels")
    def list_channels_api_v1_channels_get(self) -> models.Channels:
        """List channels."""

    @operation("GET", "/api/v1/subscriptions/{subscription_id}")
    def show_subscription_api_v1_subscriptions__subscription_id__get(
        self, subscription_id: str
    ) -> models.SubscriptionView:
        """Show a subscription."""

    @operation("PATCH", "/api/v1/subscriptions/{subscription_id}")
    def change_subscription_api_v1_subscriptions__subscription_id__patch(
        self, subscription_id: str, body: models.ChangeSubscription
    ) -> models.SubscriptionView:
        """Change a subscription."""

    @operation("DELETE", "/api/v1/subscriptions/{subscription_id}")
    def delete_api_v1_subscriptions__subscription_id__delete(self, subscription_id: str) -> None:
        """Delete a subscription."""

    @operation("POST", "/api/v1/subscriptions/{subscription_id}/rotate-secret")
    def rotate_api_v1_subscriptions__subscription_id__rotate_secret_post(
        self, subscription_id: str, body: models.RotateSecret | None = None
    ) -> models.RotatedSecret:
        """Give a subscription a new signing secret."""

    @operation("POST", "/api/v1/subscriptions/{subscription_id}/test")
    def test_api_v1_subscriptions__subscription_id__test_post(
        self, subscription_id: str
    ) -> models.TestAttempt:
        """Try a subscription."""

    @operation("GET", "/api/v1/subscriptions/{subscription_id}/deliveries")
    def list_deliveries_api_v1_subscriptions__subscription_id__deliveries_get(
        self,
        subscription_id: str,
        *,
        status: Literal["pending", "held", "delivered", "exhausted", "rejected", "gone", "skipped"]
        | None = None,
        cursor: str | None = None,
        limit: int | None = None,
    ) -> models.Deliveries:
        """The delivery log of a subscription."""

    @pages("/api/v1/subscriptions/{subscription_id}/deliveries", "deliveries")
    def iter_deliveries_api_v1_subscriptions__subscription_id__deliveries_get(
        self,
        subscription_id: str,
        *,
        status: Literal["pending", "held", "delivered", "exhausted", "rejected", "gone", "skipped"]
        | None = None,
        limit: int | None = None,
    ) -> models.DeliverySummary:
        """The delivery log of a subscription: each one, page by page."""

    @operation("GET", "/api/v1/deliveries/{delivery_id}")
    def show_delivery_api_v1_deliveries__delivery_id__get(self, delivery_id: str) -> models.DeliveryDetail:
        """Show a delivery with its attempts."""

    @operation("POST", "/api/v1/deliveries/{delivery_id}/retry")
    def retry_delivery_api_v1_deliveries__delivery_id__retry_post(
        self, delivery_id: str
    ) -> models.DeliverySummary:
        """Try a delivery again now."""

    @operation("POST", "/api/v1/deliveries/{delivery_id}/skip")
    def skip_delivery_api_v1_deliveries__delivery_id__skip_post(
        self, delivery_id: str
    ) -> models.DeliverySummary:
        """Skip a delivery."""

    @operation("POST", "/api/v1/subscriptions/{subscription_id}/replay")
    def start_replay_api_v1_subscriptions__subscription_id__replay_post(
        self, subscription_id: str, body: models.ReplayRequest
    ) -> models.ReplayView | models.ReplayCount:
        """Send events of the past again."""

    @operation("GET", "/api/v1/replays/{replay_id}")
    def show_replay_api_v1_replays__replay_id__get(self, replay_id: str) -> models.ReplayView:
        """Show a replay's progress."""

    @operation("DELETE", "/api/v1/replays/{replay_id}")
    def cancel_replay_api_v1_replays__replay_id__delete(self, replay_id: str) -> None:
        """Cancel a replay."""

    @operation("GET", "/api/v1/me")
    def show_me_api_v1_me_get(self) -> models.Me:
        """Show whose key this is."""

    @operation("GET", "/api/v1/keys")
    def list_keys_api_v1_keys_get(self) -> models.KeyList:
        """List keys."""

    @operation("POST", "/api/v1/keys")
    def create_key_api_v1_keys_post(self, body: models.KeyRequest) -> models.NewKey:
        """Make a key."""

    @operation("POST", "/api/v1/keys/{key_id}/rotate")
    def rotate_key_api_v1_keys__key_id__rotate_post(
        self, key_id: str, body: models.KeyRotation | None = None
    ) -> models.NewKey:
        """Replace a key, with an overlap."""

    @operation("DELETE", "/api/v1/keys/{key_id}")
    def revoke_key_api_v1_keys__key_id__delete(
        self, key_id: str, *, with_: Literal["subscriptions"] | None = None
    ) -> models.Disabled | None:
        """Revoke a key."""

    @operation("GET", "/api/v1/companies")
    def list_companies_api_v1_companies_get(
        self, *, reference: str | None = None, cursor: str | None = None, limit: int | None = None
    ) -> models.CompanyList:
        """List companies."""

    @pages("/api/v1/companies", "companies")
    def iter_companies_api_v1_companies_get(
        self, *, reference: str | None = None, limit: int | None = None
    ) -> models.CompanyView:
        """List companies: each one, page by page."""

    @operation("POST", "/api/v1/companies")
    def create_company_api_v1_companies_post(self, body: models.CompanyRequest) -> models.CompanyView:
        """Make a company."""

    @operation("GET", "/api/v1/companies/{company_id}")
    def show_company_api_v1_companies__company_id__get(self, company_id: str) -> models.CompanyView:
        """Show a company."""

    @operation("PATCH", "/api/v1/companies/{company_id}")
    def change_company_api_v1_companies__company_id__patch(
        self, company_id: str, body: models.CompanyRequest
    ) -> models.CompanyView:
        """Change a company."""

    @operation("DELETE", "/api/v1/companies/{company_id}")
    def delete_company_api_v1_companies__company_id__delete(self, company_id: str) -> models.Receipt:
        """Delete a company and everything of it."""

    @operation("GET", "/api/v1/erasures/{erasure_id}")
    def show_erasure_api_v1_erasures__erasure_id__get(self, erasure_id: str) -> models.Receipt:
        """Show the receipt of a deletion."""

    @operation("GET", "/healthz")
    def healthz_healthz_get(self) -> dict[str, str]:
        """Whether the process answers."""

    @operation("GET", "/readyz")
    def readyz_readyz_get(self) -> dict[str, str]:
        """Whether the hub can do its work."""

    @operation("GET", "/metrics")
    def metrics_metrics_get(self) -> str:
        """Metrics for Prometheus."""

    @operation("GET", "/api/v1/plugins")
    def list_plugins_api_v1_plugins_get(self) -> models.PluginList:
        """List plugins."""

    @operation("GET", "/api/v1/actions")
    def list_actions(self) -> models.ActionsList:
        """List actions."""

    @operation("GET", "/schemas/actions/{name}.json")
    def show_action_schemas(self, name: str) -> dict[str, Any]:
        """The JSON Schemas of one of the actions."""

    @operation("GET", "/api/v1/make/hooks")
    def list_hooks_api_v1_make_hooks_get(
        self, *, target_url: str | None = None, cursor: str | None = None
    ) -> models.Hooks:
        """List the hooks of Make."""

    @pages("/api/v1/make/hooks", "hooks")
    def iter_hooks_api_v1_make_hooks_get(self, *, target_url: str | None = None) -> models.Hook:
        """List the hooks of Make: each one, page by page."""

    @operation("POST", "/api/v1/make/hooks")
    def subscribe_api_v1_make_hooks_post(self, body: models.HookRequest) -> models.SubscribedHook:
        """Subscribe from Make."""

    @operation("DELETE", "/api/v1/make/hooks/{hook_id}")
    def unsubscribe_api_v1_make_hooks__hook_id__delete(self, hook_id: str) -> None:
        """Unsubscribe from Make."""

    @operation("GET", "/api/v1/n8n/hooks")
    def list_hooks_api_v1_n8n_hooks_get(
        self, *, target_url: str | None = None, cursor: str | None = None
    ) -> models.Hooks:
        """List the hooks of n8n."""

    @pages("/api/v1/n8n/hooks", "hooks")
    def iter_hooks_api_v1_n8n_hooks_get(self, *, target_url: str | None = None) -> models.Hook:
        """List the hooks of n8n: each one, page by page."""

    @operation("POST", "/api/v1/n8n/hooks")
    def subscribe_api_v1_n8n_hooks_post(self, body: models.HookRequest) -> models.SubscribedHook:
        """Subscribe from n8n."""

    @operation("DELETE", "/api/v1/n8n/hooks/{hook_id}")
    def unsubscribe_api_v1_n8n_hooks__hook_id__delete(self, hook_id: str) -> None:
        """Unsubscribe from n8n."""

    @operation("GET", "/api/v1/oauth/apps")
    def list_apps_api_v1_oauth_apps_get(self) -> models.AppList:
        """List registered apps."""

    @operation("POST", "/api/v1/oauth/apps")
    def register_api_v1_oauth_apps_post(self, body: models.AppRequest) -> models.NewApp:
        """Register an app."""

    @operation("PATCH", "/api/v1/oauth/apps/{app_id}")
    def change_api_v1_oauth_apps__app_id__patch(self, app_id: str, body: models.ChangeApp) -> models.AppView:
        """Change an app."""

    @operation("DELETE", "/api/v1/oauth/apps/{app_id}")
    def remove_api_v1_oauth_apps__app_id__delete(self, app_id: str) -> None:
        """Remove an app."""

    @operation("POST", "/api/v1/oauth/apps/{app_id}/rotate-secret")
    def rotate_secret_api_v1_oauth_apps__app_id__rotate_secret_post(
        self, app_id: str, body: models.RotateSecret | None = None
    ) -> models.AppSecret:
        """Replace an app's secret."""

    @operation("GET", "/api/v1/oauth/connections")
    def list_connections_api_v1_oauth_connections_get(self) -> models.ConnectionList:
        """List connected apps."""

    @operation("DELETE", "/api/v1/oauth/connections/{connection_id}")
    def disconnect_api_v1_oauth_connections__connection_id__delete(
        self, connection_id: str
    ) -> models.DisconnectedView:
        """Disconnect an app."""

    @operation("GET", "/api/v1/events/sample")
    def sample_api_v1_events_sample_get(
        self, *, type: str | None = None, versions: str | None = None, limit: int | None = None
    ) -> list[models.Envelope]:
        """Show sample events."""

    @operation("GET", "/api/v1/events/{event_id}")
    def show_api_v1_events__event_id__get(
        self, event_id: str, *, versions: str | None = None
    ) -> models.Envelope:
        """Read one event."""

    @operation("POST", "/api/v1/portal/links")
    def create_api_v1_portal_links_post(self, body: models.LinkRequest) -> models.LinkView:
        """Make a sign-in link."""

    @operation("GET", "/api/v1/searches")
    def list_searches(self) -> models.SearchesList:
        """List searches."""

    @operation("GET", "/schemas/searches/{name}.json")
    def show_search_schemas(self, name: str) -> dict[str, Any]:
        """The JSON Schemas of one of the searches."""

    @operation("GET", "/api/v1/webhooks/subscriptions")
    def list_all_api_v1_webhooks_subscriptions_get(
        self, *, target_url: str | None = None, cursor: str | None = None
    ) -> models.Subscriptions:
        """List webhook subscriptions."""

    @pages("/api/v1/webhooks/subscriptions", "subscriptions")
    def iter_all_api_v1_webhooks_subscriptions_get(
        self, *, target_url: str | None = None
    ) -> models.SubscriptionView:
        """List webhook subscriptions: each one, page by page."""

    @operation("POST", "/api/v1/webhooks/subscriptions")
    def create_api_v1_webhooks_subscriptions_post(
        self, body: models.CreateSubscription
    ) -> models.CreatedSubscription:
        """Create a webhook subscription."""

    @operation("GET", "/api/v1/webhooks/subscriptions/{subscription_id}")
    def show_api_v1_webhooks_subscriptions__subscription_id__get(
        self, subscription_id: str
    ) -> models.SubscriptionView:
        """Show a webhook subscription."""

    @operation("PATCH", "/api/v1/webhooks/subscriptions/{subscription_id}")
    def update_api_v1_webhooks_subscriptions__subscription_id__patch(
        self, subscription_id: str, body: models.UpdateSubscription
    ) -> models.ChangedSubscription:
        """Change a webhook subscription."""

    @operation("DELETE", "/api/v1/webhooks/subscriptions/{subscription_id}")
    def delete_api_v1_webhooks_subscriptions__subscription_id__delete(self, subscription_id: str) -> None:
        """Delete a webhook subscription."""

    @operation("POST", "/api/v1/webhooks/subscriptions/{subscription_id}/rotate-secret")
    def rotate_api_v1_webhooks_subscriptions__subscription_id__rotate_secret_post(
        self, subscription_id: str, body: models.RotateSecret | None = None
    ) -> models.RotatedSecret:
        """Give a subscription a new secret."""

    @operation("POST", "/api/v1/webhooks/subscriptions/{subscription_id}/test")
    def test_api_v1_webhooks_subscriptions__subscription_id__test_post(
        self, subscription_id: str
    ) -> models.TestAttempt:
        """Send a test delivery."""

    @operation("GET", "/api/v1/webhooks/subscriptions/{subscription_id}/deliveries")
    def list_deliveries_api_v1_webhooks_subscriptions__subscription_id__deliveries_get(
        self,
        subscription_id: str,
        *,
        status: Literal["pending", "held", "delivered", "exhausted", "rejected", "gone", "skipped"]
        | None = None,
        cursor: str | None = None,
        limit: int | None = None,
    ) -> models.Deliveries:
        """The delivery log of a webhook subscription."""

    @pages("/api/v1/webhooks/subscriptions/{subscription_id}/deliveries", "deliveries")
    def iter_deliveries_api_v1_webhooks_subscriptions__subscription_id__deliveries_get(
        self,
        subscription_id: str,
        *,
        status: Literal["pending", "held", "delivered", "exhausted", "rejected", "gone", "skipped"]
        | None = None,
        limit: int | None = None,
    ) -> models.DeliverySummary:
        """The delivery log of a webhook subscription: each one, page by page."""

    @operation("POST", "/api/v1/webhooks/subscriptions/{subscription_id}/replay")
    def replay_api_v1_webhooks_subscriptions__subscription_id__replay_post(
        self, subscription_id: str, body: models.ReplayRequest
    ) -> models.ReplayView | models.ReplayCount:
        """Send events of the past again."""

    @operation("GET", "/api/v1/zapier/hooks")
    def list_hooks_api_v1_zapier_hooks_get(
        self, *, target_url: str | None = None, cursor: str | None = None
    ) -> models.Hooks:
        """List the hooks of Zapier."""

    @pages("/api/v1/zapier/hooks", "hooks")
    def iter_hooks_api_v1_zapier_hooks_get(self, *, target_url: str | None = None) -> models.Hook:
        """List the hooks of Zapier: each one, page by page."""

    @operation("POST", "/api/v1/zapier/hooks")
    def subscribe_api_v1_zapier_hooks_post(self, body: models.HookRequest) -> models.SubscribedHook:
        """Subscribe from Zapier."""

    @operation("DELETE", "/api/v1/zapier/hooks/{hook_id}")
    def unsubscribe_api_v1_zapier_hooks__hook_id__delete(self, hook_id: str) -> None:
        """Unsubscribe from Zapier."""
