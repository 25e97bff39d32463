"""Pages that a plugin adds to the admin portal."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from trunkline.model.principals import Principal


@dataclass(frozen=True, slots=True)
class PortalRequest:
    """Who looks at a plugin's page of the portal, and at which company; *query* are the URL's parameters.

    *form* is what each form of the page has in it, as HTML: hidden fields that prove that the page was shown to its sender.
    """

    company_id: int
    principal: Principal
    query: Mapping[str, str] = field(default_factory=dict[str, str])
    form: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class PortalContent:
    """A page's content with more to say than its HTML: *form_targets* are origins that the answers of its forms may lead to."""

    html: str
    form_targets: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class PortalRedirect:
    """The answer of a form: go to *url*, the page itself if empty, where *message* is shown if that is in the portal."""

    url: str = ""
    message: str | None = None


Render = Callable[[PortalRequest], str | PortalContent | Awaitable[str | PortalContent]]
"""Write the page's content: a fragment of HTML, put into the portal's frame as it is, so escape what is not yours."""
Submit = Callable[[PortalRequest, Mapping[str, Sequence[str]]], Awaitable[PortalContent | PortalRedirect]]
"""Do what a form of the page asks for, with its fields: answer with the page anew, or lead elsewhere. May raise ``Refused``."""


@dataclass(frozen=True, slots=True)
class PortalPage:
    """A page that a plugin adds to the portal; *name* is its part of the URL, *title* stands in the navigation.

    Only keys with *scope* see it, everybody for None. *icon* is an SVG element to stand before the title, or None.
    A *render* that fails, or takes longer than 5 seconds, shows an error in its place. With *submit* the page may have forms:
    ``method="post"``, without an action, and with ``PortalRequest.form`` in them. A page that is not *listed* is not in the
    navigation; one that may not be *framed* is in no frame, whoever may show the portal in one.
    """

    name: str
    title: str
    render: Render
    scope: str | None = None
    icon: str | None = field(default=None, repr=False)
    submit: Submit | None = None
    listed: bool = True
    framed: bool = True
