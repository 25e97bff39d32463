"""The parts that people's Zaps, workflows and scenarios refer to: a published app can be updated with the present export.

``published.json`` has the keys of version 1.0.0 of the apps. ``TRUNKLINE_WRITE_GOLDEN=1`` adds new keys; a missing key breaks what
people have built, so it stays in the file.
"""

import copy
import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from tests.plugins.own_product import own_product
from tests.plugins.products import installed_product

import trunkline_make
import trunkline_n8n
import trunkline_zapier
from trunkline.hub.connectors import find_breaking
from trunkline.pages import Product
from trunkline_make.generator import generate as generate_make
from trunkline_make.published import keys as make_keys
from trunkline_n8n.generator import generate as generate_n8n
from trunkline_n8n.published import keys as n8n_keys
from trunkline_zapier.generator import generate as generate_zapier
from trunkline_zapier.published import keys as zapier_keys

PUBLISHED = Path(__file__).with_name("published.json")
KEYS: Mapping[str, Callable[[Product], Iterator[str]]] = {
    "zapier": lambda product: zapier_keys(generate_zapier(product).get),
    "n8n": lambda product: n8n_keys(generate_n8n(product).get),
    "make": lambda product: make_keys(generate_make(product).get),
}


@pytest.mark.parametrize("platform", KEYS)
def test_an_export_of_today_keeps_the_keys_of_the_published_app(platform):
    published = json.loads(PUBLISHED.read_bytes())
    today = set(KEYS[platform](installed_product()))
    if os.environ.get("TRUNKLINE_WRITE_GOLDEN"):
        published[platform] = sorted({*published[platform], *today})
        PUBLISHED.write_text(json.dumps(published, indent=1) + "\n")
    assert sorted(set(published[platform]) - today) == []
    assert len(today) > 100


@pytest.mark.slow
@pytest.mark.parametrize("platform", KEYS)
def test_a_removed_event_type_action_or_field_shows_in_the_keys(platform):
    product = installed_product()
    before = set(KEYS[platform](product))
    without_lead = replace(
        product, event_types=tuple(t for t in product.event_types if t.name != "lead.created")
    )
    without_note = replace(product, actions=tuple(a for a in product.actions if a.name != "add_client_note"))
    event, action = (before - set(KEYS[platform](changed)) for changed in (without_lead, without_note))
    assert any("lead" in key.lower() for key in event)
    assert any("note" in key.lower() for key in action)


@pytest.mark.slow
def test_what_is_left_over_from_an_earlier_export_is_not_counted():
    product = installed_product()
    smaller = replace(product, actions=product.actions[1:])
    removed = product.actions[0].name
    for generate, keys in (
        (generate_zapier, zapier_keys),
        (generate_n8n, n8n_keys),
        (generate_make, make_keys),
    ):
        before, now = generate(product), generate(smaller)
        assert set(keys({**before, **now}.get)) == set(keys(now.get)) < set(keys(before.get)), removed


CONNECTORS = {
    connector.name: connector
    for plugin in (trunkline_make, trunkline_n8n, trunkline_zapier)
    for connector in plugin.register_connectors()
}
Change = Callable[[dict[str, Any]], object]
CHANGES: Mapping[str, tuple[Change, bool]] = {
    "another type": (lambda schema: schema["properties"].update(note={"type": "boolean"}), True),
    "required now": (lambda schema: schema["required"].append("note"), True),
    "a new one that is required": (lambda schema: schema["required"].append("purpose"), True),
    "a new one": (lambda schema: schema["properties"].update(colour={"type": "string"}), False),
    "another title": (lambda schema: schema["properties"]["note"].update(title="Remark"), False),
    "nothing": (lambda schema: None, False),
}


def with_form(product: Product, *changes: Change) -> Product:
    """Give *product* with another form of its first action; ``purpose`` is added once it is required."""
    first, *others = product.actions
    schema: dict[str, Any] = copy.deepcopy(dict(first.input))
    schema["properties"]["note"] = {"type": "string", "title": "Note"}
    for change in changes:
        change(schema)
    if "purpose" in schema["required"]:
        schema["properties"]["purpose"] = {"type": "string"}
    return replace(product, actions=(replace(first, input=schema), *others))


@pytest.mark.slow
@pytest.mark.parametrize("platform", CONNECTORS)
@pytest.mark.parametrize("change", CHANGES)
def test_a_change_of_a_form_that_breaks_what_people_have_built_is_found(platform, change):
    connector, (make_change, is_breaking) = CONNECTORS[platform], CHANGES[change]
    product = own_product()
    published = connector.generate(with_form(product))
    made = connector.generate(with_form(product, make_change))
    files = {PurePosixPath(path): content for path, content in made.items()}
    found = find_breaking(connector, files, published=published.get, plugin=platform)
    assert found is not None
    assert any("note" in line or "purpose" in line for line in found) is is_breaking
    assert is_breaking or found == []
