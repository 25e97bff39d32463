"""Makes the Zapier app: the files in ``app`` unchanged, and the files made from the product."""

import json
from collections.abc import Iterator, Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable

from trunkline import Json
from trunkline.pages import Product, json_remarks, registration
from trunkline_zapier import fields, operations, triggers
from trunkline_zapier.javascript import Code, literal, module
from trunkline_zapier.readme import readme

CORE_VERSION = "19.1.0"
"""The version of Zapier's platform for which the app is written and tested."""


_ONE_WAY = "Zapier has one way in for an app: it is OAuth, and API keys are not asked for."


def remarks(product: Product) -> list[str]:
    """List remarks about the parts of *product* that Zapier represents differently or not at all."""
    redirect_uri = "the redirect URI that Zapier shows"
    return [
        *json_remarks(product, platform="Zapier", reason=fields.json_reason),
        *operations.unequal_pairs(product),
        *([_ONE_WAY] if product.auth == "both" else []),
        *registration(product, redirect_uri=redirect_uri, method="client_secret_post"),
    ]


def generate(product: Product) -> Mapping[str, bytes]:
    """Make every file of the app.

    Raises:
        ValueError: Zapier cannot represent a part of the catalogue; the message says what to change.
    """
    modules = {
        "triggers": triggers.triggers(product),
        "lookups": triggers.lookups(product),
        "creates": operations.creates(product),
        "searches": operations.searches(product),
    }
    if clash := modules["triggers"].keys() & modules["lookups"].keys():
        msg = f"an event type is '{min(clash)}' on Zapier, as is what fills a dropdown; rename the event type"
        raise ValueError(msg)
    written = {
        f"{folder}/{key}.js": content for folder, by_key in modules.items() for key, content in by_key.items()
    }
    own = {
        "README.md": readme(product),
        "config.js": module(_config(product)),
        "index.js": _index(product, modules),
        "package.json": _package(product),
    }
    package = files("trunkline_zapier")
    constant = dict(_constant_files(package / "app"))
    if product.takes_oauth:  # an app has one scheme: https://docs.zapier.com/platform/build/auth
        constant |= dict(_constant_files(package / "oauth"))
    return constant | written | own


def _config(product: Product) -> dict[str, Json]:
    config: dict[str, Json] = {
        "API_URL": product.api_url,
        "KEYS_URL": product.brand.keys_url or product.brand.homepage,
        "PRODUCT": product.brand.title,
        "VERSIONS": product.versions_header[1],
    }
    if product.takes_oauth:
        server = product.authorization_server
        config["OAUTH"] = {
            "authorizeUrl": server.authorization_endpoint,
            "tokenUrl": server.token_endpoint,
            "scope": " ".join(server.scopes),
            "parameters": dict(server.parameters),
        }
    return config


def _constant_files(folder: Traversable, prefix: str = "") -> Iterator[tuple[str, bytes]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _constant_files(entry, f"{prefix}{entry.name}/")
        else:
            yield f"{prefix}{entry.name}", entry.read_bytes()


def _index(product: Product, modules: Mapping[str, Mapping[str, bytes]]) -> bytes:
    def required(*folders: str) -> dict[str, Json]:
        paths = {key: f"./{folder}/{key}" for folder in folders for key in modules[folder]}
        return {key: Code(f"require({literal(path)})") for key, path in paths.items()}

    exported = {
        "version": Code("require('./package.json').version"),
        "platformVersion": Code("require('zapier-platform-core').version"),
        "authentication": Code("require('./authentication')"),
        "beforeRequest": Code("http.beforeRequest"),
        "afterResponse": Code("http.afterResponse"),
        "flags": Code("http.flags"),
        "triggers": required("triggers", "lookups"),
        "creates": required("creates"),
        "searches": required("searches"),
        "searchOrCreates": operations.search_or_creates(product),
    }
    return module(exported, imports=["const http = require('./lib/http');"])


def _package(product: Product) -> bytes:
    brand = product.brand
    package = {
        "name": f"{brand.slug}-zapier",
        "version": brand.version,
        "description": brand.description,
        "private": True,
        "homepage": brand.homepage,
        "author": f"{brand.author} <{brand.email}>",
        "repository": brand.repository,
        "main": "index.js",
        "engines": {"node": ">=22"},
        "dependencies": {"zapier-platform-core": CORE_VERSION},
        "prettier": {"singleQuote": True},
    }
    return f"{json.dumps(package, indent=2, ensure_ascii=False)}\n".encode()
