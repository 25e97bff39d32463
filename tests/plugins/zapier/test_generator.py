"""The files of the app, from small products; ``test_client`` has the tests that need Zapier's own code."""

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import pytest
from tests.plugins import golden

from trunkline.pages import Product
from trunkline_zapier.generator import CORE_VERSION, generate, remarks
from trunkline_zapier.naming import adds_something, noun_of, shortened
from trunkline_zapier.published import keys

HERE = Path(__file__).parent
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
    golden.check(HERE / "golden" / name, generate(product)[name])


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
    assert b"noun: 'Event'," in generate(named(product, "x.sent"))["triggers/x_sent.js"]
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


def test_a_line_item_whose_field_has_the_key_of_another_has_its_list_in_its_key(product: Product):
    due = {"type": "string", "format": "date"}
    lines = {"type": "array", "items": {"type": "object", "properties": {"due": due, "qty": {}}}}
    lines["items"]["properties"]["qty"] = {"type": "integer"}
    made = generate(with_input(product, due={"type": "string"}, lines=lines))["creates/create_order.js"]
    keys = re.findall(r"key: '(\w+)', label", made.decode().partition("sample:")[0])
    assert keys == ["due", "lines__due", "qty"]
    assert b"values: { lines__due: 'day' }" in made


def test_names_with_two_underscores_are_told_apart_from_nested_fields(product: Product):
    city = {"type": "object", "properties": {"city__name": {"type": "string"}}}
    changed = with_input(product, address=city)
    (remark,) = remarks(changed)
    assert remark.startswith(
        "On Zapier, 'Address' of 'Create Order' is written as JSON, because a name in it has '__'"
    )
    assert b"key: 'address'," in generate(changed)["creates/create_order.js"]


@pytest.mark.parametrize(
    ("properties", "sentence"),
    [
        (
            {
                "home__city": {"type": "string"},
                "home": {"type": "object", "properties": {"city": {"type": "string"}}},
            },
            "the form of 'create_order' would have two fields 'home__city' on Zapier",
        ),
        ({"constructor": {"type": "string"}}, "Zapier takes no field 'constructor'"),
    ],
    ids=["same key", "name of every object"],
)
def test_forms_that_zapier_does_not_take_are_refused(product, properties, sentence):
    with pytest.raises(ValueError, match=re.escape(sentence)):
        generate(with_input(product, **properties))


def test_an_empty_choice_is_left_out(product: Product):
    made = generate(with_input(product, color={"type": "string", "enum": ["", "red"]}))
    assert re.findall(r"\bvalue: '(\w*)'", made["creates/create_order.js"].decode()) == ["red"]


def test_an_answer_without_fields_has_a_sample(product: Product):
    (create, *_), nothing = product.actions, {"type": "object", "properties": {}}
    example = dataclasses.replace(create.examples[0], output={})
    silent = dataclasses.replace(create, output=nothing, examples=[example])
    made = generate(dataclasses.replace(product, actions=(silent,), searches=()))
    assert b"sample: { success: true }" in made["creates/create_order.js"]


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


@pytest.mark.parametrize("name", ["first-name", "first name", "vor.name", "größe", "it's", 'a "b"'])
def test_a_field_of_any_name_is_one_that_zaps_may_refer_to(product: Product, name: str):
    made = generate(with_input(product, **{name: {"type": "string"}}))
    assert any(name in key.replace("\\", "") and "takes" in key for key in keys(made.get))


def test_one_long_word_is_cut_and_a_noun_has_two_letters():
    assert shortened("x" * 70, 64) == "x" * 63 + "…"
    assert shortened("to a word", 6) == "to a…"
    assert noun_of("create_a") == "Record"
    assert noun_of("add_client_note") == "Client Note"


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


@pytest.mark.parametrize("tags", [{}, {"tags": {"type": "array", "items": {"type": "string"}}}])
def test_a_search_without_a_list_of_records_finds_its_answer(product, tags):
    (find,) = product.searches
    properties = {"total": {"type": "integer"}, **tags}
    example = dataclasses.replace(find.examples[0], output={"total": 1})
    output = {"type": "object", "properties": properties}
    total = dataclasses.replace(find, name="get_total", output=output, examples=[example])
    made = generate(dataclasses.replace(product, searches=(total,)))["searches/get_total.js"]
    assert b"perform: get('/orders/search')" in made
    assert b"key: 'total'" in made


def test_a_search_for_one_record_by_its_path_is_paired_without_being_asked_for_what_was_made(product):
    (find,) = product.searches
    number = {"type": "object", "properties": {"order_id": {"type": "integer"}}}
    record = find.output["properties"]["results"]["items"]
    record = record | {"properties": record["properties"] | {"paid": {"type": "boolean"}}}
    example = dataclasses.replace(find.examples[0], output={"order_id": 7})
    by_id = dataclasses.replace(
        find, path="/orders/{order_id}", parameters=number, input=number | {"properties": {}}, output=record,
        is_single=True, examples=[example],
    )  # fmt: skip
    changed = dataclasses.replace(product, searches=(by_id,))
    made = generate(changed)
    assert b"find_order" in made["index.js"].partition(b"searchOrCreates")[2]
    assert b"record" not in made["creates/create_order.js"]
    assert any("only one of them gives paid" in remark for remark in remarks(changed))
