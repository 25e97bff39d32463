"""What people's Zaps, workflows and scenarios refer to: an app that was published can be updated with the export of today.

``published.json`` has the keys of version 1.0.0 of the apps. A key that is new is added by
``TRUNKLINE_WRITE_GOLDEN=1``; one that is gone breaks what people have built, and stays in the file.
"""

import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from tests.plugins.products import installed_product

from trunkline_make.generator import generate as generate_make
from trunkline_n8n.generator import generate as generate_n8n
from trunkline_zapier.generator import generate as generate_zapier

PUBLISHED = Path(__file__).with_name("published.json")
Files = Mapping[str, bytes]


def zapier_keys(files: Files) -> Iterator[str]:
    """The keys of triggers, creates and searches, and of their fields."""
    for path, content in files.items():
        if path.startswith(("triggers/", "creates/", "searches/")):
            yield from (f"{path}: {key}" for key in re.findall(r"\bkey: '(\w+)'", content.decode()))


def n8n_keys(files: Files) -> Iterator[str]:
    """The nodes, the credentials, and the names and values of their parameters."""
    package = json.loads(files["package.json"])["n8n"]
    yield from (*package["nodes"], *package["credentials"])
    for path, content in files.items():
        if path.endswith(".ts") and not path.endswith("lookups.ts"):
            found = re.findall(r"\b(name|value): '([a-z*][\w.*]*)'", content.decode())
            yield from (f"{path}: {kind} {text}" for kind, text in found)


def make_keys(files: Files) -> Iterator[str]:
    """The components, the fields of their forms, and those of what they give; lists for dropdowns belong to their forms."""
    components = json.loads(files["makecomapp.json"])["components"]
    for kind in ("connection", "webhook", "module"):
        for name, component in components[kind].items():
            yield f"{kind} {name}"
            for code in ("params", "staticParams", "mappableParams", "interface"):
                if code in component["codeFiles"]:
                    fields = json.loads(files[component["codeFiles"][code]])
                    yield from (f"{kind} {name} {code}: {field}" for field in _names(fields))


def _names(fields: object, prefix: str = "") -> Iterator[str]:
    for field in fields if isinstance(fields, list) else ():
        yield f"{prefix}{field['name']}"
        yield from _names(field.get("spec"), f"{prefix}{field['name']}.")


KEYS: Mapping[str, Callable[[], Iterator[str]]] = {
    "zapier": lambda: zapier_keys(generate_zapier(installed_product())),
    "n8n": lambda: n8n_keys(generate_n8n(installed_product())),
    "make": lambda: make_keys(generate_make(installed_product())),
}


@pytest.mark.parametrize("platform", KEYS)
def test_an_export_of_today_keeps_the_keys_of_the_published_app(platform: str):
    published = json.loads(PUBLISHED.read_bytes())
    today = set(KEYS[platform]())
    if os.environ.get("TRUNKLINE_WRITE_GOLDEN"):
        published[platform] = sorted({*published[platform], *today})
        PUBLISHED.write_text(json.dumps(published, indent=1) + "\n")
    assert sorted(set(published[platform]) - today) == []
    assert len(today) > 100
