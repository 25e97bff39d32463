"""Parts of the products of several suites: a whole deployment's product, and schemas of objects."""

import functools
from typing import Any

from trunkline import settings
from trunkline.hub.connectors import product_of
from trunkline.hub.hub import Hub
from trunkline.pages import Product

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
