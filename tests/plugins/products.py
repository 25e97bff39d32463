"""Parts of the products of several suites: a whole deployment's product, brands, definitions, and schemas of objects."""

import functools
from typing import Any, Literal

from trunkline import Definition, settings
from trunkline.hub.connectors import product_of
from trunkline.hub.hub import Hub
from trunkline.pages import Brand, Product

SECRETS = {
    "TRUNKLINE_AUTH__PEPPER": "p" * 32,
    "TRUNKLINE_AUTH__ENCRYPTION_KEY": "k" * 32,
    "TRUNKLINE_SERVER__PUBLIC_URL": "https://api.example.com",
}


@functools.cache
def installed_product() -> Product:
    loaded = settings.load(environment=SECRETS)
    hub = Hub(loaded, dispatch=False, serves=False)
    return product_of(loaded, event_types=hub.catalog.types(), operations=hub.operations)


def an_object(*required: str, **properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


def a_brand(slug: str, description: str, *, domain: str = "", **more: Any) -> Brand:
    """Give a brand at *domain*, otherwise at ``SLUG.example``; its author, and its title unless it is given, are the slug."""
    domain = domain or f"{slug}.example"
    addresses = {
        "homepage": f"https://{domain}",
        "email": f"hello@{domain}",
        "repository": f"https://git.{domain}",
    }
    names = {"title": slug.title(), "author": slug.title()}
    return Brand(**{"slug": slug, "description": description, "color": "#005500"} | names | addresses | more)


def a_definition(
    kind: Literal["action", "search", "lookup"], name: str, call: str, description: str, **more: Any
) -> Definition:
    """Give a definition with a *call* such as ``GET /orders``, named by its title, and without fields unless they are given."""
    method, path = call.split(" ")
    usual = {"title": name.replace("-", " ").replace("_", " ").title(), "parameters": an_object()}
    named = {"kind": kind, "name": name, "description": description, "method": method, "path": path}
    return Definition(**{**named, **usual, "input": an_object(), **more})
