"""Every plugin that comes with trunkline passes the suite for third-party plugins."""

from typing import ClassVar

import pytest

from trunkline_kit import PluginConformance

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]  # the import is checked in a separate process

HOOK = {"target_url": "http://127.0.0.1:9/of-company-92", "event_types": ["*"]}
SECRET = "whsec_" + "c2VjcmV0LW9mLXRoZS1wcm92aWRlcg" * 2


class TestActions(PluginConformance):
    plugin = "actions"
    prefixes = ("/api/v1/actions", "/api/v1/integrations", "/schemas/actions")
    public = ("/schemas/*",)
    unscoped = ("/api/v1/actions", "/api/v1/searches", "/api/v1/lookups")


class TestActionsWithAProvider(TestActions):
    settings: ClassVar = {
        "actions.provider_url": "http://127.0.0.1:9/trunkline",
        "actions.provider_secret": SECRET,
    }
    replaces = ("crm",)


class TestAlerts(PluginConformance):
    plugin = "alerts"
    labels = ("room", "service")


class TestCrm(PluginConformance):
    plugin = "crm"
    prefixes = ("/api/v1/integrations/employees",)


class TestDocs(PluginConformance):
    plugin = "docs"
    prefixes = ("/docs/events",)
    public = ("/docs/*",)


class TestMake(PluginConformance):
    plugin = "make"
    bodies: ClassVar = {"POST /api/v1/make/hooks": HOOK}


class TestMcp(PluginConformance):
    plugin = "mcp"
    prefixes = ("/mcp", "/.well-known", "/llms.txt")
    public = ("/.well-known/*", "/llms.txt")


class TestN8n(PluginConformance):
    plugin = "n8n"
    bodies: ClassVar = {"POST /api/v1/n8n/hooks": HOOK}


class TestOauth(PluginConformance):
    plugin = "oauth"
    prefixes = ("/api/v1/oauth", "/oauth", "/.well-known")
    public = ("/oauth/*", "/.well-known/*")
    unscoped_pages = ("apps",)  # a page on which all people see the apps that they have let in themselves


class TestPolling(PluginConformance):
    plugin = "polling"
    prefixes = ("/api/v1/events",)


class TestPortal(PluginConformance):
    plugin = "portal"
    prefixes = ("/portal", "/api/v1/portal")
    public = (
        "/portal/static/*",
        "/portal/sign-in",
        "/portal/sign-in/resume",
        "/portal/enter",
        "/portal/sign-out",
        "/portal/theme",
        "/portal/{path:path}",
    )


class TestSearches(PluginConformance):
    plugin = "searches"
    prefixes = (
        *("/api/v1/searches", "/schemas/searches"),
        *("/api/v1/lookups", "/schemas/lookups"),
        "/api/v1/integrations",
    )
    public = ("/schemas/*",)
    unscoped = ("/api/v1/actions", "/api/v1/searches", "/api/v1/lookups")


class TestWebhooks(PluginConformance):
    plugin = "webhooks"


class TestZapier(PluginConformance):
    plugin = "zapier"
    bodies: ClassVar = {"POST /api/v1/zapier/hooks": HOOK}
