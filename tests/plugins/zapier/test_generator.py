"""The files of the app, from small products; ``test_client`` has the tests that need Zapier's own code."""

import dataclasses
import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from trunkline.pages import Product
from trunkline_zapier.generator import CORE_VERSION, generate, remarks
from trunkline_zapier.naming import adds_something

HERE = Path(__file__).parent
GOLDEN = HERE / "golden"
GOLDEN_FILES = (
    "config.js",
    "creates/create_order.js",
    "creates/update_order.js",
    "index.js",
    "lookups/lookup_open_shops.js",
    "lookups/lookup_open_shops_is_open_true.js",
    "package.json",
    "searches/find_order.js",
    "triggers/order_placed.js",
)


def named(product: Product, *names: str) -> Product:
    (placed,) = product.event_types
    return dataclasses.replace(
        product, event_types=tuple(dataclasses.replace(placed, name=name) for name in names)
    )


def with_input(product: Product, **properties: Any) -> Product:
    """Give *product* with one action, whose form has these fields."""
    action = product.actions[0]
    asked = {"type": "object", "properties": properties, "additionalProperties": False}
    return dataclasses.replace(product, actions=(dataclasses.replace(action, input=asked),))


def test_the_same_product_gives_the_same_bytes(product):
    assert generate(product) == generate(product)


@pytest.mark.parametrize("name", GOLDEN_FILES)
def test_what_is_made_is_what_was_agreed_on(product, name):
    made = generate(product)[name]
    kept = GOLDEN / name
    if os.environ.get("TRUNKLINE_WRITE_GOLDEN"):
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_bytes(made)
    assert made.decode() == kept.read_text()


def test_every_part_of_the_product_has_its_file(product):
    made = generate(product)
    assert {name for name in made if "/" in name and not name.startswith("lib/")} == {
        name for name in GOLDEN_FILES if "/" in name
    }
    assert {".gitignore", "README.md", "authentication.js", "lib/hooks.js"} <= set(made)
    assert ".zapierapprc" not in made


def test_the_core_is_the_one_that_the_app_is_tested_with(product):
    client = json.loads((HERE / "client" / "package.json").read_text())["dependencies"]
    assert client["zapier-platform-core"] == CORE_VERSION
    package = json.loads(generate(product)["package.json"])
    assert package["dependencies"] == {"zapier-platform-core": CORE_VERSION}


def test_an_event_type_more_is_a_trigger_more(product):
    made = generate(named(product, "order.placed", "order.sent"))
    assert "triggers/order_sent.js" in made
    assert b"    order_sent: require('./triggers/order_sent')," in made["index.js"]


def test_a_product_without_actions_is_an_app_of_triggers(product):
    made = generate(dataclasses.replace(product, actions=(), searches=(), lookups=()))
    assert b"creates: {}," in made["index.js"]
    assert not [name for name in made if name.startswith(("creates/", "searches/", "lookups/"))]


def test_long_texts_end_where_zapier_ends_them(product):
    (placed,) = product.event_types
    long = dataclasses.replace(placed, title="Order " * 20)
    trigger = generate(dataclasses.replace(product, event_types=(long,)))["triggers/order_placed.js"].decode()
    label = re.findall(r"label: '(Order .+)',", trigger)[0]
    assert len(label) <= 64
    action = dataclasses.replace(product.actions[0], description="An order is placed. " * 100)
    create = generate(dataclasses.replace(product, actions=(action,)))["creates/create_order.js"].decode()
    (description,) = re.findall(r"description:\n +'(.+)',", create)
    assert len(description) <= 1000
    assert label.endswith("…")


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        (
            ("order.line_placed", "order_line.placed"),
            "the event types 'order.line_placed' and 'order_line.placed' are both 'order_line_placed' on Zapier",
        ),
        (("1order.placed",), "Zapier takes no event type '1order.placed'"),
        (("lookup.open_shops",), "an event type is 'lookup_open_shops' on Zapier"),
    ],
    ids=["clash", "digit", "dropdown"],
)
def test_names_that_zapier_cannot_tell_apart_or_take_are_refused(product, names, sentence):
    with pytest.raises(ValueError, match=re.escape(sentence)):
        generate(named(product, *names))


@pytest.mark.parametrize(
    ("properties", "sentence"),
    [
        (
            {
                "sku": {"type": "string"},
                "lines": {
                    "type": "array",
                    "items": {"type": "object", "properties": {"sku": {"type": "string"}}},
                },
            },
            "the form of 'create_order' would have two fields 'sku' on Zapier",
        ),
    ],
    ids=["same key"],
)
def test_forms_in_which_fields_have_the_same_key_are_refused(product, properties, sentence):
    with pytest.raises(ValueError, match=re.escape(sentence)):
        generate(with_input(product, **properties))


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        ({"type": "array", "items": {"type": "array"}}, "its entries are lists"),
        (
            {"type": "array", "items": {"type": "object", "properties": {"x": {"type": "object"}}}},
            "line items of Zapier have only plain fields",
        ),
    ],
    ids=["list of lists", "nested line items"],
)
def test_what_has_no_form_is_json_and_is_told(product, schema, reason):
    changed = with_input(product, grid=schema | {"title": "Grid", "examples": [[1]]})
    assert remarks(changed) == [f"On Zapier, 'Grid' of 'Create Order' is written as JSON, because {reason}"]
    create = generate(changed)["creates/create_order.js"].decode()
    assert "type: 'json'" in create
    assert "json: 'Grid'" in create
    assert "example: '[1]'" in create


def test_a_pair_that_gives_different_fields_is_told(product):
    (find,), (create, _) = product.searches, product.actions
    more = {"type": "object", "properties": {"receipt": {"type": "string"}}}
    changed = dataclasses.replace(
        product, actions=(dataclasses.replace(create, output=more),), searches=(find,)
    )
    (remark,) = remarks(changed)
    assert remark.endswith("only one of them gives note, order_id, receipt; give both the same output")
    assert remarks(product) == []


@pytest.mark.parametrize(
    ("text", "label", "adds"),
    [
        ("The lead's first name.", "First Name", False),
        ("The city.", "City", False),
        ("Your order's number.", "Number", False),
        ("The name of one of your lead statuses.", "New Status", True),
        ("", "Note", False),
    ],
)
def test_help_that_only_repeats_the_label_is_left_out(text, label, *, adds):
    assert adds_something(text, label=label) is adds


def test_a_search_that_answers_with_no_list_is_refused(product):
    (find,) = product.searches
    single = dataclasses.replace(find, output={"type": "object", "properties": {"id": {"type": "integer"}}})
    with pytest.raises(ValueError, match="the search 'find_order' answers with no list of objects"):
        generate(dataclasses.replace(product, searches=(single,)))
