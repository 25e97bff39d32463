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
    def list_events(
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
        ...

    @operation("POST", "/api/v1/events")
    def emit_event(
        self, body: models.EventRequest, *, idempotency_key: str | None = None
    ) -> models.Envelope | models.QuarantinedAnswer:
        """Accept an event."""
        ...

    @operation("POST", "/api/v1/events/batch")
    def emit_events(
        self, body: models.BatchRequest, *, idempotency_key: str | None = None
    ) -> models.AcceptedBatch:
        """Accept up to 1,000 events, all or none."""
        ...

    @operation("POST", "/api/v1/events/test")
    def emit_test_event(
        self, body: models.TestEventRequest, *, idempotency_key: str | None = None
    ) -> models.Envelope:
        """Emit an example event."""
        ...

    @operation("GET", "/api/v1/events/{event_id}/explain")
    def explain_event(self, event_id: int) -> models.EventExplanation:
        """Why an event was delivered, or was not."""
        ...

    @operation("GET", "/api/v1/consumers")
    def list_consumers(self, *, cursor: str | None = None, limit: int | None = None) -> models.ConsumerList:
        """List consumers."""
        ...

    @pages("/api/v1/consumers", "consumers")
    def iter_consumers(self, *, limit: int | None = None) -> models.ConsumerView:
        """List consumers: each one, page by page."""
        ...

    @operation("GET", "/api/v1/consumers/{name}")
    def get_consumer(self, name: str) -> models.ConsumerView:
        """Show a consumer."""
        ...

    @operation("PUT", "/api/v1/consumers/{name}")
    def put_consumer(self, name: str, body: models.ConsumerRequest | None = None) -> models.ConsumerView:
        """Make or change a consumer."""
        ...

    @operation("DELETE", "/api/v1/consumers/{name}")
    def delete_consumer(self, name: str) -> None:
        """Delete a consumer."""
        ...

    @operation("GET", "/api/v1/consumers/{name}/events")
    def lease_events(
        self,
        name: str,
        *,
        limit: int | None = None,
        wait: int | None = None,
        lease_seconds: int | None = None,
    ) -> models.LeasedEvents:
        """Lease the next events of a consumer."""
        ...

    @operation("POST", "/api/v1/consumers/{name}/commit")
    def commit_events(
        self, name: str, body: models.ConsumerCommit, *, idempotency_key: str | None = None
    ) -> None:
        """Commit a leased page."""
        ...

    @operation("POST", "/api/v1/consumers/{name}/seek")
    def seek_consumer(
        self, name: str, body: models.ConsumerSeek, *, idempotency_key: str | None = None
    ) -> models.ConsumerView:
        """Move a consumer."""
        ...

    @operation("GET", "/api/v1/events/digest")
    def digest_events(
        self,
        *,
        from_: str | None = None,
        to: str | None = None,
        types: str | None = None,
        filter: str | None = None,
        subscription: str | None = None,
        ranges: int | None = None,
    ) -> models.EventDigest:
        """Count and digest events."""
        ...

    @operation("GET", "/api/v1/event-types/{name}/interest")
    def get_interest(self, name: str, *, company: str | None = None) -> models.InterestView:
        """Whether anybody takes an event type."""
        ...

    @operation("GET", "/api/v1/event-types")
    def list_event_types(
        self, *, limit: int | None = None, cursor: str | None = None
    ) -> models.EventTypeList:
        """List event types."""
        ...

    @pages("/api/v1/event-types", "event_types")
    def iter_event_types(self, *, limit: int | None = None) -> models.EventTypeSummary:
        """List event types: each one, page by page."""
        ...

    @operation("POST", "/api/v1/event-types")
    def create_event_type(
        self, body: models.EventTypeRequest, *, idempotency_key: str | None = None
    ) -> models.RegisteredType:
        """Register an event type."""
        ...

    @operation("GET", "/api/v1/event-types/{name}")
    def get_event_type(self, name: str) -> models.EventTypeDetail:
        """Show an event type with its schema."""
        ...

    @operation("PATCH", "/api/v1/event-types/{name}")
    def update_event_type(self, name: str, body: models.EventTypeChange) -> models.RegisteredType:
        """Change a registered event type."""
        ...

    @operation("GET", "/schemas/events/{name}.json")
    def get_event_type_schema(self, name: str, *, strict: bool | None = None) -> dict[str, Any]:
        """The JSON Schema of an event type's payload."""
        ...

    @operation("GET", "/api/v1/quarantine")
    def list_quarantined_events(
        self, *, type: str | None = None, cursor: str | None = None, limit: int | None = None
    ) -> models.QuarantinedEventList:
        """List quarantined events."""
        ...

    @pages("/api/v1/quarantine", "quarantined")
    def iter_quarantined_events(
        self, *, type: str | None = None, limit: int | None = None
    ) -> models.QuarantinedEventView:
        """List quarantined events: each one, page by page."""
        ...

    @operation("POST", "/api/v1/quarantine/release")
    def release_quarantined_events(
        self, body: models.ReleaseRequest, *, idempotency_key: str | None = None
    ) -> models.ReleaseCounts:
        """Release all that are valid by now."""
        ...

    @operation("GET", "/api/v1/quarantine/{quarantine_id}")
    def get_quarantined_event(self, quarantine_id: str) -> models.QuarantinedEventDetail:
        """Show a quarantined event."""
        ...

    @operation("PATCH", "/api/v1/quarantine/{quarantine_id}")
    def update_quarantined_event(
        self, quarantine_id: str, body: models.UpdateQuarantinedEventBody
    ) -> models.QuarantinedEventDetail:
        """Correct a quarantined event."""
        ...

    @operation("DELETE", "/api/v1/quarantine/{quarantine_id}")
    def delete_quarantined_event(self, quarantine_id: str) -> None:
        """Delete a quarantined event."""
        ...

    @operation("POST", "/api/v1/quarantine/{quarantine_id}/release")
    def release_quarantined_event(
        self,
        quarantine_id: str,
        body: models.ReleaseQuarantinedEventBody | None = None,
        *,
        idempotency_key: str | None = None,
    ) -> models.Envelope:
        """Release a quarantined event."""
        ...

    @operation("GET", "/api/v1/subscriptions")
    def list_subscriptions(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        channel: str | None = None,
        target_url: str | None = None,
    ) -> models.SubscriptionList:
        """List subscriptions."""
        ...

    @pages("/api/v1/subscriptions", "subscriptions")
    def iter_subscriptions(
        self, *, limit: int | None = None, channel: str | None = None, target_url: str | None = None
    ) -> models.SubscriptionView:
        """List subscriptions: each one, page by page."""
        ...

    @operation("POST", "/api/v1/subscriptions")
    def create_subscription(
        self, body: models.CreateSubscription, *, idempotency_key: str | None = None
    ) -> models.CreatedSubscription:
        """Subscribe on a channel."""
        ...

    @operation("GET", "/api/v1/channels")
    def list_channels(self, *, limit: int | None = None, cursor: str | None = None) -> models.ChannelList:
        """List channels."""
        ...

    @pages("/api/v1/channels", "channels")
    def iter_channels(self, *, limit: int | None = None) -> models.ChannelView:
        """List channels: each one, page by page."""
        ...

    @operation("GET", "/api/v1/subscriptions/{subscription_id}")
    def get_subscription(self, subscription_id: str) -> models.SubscriptionView:
        """Show a subscription."""
        ...

    @operation("PATCH", "/api/v1/subscriptions/{subscription_id}")
    def update_subscription(
        self, subscription_id: str, body: models.ChangeSubscription, *, if_match: str | None = None
    ) -> models.UpdatedSubscription:
        """Change a subscription."""
        ...

    @operation("DELETE", "/api/v1/subscriptions/{subscription_id}")
    def delete_subscription(self, subscription_id: str, *, if_match: str | None = None) -> None:
        """Delete a subscription."""
        ...

    @operation("POST", "/api/v1/subscriptions/{subscription_id}/rotate-secret")
    def rotate_subscription_secret(
        self,
        subscription_id: str,
        body: models.RotateSecret | None = None,
        *,
        idempotency_key: str | None = None,
    ) -> models.RotatedSecret:
        """Give a subscription a new signing secret."""
        ...

    @operation("POST", "/api/v1/subscriptions/{subscription_id}/test")
    def test_subscription(
        self, subscription_id: str, *, idempotency_key: str | None = None
    ) -> models.TestAttempt:
        """Try a subscription."""
        ...

    @operation("GET", "/api/v1/subscriptions/{subscription_id}/deliveries")
    def list_deliveries(
        self,
        subscription_id: str,
        *,
        status: Literal["pending", "held", "delivered", "exhausted", "rejected", "gone", "skipped"]
        | None = None,
        cursor: str | None = None,
        limit: int | None = None,
    ) -> models.DeliveryList:
        """The delivery log of a subscription."""
        ...

    @pages("/api/v1/subscriptions/{subscription_id}/deliveries", "deliveries")
    def iter_deliveries(
        self,
        subscription_id: str,
        *,
        status: Literal["pending", "held", "delivered", "exhausted", "rejected", "gone", "skipped"]
        | None = None,
        limit: int | None = None,
    ) -> models.DeliverySummary:
        """The delivery log of a subscription: each one, page by page."""
        ...

    @operation("GET", "/api/v1/deliveries/{delivery_id}")
    def get_delivery(self, delivery_id: str) -> models.DeliveryDetail:
        """Show a delivery with its attempts."""
        ...

    @operation("POST", "/api/v1/deliveries/{delivery_id}/retry")
    def retry_delivery(
        self, delivery_id: str, *, idempotency_key: str | None = None
    ) -> models.DeliverySummary:
        """Try a delivery again now."""
        ...

    @operation("POST", "/api/v1/deliveries/{delivery_id}/skip")
    def skip_delivery(
        self, delivery_id: str, *, idempotency_key: str | None = None
    ) -> models.DeliverySummary:
        """Skip a delivery."""
        ...

    @operation("POST", "/api/v1/subscriptions/{subscription_id}/replay")
    def start_replay(
        self, subscription_id: str, body: models.ReplayRequest, *, idempotency_key: str | None = None
    ) -> models.ReplayCount | models.ReplayView:
        """Send events of the past again."""
        ...

    @operation("GET", "/api/v1/replays/{replay_id}")
    def get_replay(self, replay_id: str) -> models.ReplayView:
        """Show a replay's progress."""
        ...

    @operation("DELETE", "/api/v1/replays/{replay_id}")
    def cancel_replay(self, replay_id: str) -> None:
        """Cancel a replay."""
        ...

    @operation("GET", "/api/v1/me")
    def get_me(self) -> models.Me:
        """Show whose key this is."""
        ...

    @operation("GET", "/api/v1/keys")
    def list_keys(self, *, limit: int | None = None, cursor: str | None = None) -> models.KeyList:
        """List keys."""
        ...

    @pages("/api/v1/keys", "keys")
    def iter_keys(self, *, limit: int | None = None) -> models.KeyView:
        """List keys: each one, page by page."""
        ...

    @operation("POST", "/api/v1/keys")
    def create_key(self, body: models.KeyRequest, *, idempotency_key: str | None = None) -> models.NewKey:
        """Make a key."""
        ...

    @operation("POST", "/api/v1/keys/{key_id}/rotate")
    def rotate_key(
        self, key_id: str, body: models.KeyRotation | None = None, *, idempotency_key: str | None = None
    ) -> models.NewKey:
        """Replace a key, with an overlap."""
        ...

    @operation("DELETE", "/api/v1/keys/{key_id}")
    def revoke_key(
        self, key_id: str, *, with_: Literal["subscriptions"] | None = None
    ) -> models.DisabledSubscriptions | None:
        """Revoke a key."""
        ...

    @operation("GET", "/api/v1/companies")
    def list_companies(
        self, *, reference: str | None = None, cursor: str | None = None, limit: int | None = None
    ) -> models.CompanyList:
        """List companies."""
        ...

    @pages("/api/v1/companies", "companies")
    def iter_companies(self, *, reference: str | None = None, limit: int | None = None) -> models.CompanyView:
        """List companies: each one, page by page."""
        ...

    @operation("POST", "/api/v1/companies")
    def create_company(
        self, body: models.CompanyRequest, *, idempotency_key: str | None = None
    ) -> models.CompanyView:
        """Make a company."""
        ...

    @operation("GET", "/api/v1/companies/{company_id}")
    def get_company(self, company_id: str) -> models.CompanyView:
        """Show a company."""
        ...

    @operation("PATCH", "/api/v1/companies/{company_id}")
    def update_company(
        self, company_id: str, body: models.CompanyRequest, *, if_match: str | None = None
    ) -> models.CompanyView:
        """Change a company."""
        ...

    @operation("DELETE", "/api/v1/companies/{company_id}")
    def delete_company(self, company_id: str) -> models.ErasureReceipt:
        """Delete a company and everything of it."""
        ...

    @operation("GET", "/api/v1/erasures/{erasure_id}")
    def get_erasure(self, erasure_id: str) -> models.ErasureReceipt:
        """Show the receipt of a deletion."""
        ...

    @operation("GET", "/api/v1/audit")
    def list_audit_entries(
        self,
        *,
        actor: str | None = None,
        action: str | None = None,
        target: str | None = None,
        request_id: str | None = None,
        cursor: str | None = None,
        limit: int | None = None,
    ) -> models.AuditEntryList:
        """List changes."""
        ...

    @pages("/api/v1/audit", "entries")
    def iter_audit_entries(
        self,
        *,
        actor: str | None = None,
        action: str | None = None,
        target: str | None = None,
        request_id: str | None = None,
        limit: int | None = None,
    ) -> models.AuditEntry:
        """List changes: each one, page by page."""
        ...

    @operation("GET", "/healthz")
    def get_health(self) -> dict[str, str]:
        """Whether the process answers."""
        ...

    @operation("GET", "/readyz")
    def get_readiness(self) -> dict[str, str]:
        """Whether the hub can do its work."""
        ...

    @operation("GET", "/metrics")
    def get_metrics(self) -> str:
        """Metrics for Prometheus."""
        ...

    @operation("GET", "/api/v1/plugins")
    def list_plugins(self, *, limit: int | None = None, cursor: str | None = None) -> models.PluginList:
        """List plugins."""
        ...

    @pages("/api/v1/plugins", "plugins")
    def iter_plugins(self, *, limit: int | None = None) -> models.PluginView:
        """List plugins: each one, page by page."""
        ...

    @operation("GET", "/.well-known/jwks.json")
    def list_public_keys(
        self,
        *,
        company: str | None = None,
        environment: Literal["live", "test"] | None = None,
        subscription: str | None = None,
    ) -> models.PublicKeys:
        """Public keys of signatures."""
        ...

    @operation("GET", "/api/v1/actions")
    def list_actions(self, *, limit: int | None = None, cursor: str | None = None) -> models.ActionList:
        """List actions."""
        ...

    @pages("/api/v1/actions", "actions")
    def iter_actions(self, *, limit: int | None = None) -> models.ShownDefinition:
        """List actions: each one, page by page."""
        ...

    @operation("GET", "/schemas/actions/{name}.json")
    def get_action_schemas(self, name: str) -> dict[str, Any]:
        """The JSON Schemas of one of the actions."""
        ...

    @operation("GET", "/api/v1/alerts")
    def get_alerts(self) -> models.AlertsView:
        """Show who is told of failures."""
        ...

    @operation("PATCH", "/api/v1/alerts")
    def update_alerts(self, body: models.ChangeAlerts) -> models.AlertsView:
        """Change who is told of failures."""
        ...

    @operation("GET", "/api/v1/alerts/preview")
    def preview_alerts(self) -> models.AlertPreviews:
        """Preview alerts."""
        ...

    @operation("POST", "/api/v1/alerts/test")
    def test_alerts(self, *, idempotency_key: str | None = None) -> models.AlertTest:
        """Mail a test message."""
        ...

    @operation("GET", "/api/v1/make/hooks")
    def list_make_hooks(
        self, *, limit: int | None = None, cursor: str | None = None, target_url: str | None = None
    ) -> models.HookList:
        """List the hooks of Make."""
        ...

    @pages("/api/v1/make/hooks", "hooks")
    def iter_make_hooks(self, *, limit: int | None = None, target_url: str | None = None) -> models.Hook:
        """List the hooks of Make: each one, page by page."""
        ...

    @operation("POST", "/api/v1/make/hooks")
    def create_make_hook(
        self, body: models.HookRequest, *, idempotency_key: str | None = None
    ) -> models.SubscribedHook:
        """Subscribe from Make."""
        ...

    @operation("DELETE", "/api/v1/make/hooks/{hook_id}")
    def delete_make_hook(self, hook_id: str) -> None:
        """Unsubscribe from Make."""
        ...

    @operation("GET", "/api/v1/n8n/hooks")
    def list_n8n_hooks(
        self, *, limit: int | None = None, cursor: str | None = None, target_url: str | None = None
    ) -> models.HookList:
        """List the hooks of n8n."""
        ...

    @pages("/api/v1/n8n/hooks", "hooks")
    def iter_n8n_hooks(self, *, limit: int | None = None, target_url: str | None = None) -> models.Hook:
        """List the hooks of n8n: each one, page by page."""
        ...

    @operation("POST", "/api/v1/n8n/hooks")
    def create_n8n_hook(
        self, body: models.HookRequest, *, idempotency_key: str | None = None
    ) -> models.SubscribedHook:
        """Subscribe from n8n."""
        ...

    @operation("DELETE", "/api/v1/n8n/hooks/{hook_id}")
    def delete_n8n_hook(self, hook_id: str) -> None:
        """Unsubscribe from n8n."""
        ...

    @operation("GET", "/api/v1/oauth/apps")
    def list_apps(self, *, limit: int | None = None, cursor: str | None = None) -> models.AppList:
        """List registered apps."""
        ...

    @pages("/api/v1/oauth/apps", "apps")
    def iter_apps(self, *, limit: int | None = None) -> models.AppView:
        """List registered apps: each one, page by page."""
        ...

    @operation("POST", "/api/v1/oauth/apps")
    def create_app(self, body: models.AppRequest, *, idempotency_key: str | None = None) -> models.NewApp:
        """Register an app."""
        ...

    @operation("PATCH", "/api/v1/oauth/apps/{app_id}")
    def update_app(self, app_id: str, body: models.ChangeApp) -> models.AppView:
        """Change an app."""
        ...

    @operation("DELETE", "/api/v1/oauth/apps/{app_id}")
    def delete_app(self, app_id: str) -> None:
        """Remove an app."""
        ...

    @operation("POST", "/api/v1/oauth/apps/{app_id}/rotate-secret")
    def rotate_app_secret(
        self, app_id: str, body: models.RotateSecret | None = None, *, idempotency_key: str | None = None
    ) -> models.AppSecret:
        """Replace an app's secret."""
        ...

    @operation("GET", "/api/v1/oauth/connections")
    def list_connections(
        self, *, limit: int | None = None, cursor: str | None = None
    ) -> models.ConnectionList:
        """List connected apps."""
        ...

    @pages("/api/v1/oauth/connections", "connections")
    def iter_connections(self, *, limit: int | None = None) -> models.ConnectionView:
        """List connected apps: each one, page by page."""
        ...

    @operation("DELETE", "/api/v1/oauth/connections/{connection_id}")
    def delete_connection(self, connection_id: str) -> models.DisconnectedView:
        """Disconnect an app."""
        ...

    @operation("GET", "/api/v1/events/sample")
    def sample_events(
        self,
        *,
        type: str | None = None,
        versions: str | None = None,
        filter: str | None = None,
        limit: int | None = None,
    ) -> list[models.Envelope]:
        """Show sample events."""
        ...

    @operation("GET", "/api/v1/events/{event_id}")
    def get_event(self, event_id: int, *, versions: str | None = None) -> models.Envelope:
        """Read one event."""
        ...

    @operation("POST", "/api/v1/portal/links")
    def create_portal_link(
        self, body: models.LinkRequest, *, idempotency_key: str | None = None
    ) -> models.LinkView:
        """Make a sign-in link."""
        ...

    @operation("GET", "/api/v1/searches")
    def list_searches(self, *, limit: int | None = None, cursor: str | None = None) -> models.SearchList:
        """List searches."""
        ...

    @pages("/api/v1/searches", "searches")
    def iter_searches(self, *, limit: int | None = None) -> models.ShownDefinition:
        """List searches: each one, page by page."""
        ...

    @operation("GET", "/schemas/searches/{name}.json")
    def get_search_schemas(self, name: str) -> dict[str, Any]:
        """The JSON Schemas of one of the searches."""
        ...

    @operation("GET", "/api/v1/lookups")
    def list_lookups(self, *, limit: int | None = None, cursor: str | None = None) -> models.LookupList:
        """List lookups."""
        ...

    @pages("/api/v1/lookups", "lookups")
    def iter_lookups(self, *, limit: int | None = None) -> models.ShownDefinition:
        """List lookups: each one, page by page."""
        ...

    @operation("GET", "/schemas/lookups/{name}.json")
    def get_lookup_schemas(self, name: str) -> dict[str, Any]:
        """The JSON Schemas of one of the lookups."""
        ...

    @operation("GET", "/api/v1/webhooks/subscriptions")
    def list_webhook_subscriptions(
        self, *, limit: int | None = None, cursor: str | None = None, target_url: str | None = None
    ) -> models.SubscriptionList:
        """List webhook subscriptions."""
        ...

    @pages("/api/v1/webhooks/subscriptions", "subscriptions")
    def iter_webhook_subscriptions(
        self, *, limit: int | None = None, target_url: str | None = None
    ) -> models.SubscriptionView:
        """List webhook subscriptions: each one, page by page."""
        ...

    @operation("POST", "/api/v1/webhooks/subscriptions")
    def create_webhook_subscription(
        self, body: models.CreateWebhookSubscription, *, idempotency_key: str | None = None
    ) -> models.CreatedSubscription:
        """Create a webhook subscription."""
        ...

    @operation("GET", "/api/v1/webhooks/subscriptions/{subscription_id}")
    def get_webhook_subscription(self, subscription_id: str) -> models.SubscriptionView:
        """Show a webhook subscription."""
        ...

    @operation("PATCH", "/api/v1/webhooks/subscriptions/{subscription_id}")
    def update_webhook_subscription(
        self, subscription_id: str, body: models.UpdateSubscription, *, if_match: str | None = None
    ) -> models.UpdatedSubscription:
        """Change a webhook subscription."""
        ...

    @operation("DELETE", "/api/v1/webhooks/subscriptions/{subscription_id}")
    def delete_webhook_subscription(self, subscription_id: str, *, if_match: str | None = None) -> None:
        """Delete a webhook subscription."""
        ...

    @operation("POST", "/api/v1/webhooks/subscriptions/{subscription_id}/rotate-secret")
    def rotate_webhook_subscription_secret(
        self,
        subscription_id: str,
        body: models.RotateSecret | None = None,
        *,
        idempotency_key: str | None = None,
    ) -> models.RotatedSecret:
        """Give a subscription a new secret."""
        ...

    @operation("POST", "/api/v1/webhooks/subscriptions/{subscription_id}/test")
    def test_webhook_subscription(
        self, subscription_id: str, *, idempotency_key: str | None = None
    ) -> models.TestAttempt:
        """Send a test delivery."""
        ...

    @operation("GET", "/api/v1/webhooks/subscriptions/{subscription_id}/deliveries")
    def list_webhook_deliveries(
        self,
        subscription_id: str,
        *,
        status: Literal["pending", "held", "delivered", "exhausted", "rejected", "gone", "skipped"]
        | None = None,
        cursor: str | None = None,
        limit: int | None = None,
    ) -> models.DeliveryList:
        """The delivery log of a webhook subscription."""
        ...

    @pages("/api/v1/webhooks/subscriptions/{subscription_id}/deliveries", "deliveries")
    def iter_webhook_deliveries(
        self,
        subscription_id: str,
        *,
        status: Literal["pending", "held", "delivered", "exhausted", "rejected", "gone", "skipped"]
        | None = None,
        limit: int | None = None,
    ) -> models.DeliverySummary:
        """The delivery log of a webhook subscription: each one, page by page."""
        ...

    @operation("POST", "/api/v1/webhooks/subscriptions/{subscription_id}/replay")
    def start_webhook_replay(
        self, subscription_id: str, body: models.ReplayRequest, *, idempotency_key: str | None = None
    ) -> models.ReplayCount | models.ReplayView:
        """Send events of the past again."""
        ...

    @operation("GET", "/api/v1/zapier/hooks")
    def list_zapier_hooks(
        self, *, limit: int | None = None, cursor: str | None = None, target_url: str | None = None
    ) -> models.HookList:
        """List the hooks of Zapier."""
        ...

    @pages("/api/v1/zapier/hooks", "hooks")
    def iter_zapier_hooks(self, *, limit: int | None = None, target_url: str | None = None) -> models.Hook:
        """List the hooks of Zapier: each one, page by page."""
        ...

    @operation("POST", "/api/v1/zapier/hooks")
    def create_zapier_hook(
        self, body: models.HookRequest, *, idempotency_key: str | None = None
    ) -> models.SubscribedHook:
        """Subscribe from Zapier."""
        ...

    @operation("DELETE", "/api/v1/zapier/hooks/{hook_id}")
    def delete_zapier_hook(self, hook_id: str) -> None:
        """Unsubscribe from Zapier."""
        ...
