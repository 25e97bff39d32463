"""Every page of the portal: its name, its address in a seeded hub, and its viewer."""

import re
from dataclasses import dataclass

from tests.plugins.portal.browser.seeding import SeededHub

NOBODY, SOMEBODY, OPERATOR = "nobody", "somebody", "operator"
_COMPANY = re.compile(r"(?<=/portal)/companies/\d+(?:~test)?")
_ID = re.compile(
    r"(?<=/)(?:\d+|(?:sub|dlv|key|rpl|qtn)_\w+|[a-z]+\.[a-z_]+)(?=/|$)|(?<=/catalogue/)(actions|searches|lookups)/[\w-]+|(?<=/connectors/)\w+$"
)


@dataclass(frozen=True, slots=True)
class PortalPage:
    """One page; *path* has placeholders for values of ``SeededHub``."""

    name: str
    path: str
    viewer: str = SOMEBODY
    status: int = 200

    def address(self, seeded: SeededHub) -> str:
        ids = {name: getattr(seeded, name) for name in SeededHub.__slots__}
        return self.path.format(**ids)


PAGES = (
    PortalPage("sign-in", "/portal/sign-in", NOBODY),
    PortalPage("overview", "/portal"),
    PortalPage("events", "/portal/events"),
    PortalPage("events-none", "/portal/events?q=nothing-has-this"),
    PortalPage("event", "/portal/events/{failed_event}"),
    PortalPage("event-send", "/portal/events/{event}/send?subscription={subscription}"),
    PortalPage("delivery", "/portal/deliveries/{failed_delivery}"),
    PortalPage("subscriptions", "/portal/subscriptions"),
    PortalPage("subscription-new", "/portal/subscriptions/new"),
    PortalPage("subscription", "/portal/subscriptions/{failing}"),
    PortalPage("subscription-hook", "/portal/subscriptions/{hook}"),
    PortalPage("subscription-settings", "/portal/subscriptions/{failing}/settings"),
    PortalPage("subscription-edit", "/portal/subscriptions/{paused}/edit"),
    PortalPage("subscription-test", "/portal/subscriptions/{subscription}/test"),
    PortalPage("subscription-pause", "/portal/subscriptions/{subscription}/pause"),
    PortalPage("subscription-resume", "/portal/subscriptions/{paused}/resume"),
    PortalPage("subscription-rotate", "/portal/subscriptions/{subscription}/rotate"),
    PortalPage("subscription-delete", "/portal/subscriptions/{failing}/delete"),
    PortalPage("replays", "/portal/subscriptions/{subscription}/replays"),
    PortalPage("replay-new", "/portal/subscriptions/{subscription}/replays/new"),
    PortalPage("consumers", "/portal/consumers?digest=1"),
    PortalPage("quarantine", "/portal/quarantine"),
    PortalPage("quarantine-event", "/portal/quarantine/{quarantined}"),
    PortalPage("quarantine-delete", "/portal/quarantine/{quarantined}/delete"),
    PortalPage("company-new", "/portal/company/new", OPERATOR),
    PortalPage("company-record", "/portal/record", OPERATOR),
    PortalPage("company-delete", "/portal/record/delete", OPERATOR),
    PortalPage("keys", "/portal/keys"),
    PortalPage("key-new", "/portal/keys/new"),
    PortalPage("key-rotate", "/portal/keys/{key_id}/rotate"),
    PortalPage("changes", "/portal/changes"),
    PortalPage("key-revoke", "/portal/keys/{key_id}/revoke"),
    PortalPage("catalogue", "/portal/catalogue"),
    PortalPage("catalogue-event", "/portal/catalogue/lead.created"),
    PortalPage("catalogue-actions", "/portal/catalogue/actions"),
    PortalPage("catalogue-action", "/portal/catalogue/actions/create_lead"),
    PortalPage("catalogue-searches", "/portal/catalogue/searches"),
    PortalPage("catalogue-lookups", "/portal/catalogue/lookups"),
    PortalPage("catalogue-search", "/portal/catalogue/searches/find_lead"),
    PortalPage("catalogue-lookup", "/portal/catalogue/lookups/employees"),
    PortalPage("connectors", "/portal/connectors"),
    PortalPage("agents", "/portal/x/mcp/agents"),
    PortalPage("connected-apps", "/portal/x/oauth/apps"),
    PortalPage("alerts", "/portal/x/alerts/alerts"),
    PortalPage("health", "/portal/health", OPERATOR),
    PortalPage("company", "/portal/company", OPERATOR),
    PortalPage("search", "/portal/search?q=first_name:Jane"),
    PortalPage("targets", "/portal/targets?span=7d"),
    PortalPage("limits", "/portal/limits"),
    PortalPage("connecting", "/portal/connectors/zapier"),
    PortalPage("everybody", "/portal/companies", OPERATOR),
    PortalPage("link-new", "/portal/links", OPERATOR),
    PortalPage("sign-out-everywhere", "/portal/sign-out-everywhere"),
    PortalPage("lost", "/portal/no-such-page", status=404),
)


def kind_of(path: str) -> str:
    """Give the kind of page at *path*: every id and name becomes ``*``, and the company is left out."""
    page = _COMPANY.sub("", path.partition("?")[0].partition("#")[0])
    return _ID.sub(lambda match: f"{match[1]}/*" if match[1] else "*", page)
