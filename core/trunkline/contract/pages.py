"""Pages that a plugin adds to the admin portal."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from trunkline.model.principals import Principal


@dataclass(frozen=True, slots=True)
class PortalRequest:
    """A request for a plugin's portal page: who sends it, and for which company; *query* has the URL's parameters.

    *form* is HTML that each form of the page must contain: hidden fields that prove that the sender was shown the page.
    """

    company_id: int
    principal: Principal
    query: Mapping[str, str] = field(default_factory=dict[str, str])
    form: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class PortalContent:
    """A page's HTML, and *form_targets*: the origins to which its forms may redirect."""

    html: str
    form_targets: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class PortalRedirect:
    """A redirect after a form, to *url* or, if it is empty, to the page itself. The portal then shows *message*."""

    url: str = ""
    message: str | None = None


Render = Callable[[PortalRequest], str | PortalContent | Awaitable[str | PortalContent]]
"""Write the page's content: an HTML fragment that is put into the portal's frame unchanged, so escape all foreign text."""
Submit = Callable[[PortalRequest, Mapping[str, Sequence[str]]], Awaitable[PortalContent | PortalRedirect]]
"""Handle a form of the page, given its fields: return the page again, or a redirect. May raise ``Refused``."""


@dataclass(frozen=True, slots=True)
class PortalPage:
    """A page that a plugin adds to the portal; *name* is its part of the URL, *title* its name in the navigation.

    Only keys with *scope* see the page; if *scope* is None, every key does. *icon* is an SVG element before the title, or None.

    If *render* fails or takes longer than 5 seconds, the portal shows an error instead. With *submit* the page may have
    forms; each has ``method="post"``, no action, and ``PortalRequest.form`` in it. A page that is not *listed*
    is left out of the navigation. A page that is not *framed* may never be shown in a frame, even if the portal may.
    """

    name: str
    title: str
    render: Render
    scope: str | None = None
    icon: str | None = field(default=None, repr=False)
    submit: Submit | None = None
    listed: bool = True
    framed: bool = True
