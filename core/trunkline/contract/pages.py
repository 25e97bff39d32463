"""Pages that a plugin adds to the admin portal."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from trunkline.model.principals import Principal


@dataclass(frozen=True, slots=True)
class PortalRequest:
    """Who looks at a plugin's page of the portal, and at which company; *query* are the URL's parameters."""

    company_id: int
    principal: Principal
    query: Mapping[str, str] = field(default_factory=dict[str, str])


Render = Callable[[PortalRequest], str | Awaitable[str]]
"""Write the page's content: a fragment of HTML, put into the portal's frame as it is, so escape what is not yours."""


@dataclass(frozen=True, slots=True)
class PortalPage:
    """A page that a plugin adds to the portal; *name* is its part of the URL, *title* stands in the navigation.

    Only keys with *scope* see it, everybody for None. *icon* is an SVG element to stand before the title, or None.
    A *render* that fails, or takes longer than 5 seconds, shows an error in its place.
    """

    name: str
    title: str
    render: Render
    scope: str | None = None
    icon: str | None = field(default=None, repr=False)
