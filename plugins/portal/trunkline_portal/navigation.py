"""The entries of the sidebar, and the scopes that a viewer needs to see them."""

from collections.abc import Sequence

from markupsafe import Markup
from msgspec import Struct

from trunkline.pages import PortalPage
from trunkline_portal.access import ADMIN, EVENTS_READ, INTEGRATIONS_READ, OPERATOR, WEBHOOKS_READ, Viewer


class Item(Struct, frozen=True):
    """One entry. It is shown to viewers who have one of *scopes*, if there are any, and also the scope *also*, if given.

    *icon* is the name of an icon of the macro. *path* is appended to ``Viewer.root``.
    """

    path: str
    title: str
    icon: str | Markup
    scopes: tuple[str, ...] = ()
    also: str | None = None

    def is_current(self, path: str, root: str) -> bool:
        """Return True if the page at *path* belongs to this entry."""
        own = f"{root}{self.path}"
        return path == own or (self.path != "" and path.startswith(f"{own}/"))


ITEMS = (
    Item("", "Overview", "chart", (EVENTS_READ,)),
    Item("/events", "Events", "list", (EVENTS_READ,)),
    Item("/subscriptions", "Subscriptions", "branch", (WEBHOOKS_READ,)),
    Item("/targets", "Targets", "clock", (WEBHOOKS_READ,)),
    Item("/consumers", "Consumers", "bookmark", (EVENTS_READ,)),
    Item("/quarantine", "Quarantine", "tray", (ADMIN,), also=EVENTS_READ),
    Item("/keys", "API keys", "key", (ADMIN,)),
    Item("/changes", "Changes", "edit", (ADMIN,)),
    Item("/catalogue", "Event catalogue", "book", (INTEGRATIONS_READ, EVENTS_READ)),
    Item("/connectors", "Connectors", "plug", (INTEGRATIONS_READ, EVENTS_READ)),
    Item("/limits", "Limits", "gauge", (EVENTS_READ, WEBHOOKS_READ, ADMIN)),
    Item("/record", "Company", "building", (OPERATOR,)),
    Item("/health", "Plugins and health", "pulse", (OPERATOR,)),
)


def seen_by(viewer: Viewer) -> list[Item]:
    """List the entries for our own pages."""
    return [
        item for item in ITEMS if viewer.has(*item.scopes) and (item.also is None or viewer.has(item.also))
    ]


def extras_for(viewer: Viewer, pages: Sequence[tuple[str, PortalPage]]) -> list[Item]:
    """List the entries for the pages of other plugins."""
    return [
        Item(
            f"/x/{plugin}/{page.name}",
            page.title,
            "puzzle" if page.icon is None else Markup(page.icon),  # noqa: S704 - a plugin's own, as its page is
        )
        for plugin, page in pages
        if page.listed and (page.scope is None or viewer.has(page.scope))
    ]
