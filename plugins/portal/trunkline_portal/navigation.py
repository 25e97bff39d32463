"""What stands in the sidebar, and who sees it."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from trunkline import PortalPage
from trunkline_portal.access import ADMIN, EVENTS_READ, INTEGRATIONS_READ, OPERATOR, WEBHOOKS_WRITE, Viewer


@dataclass(frozen=True, slots=True)
class Item:
    """One entry: seen by those who have one of *scopes*, by all where there is none. *icon* names one of the macros'."""

    path: str
    title: str
    icon: str | Markup
    scopes: tuple[str, ...] = ()

    def is_current(self, path: str) -> bool:
        """Tell whether the page at *path* belongs here."""
        return path == self.path or (self.path != HOME and path.startswith(f"{self.path}/"))


HOME = "/portal"
ITEMS = (
    Item(HOME, "Overview", "chart", (EVENTS_READ,)),
    Item("/portal/events", "Events", "list", (EVENTS_READ,)),
    Item("/portal/subscriptions", "Subscriptions", "send", (WEBHOOKS_WRITE,)),
    Item("/portal/quarantine", "Quarantine", "alert", (ADMIN,)),
    Item("/portal/keys", "API keys", "key", (ADMIN,)),
    Item("/portal/catalogue", "Event catalogue", "book", (INTEGRATIONS_READ, EVENTS_READ)),
    Item("/portal/connectors", "Connectors", "plug", (INTEGRATIONS_READ, EVENTS_READ)),
    Item("/portal/health", "Plugins and health", "pulse", (OPERATOR,)),
)


def seen_by(viewer: Viewer) -> list[Item]:
    """List the entries for our own pages."""
    return [item for item in ITEMS if viewer.has(*item.scopes)]


def extras_for(viewer: Viewer, pages: Sequence[tuple[str, PortalPage]]) -> list[Item]:
    """List the entries for the pages of other plugins."""
    return [
        Item(
            f"/portal/x/{plugin}/{page.name}",
            page.title,
            "puzzle" if page.icon is None else Markup(page.icon),  # noqa: S704 - a plugin's own, as its page is
        )
        for plugin, page in pages
        if page.scope is None or viewer.has(page.scope)
    ]
