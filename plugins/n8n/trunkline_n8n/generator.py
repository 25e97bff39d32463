"""Makes the n8n package from a product: constant files from ``template``, the rest from the catalogue."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import PurePosixPath

from trunkline.pages import Product, happening, json_remarks, registration
from trunkline_n8n import oauth
from trunkline_n8n.filters import render_filters
from trunkline_n8n.icons import draw_icons
from trunkline_n8n.operations import operation_name, render_operations, resource_of
from trunkline_n8n.texts import class_name, description, fill, title_case
from trunkline_n8n.typescript import Code, Value, break_long_strings, constant, quote

DEV_DEPENDENCIES = {
    "@n8n/node-cli": "0.48.3",
    "eslint": "9.29.0",
    "n8n-workflow": "2.41.0",
    "prettier": "3.6.2",
    "typescript": "5.8.3",
}
"""Packages for building and linting; nothing is needed at run time."""
TESTED_N8N = "2.41.1"
"""The version of n8n that packages are tested in."""

_HIDDEN = {
    "gitignore": ".gitignore",
    "prettierrc.js": ".prettierrc.js",
    "github/publish.yml": ".github/workflows/publish.yml",
}
"""Files whose names begin with a dot, by the names of their templates, which have no dot."""
_STRING = re.compile(r"'([^'\n]*__\w+?__[^'\n]*)'")
_TYPE = "import type { INodePropertyOptions } from 'n8n-workflow';\n"
_VERSIONS = "/** What the fields were made of. An event type that has changed since is sent as it was. */\n"


def remarks(product: Product) -> list[str]:
    """List remarks about the parts of *product* that n8n cannot represent, and about the issuer if there is one."""
    redirect_uri = "the redirect URL that n8n shows in the credential"
    return [
        *json_remarks(product, platform="n8n"),
        *registration(product, redirect_uri=redirect_uri, method="client_secret_basic"),
    ]


def generate(product: Product) -> Mapping[str, bytes]:
    """Make every file of the package ``n8n-nodes-{slug}``.

    Raises:
        ValueError: n8n cannot tell apart two parts of the catalogue; the message says what to rename.
    """
    title = title_case(product.brand.title)  # the linter refuses other names of nodes and credentials
    product = replace(product, brand=replace(product.brand, title=title))
    files_by_path = {**_constant_files(product), **_catalogue_files(product)}
    return {path: files_by_path[path].encode() for path in sorted(files_by_path)}


def _constant_files(product: Product) -> Mapping[str, str]:
    """Return the template's files with the product's names; the action node is left out if there are no operations."""
    words = _words(product)
    has_operations = bool(product.actions or product.searches)
    filled: dict[str, str] = {}
    for path, text in _template(files("trunkline_n8n") / "template"):
        if not oauth.is_there(path, product) or (path.startswith("nodes/__Name__/") and not has_operations):
            continue
        filling = _FILLERS.get(PurePosixPath(path).suffix, fill)
        filled[fill(path, words)] = filling(oauth.adapted(path, text, product), words)
    return filled


def _template(folder: Traversable, prefix: str = "") -> Iterator[tuple[str, str]]:
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir():
            yield from _template(entry, f"{prefix}{entry.name}/")
        else:
            path = prefix + entry.name
            yield _HIDDEN.get(path, path), entry.read_text(encoding="utf-8")


def _words(product: Product) -> Mapping[str, str]:
    brand = product.brand
    operations = sorted((*product.actions, *product.searches), key=lambda one: (resource_of(one), one.title))
    return {
        "__Name__": class_name(brand.slug),
        "__name__": class_name(brand.slug)[:1].lower() + class_name(brand.slug)[1:],
        "__slug__": brand.slug,
        "__title__": brand.title,
        "__description__": description(brand.description),
        "__homepage__": brand.homepage,
        "__keys_url__": brand.keys_url or brand.homepage,
        "__docs_url__": brand.docs_url or brand.homepage,
        "__categories__": json.dumps(brand.categories or ["Miscellaneous"], ensure_ascii=False),
        "__aliases__": json.dumps(sorted({resource_of(definition) for definition in operations})),
        "__examples__": _examples(product),
        "__author__": brand.author,
        "__email__": brand.email,
        "__api_url__": product.api_url,
        "__n8n_version__": TESTED_N8N,
        "__workflow_version__": DEV_DEPENDENCIES["n8n-workflow"],
        "__credentials__": _credentials(product),
        **oauth.words(product),
        "__events__": _rows(
            (event_type.title, f"`{event_type.name}`", event_type.description)
            for event_type in product.event_types
        ),
        "__operations__": _rows(
            (
                title_case(resource_of(definition)),
                operation_name(definition, beside=operations),
                definition.description,
            )
            for definition in operations
        ),
    }


def _credentials(product: Product) -> str:
    """Describe how users connect."""
    title = product.brand.title
    url = product.brand.keys_url or product.brand.homepage
    base = f"The base URL is `{product.api_url}`, unless you were given another one."
    by_key = (
        f"[Make an API key in {title}]({url}) with the scopes `events:read`, `webhooks:write`, `integrations:read` and "
        f"`integrations:write`. In n8n, add the credential **{title} API** and paste it. {base} n8n tests the key when you save it."
    )
    by_oauth = (
        f"In n8n, add the credential **{title} OAuth2 API**, with the client id and the secret that you were given for the redirect "
        f"URL that n8n shows there, and choose **Connect my account**: you {oauth.deed(product)}. {base}"
    )
    ways = {by_key: product.takes_keys, by_oauth: product.takes_oauth}
    return "\n\n".join(way for way, is_taken in ways.items() if is_taken)


def _fill_typescript(text: str, words: Mapping[str, str]) -> str:
    """Replace the placeholders in strings by words with quotes escaped, then the placeholders outside of strings."""
    filled = _STRING.sub(lambda match: quote(fill(match[1], words)), text)
    return break_long_strings(fill(filled, words))


def _fill_json(text: str, words: Mapping[str, str]) -> str:
    """Replace the placeholders in strings by escaped words, and a placeholder for a list by the list unchanged."""
    listed = fill(text, {f'"{name}"': words[name] for name in ("__aliases__", "__categories__")})
    return fill(listed, {name: json.dumps(word, ensure_ascii=False)[1:-1] for name, word in words.items()})


_FILLERS = {".ts": _fill_typescript, ".json": _fill_json}


def _catalogue_files(product: Product) -> dict[str, str]:
    slug, name = product.brand.slug, class_name(product.brand.slug)
    light, dark = draw_icons(product.brand)
    operations = render_operations(product) if product.actions or product.searches else ()
    return {
        f"icons/{slug}.svg": light,
        f"icons/{slug}.dark.svg": dark,
        "nodes/shared/eventTypes.ts": _render_event_types(product),
        "nodes/shared/filters.ts": render_filters(product),
        **{f"nodes/{name}/{path}": source for path, source in operations},
        "package.json": _render_package(product),
    }


def _render_event_types(product: Product) -> str:
    options: list[dict[str, Value]] = [{"name": "All Events", "value": Code("ALL_EVENTS")}]
    for kind in product.event_types:
        title = title_case(kind.title)
        text = description(kind.description, of=title)
        words: dict[str, Value] = {"description": text} if text else {}
        options.append({"name": title, "value": kind.name, **words})
    options.sort(key=lambda option: str(option["name"]).casefold())
    return "\n".join(
        [
            _TYPE,
            constant("ALL_EVENTS", "*"),
            _VERSIONS + constant("VERSIONS", product.versions_header[1]),
            constant("eventTypes", options, kind="INodePropertyOptions[]"),
        ]
    )


def _render_package(product: Product) -> str:
    brand, name = product.brand, class_name(product.brand.slug)
    action = [name] if product.actions or product.searches else []
    package = {
        "name": f"n8n-nodes-{brand.slug}",
        "version": brand.version,
        "description": brand.description,
        "license": "MIT",
        "homepage": brand.homepage,
        "keywords": ["n8n-community-node-package", brand.slug],
        "author": {"name": brand.author, "email": brand.email},
        "repository": {"type": "git", "url": brand.repository},
        "scripts": {
            "build": "n8n-node build",
            "dev": "n8n-node dev",
            "release": "n8n-node release",
            "lint": "n8n-node lint",
            "lint:fix": "n8n-node lint --fix",
            "format": "prettier --write credentials nodes",
        },
        "files": ["dist"],
        "n8n": {
            "n8nNodesApiVersion": 1,
            "strict": True,
            "credentials": oauth.credentials_of(product, name),
            "nodes": [
                f"dist/nodes/{node}/{node}.node.js"
                for node in (*action, f"{name}Trigger", f"{name}PollingTrigger")
            ],
        },
        "devDependencies": DEV_DEPENDENCIES,
        "peerDependencies": {"n8n-workflow": "*"},
    }
    return json.dumps(package, indent="\t", ensure_ascii=False) + "\n"


def _examples(product: Product) -> str:
    """Describe two example workflows from the product's events and operations."""
    event_type, action = product.event_types[:1], product.actions[:1]
    told = [
        f"- **When {happening(event_type[0])}**: put **{product.brand.title} Trigger** first, choose "
        f"**{title_case(event_type[0].title)}**, and let any other node follow, such as a message to your team."
        if event_type
        else "",
        f"- **{action[0].title}** for each row of a spreadsheet: behind the spreadsheet's node put "
        f"**{product.brand.title}**, choose **{title_case(resource_of(action[0]))}** and **{operation_name(action[0])}**, "
        "and drag the columns into the fields."
        if action
        else "",
    ]
    return "\n".join(filter(None, told)) or "- none yet"


def _rows(cells: Iterable[Sequence[str]]) -> str:
    """Write the rows of a Markdown table."""
    escaped = ([cell.replace("|", "\\|") for cell in row] for row in cells)
    return "\n".join(f"| {' | '.join(row)} |" for row in escaped)
