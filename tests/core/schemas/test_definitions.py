"""Definitions of actions, searches and lookups: read from a file, checked by the rules, and used to check input and output."""

import copy
import dataclasses

import orjson
import pytest

from trunkline.errors import FieldError, SchemaInvalid
from trunkline.schemas.definition_catalog import DefinitionCatalog
from trunkline.schemas.definitions import Definition, Example, ItemList, read_definition

NUMBER = {"title": "Number", "description": "The order's number.", "type": "integer", "minimum": 1}
TEXT = {"title": "Note", "description": "What is to be known.", "type": "string", "maxLength": 100}
OPEN = {"type": "object", "properties": {}}


def closed(**properties):
    return {"type": "object", "properties": properties, "additionalProperties": False}


ACTION = {
    "name": "note_order",
    "title": "Note Order",
    "description": "Adds a note to an order.",
    "method": "POST",
    "path": "/orders/{order_id}/notes",
    "success_status": 201,
    "emits": ["order.noted"],
    "parameters": closed(order_id=NUMBER | {"x-lookup": "orders"}) | {"required": ["order_id"]},
    "input": closed(note=TEXT) | {"required": ["note"]},
    "output": {"type": "object", "properties": {"note_id": NUMBER}, "required": ["note_id"]},
    "examples": [{"parameters": {"order_id": 7}, "input": {"note": "Gift."}, "output": {"note_id": 1}}],
}
SEARCH = {
    "name": "find_order",
    "title": "Find Order",
    "description": "Finds an order.",
    "method": "GET",
    "path": "/orders/search",
    "input": closed(order_id=NUMBER),
    "output": {"type": "object"},
    "examples": [{"input": {"order_id": 7}, "output": {"count": 0}}],
}
ITEMS = {"type": "object", "properties": {"order_id": NUMBER, "note": TEXT}}
LOOKUP = {
    "name": "orders",
    "title": "Orders",
    "description": "Lists orders.",
    "method": "GET",
    "path": "/lookups/orders",
    "input": closed(),
    "output": {
        "type": "object",
        "properties": {
            "orders": {"title": "Orders", "description": "The orders.", "type": "array", "items": ITEMS}
        },
    },
    "list": {"items": "orders", "value": "order_id", "label": "note"},
    "examples": [{"input": {}, "output": {"orders": []}}],
}
DOCUMENTS = {"action": ACTION, "search": SEARCH, "lookup": LOOKUP}
EVENT_TYPES = ("order.noted",)


def read(kind, **changes):
    """Read the definition of *kind* above with *changes*; None removes a key."""
    document = {key: value for key, value in (DOCUMENTS[kind] | changes).items() if value is not None}
    return read_definition(kind, orjson.dumps(document), source=f"{document.get('name')}.json")


def replaced(kind, path, value):
    """Copy the document of *kind* and put *value* at *path* (keys separated by bars)."""
    document = copy.deepcopy(DOCUMENTS[kind])
    *outer, last = path.split("|")
    here = document
    for key in outer:
        here = here[int(key) if isinstance(here, list) else key]
    here[last] = value
    return document


def refusal(*definitions, event_types=EVENT_TYPES):
    """Build a catalog of *definitions* that must be refused; return the sentence."""
    with pytest.raises(SchemaInvalid) as caught:
        DefinitionCatalog(definitions, event_types=event_types)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture
def catalog():
    return DefinitionCatalog(map(read, DOCUMENTS), event_types=EVENT_TYPES)


class TestReading:
    def test_a_file_becomes_a_value_with_everything_in_it(self):
        assert read("action") == Definition(
            kind="action",
            name="note_order",
            title="Note Order",
            description="Adds a note to an order.",
            method="POST",
            path="/orders/{order_id}/notes",
            parameters=ACTION["parameters"],
            input=ACTION["input"],
            output=ACTION["output"],
            examples=(Example({"order_id": 7}, {"note": "Gift."}, {"note_id": 1}),),
            success_status=201,
            emits=("order.noted",),
        )

    def test_what_is_optional_has_a_plain_default(self):
        search = read("search")
        assert (search.success_status, search.emits, search.listed) == (200, (), None)
        assert search.parameters == {"type": "object", "properties": {}, "additionalProperties": False}
        assert search.examples[0].parameters == {}

    def test_a_lookup_says_where_its_items_are(self):
        assert read("lookup").listed == ItemList("orders", "order_id", "note")

    def test_it_is_frozen_and_can_be_a_key(self):
        with pytest.raises(dataclasses.FrozenInstanceError):
            read("action").name = "other"
        assert {read("action"): 1}[read("action")] == 1

    @pytest.mark.parametrize("document", [b"", b"{", b'{"name": NaN}', b'{"name": "\xff"}'])
    def test_what_is_no_json_is_told_with_its_place(self, document):
        with pytest.raises(SchemaInvalid, match=r"^x\.json: the file is not JSON at line 1, column \d+: "):
            read_definition("action", document, source="x.json")

    def test_what_is_no_object_is_told(self):
        with pytest.raises(SchemaInvalid, match=r"^x\.json: the file must be an object, not a list$"):
            read_definition("action", b"[]", source="x.json")

    @pytest.mark.parametrize(
        "key", ["name", "title", "description", "method", "path", "input", "output", "examples"]
    )
    def test_a_key_that_is_missing_is_told(self, key):
        with pytest.raises(SchemaInvalid, match=rf"'/{key}' is required$"):
            read("search", **{key: None})

    def test_a_key_that_is_misspelt_is_told_with_the_one_that_was_meant(self):
        told = r"'/emit' is not a field of a definition; did you mean 'emits'\?"
        with pytest.raises(SchemaInvalid, match=told):
            read("action", emit=["order.noted"])

    @pytest.mark.parametrize(
        ("key", "value", "sentence"),
        [
            ("title", 5, "'/title' must be a string, not a number"),
            ("method", "PUT", '\'/method\' must be one of "GET", "POST", "PATCH", "DELETE", not "PUT"'),
            ("success_status", "201", "'/success_status' must be a whole number, not a string"),
            ("emits", "order.noted", "'/emits' must be a list, not a string"),
            ("emits", [1], "'/emits/0' must be a string, not a number"),
            ("input", True, "'/input' must be an object, not true"),
            ("list", {"items": "orders", "value": "id"}, "'/list/label' is required"),
            ("examples", [], "'/examples' must have 1 or more entries, not 0"),
            ("examples", [{"input": {}}], "'/examples/0/output' is required"),
            (
                "examples",
                [{"inputs": {}, "input": {}, "output": {}}],
                "'/examples/0/inputs' is not a field of this object; did you mean 'input'?",
            ),
        ],
    )
    def test_a_value_of_the_wrong_kind_is_told_at_its_place(self, key, value, sentence):
        with pytest.raises(SchemaInvalid) as caught:
            read("action", **{key: value})
        assert caught.value.reason == sentence


# by the sentence: the kind, the path in its document, and the value there
BROKEN = {
    "its name must be lower-case letters and digits, joined by underscores": [
        ("action", "name", "noteOrder"),
        ("action", "name", "note-order"),
    ],
    "its name must be lower-case letters and digits, joined by hyphens": [("lookup", "name", "my_orders")],
    "has an empty 'title'; give it one that people understand": [("action", "title", " ")],
    "has an empty 'description'; give it one that people understand": [("search", "description", "")],
    "its 'method' must be POST or PATCH or DELETE, as every action's, not GET": [("action", "method", "GET")],
    "its 'method' must be GET, as every search's, not POST": [("search", "method", "POST")],
    "its 'method' must be GET, as every lookup's, not PATCH": [("lookup", "method", "PATCH")],
    "its 'success_status' must be 200 or 201, as every action's, not 204": [
        ("action", "success_status", 204)
    ],
    "its 'success_status' must be 200, as every search's, not 201": [("search", "success_status", 201)],
    "has 'emits'; only actions emit events, so leave it out": [("lookup", "emits", ["order.noted"])],
    "its 'method' is DELETE, which takes no body; name the record in the path, and leave 'input' without properties": [
        ("action", "method", "DELETE")
    ],
    "has 'single'; only searches answer with a single record, so leave it out": [
        ("action", "single", True),
        ("lookup", "single", True),
    ],
    "has a 'cursor', so its 'input' needs a 'limit' with a \"maximum\" of 1 to 1000: how much a page has at most": [
        ("search", "input|properties|cursor", TEXT)
    ],
    "its 'path' must look like /leads/{client_id}, in lower case, not orders": [("search", "path", "orders")],
    "its 'path' must look like /leads/{client_id}, in lower case, not /Orders": [
        ("search", "path", "/Orders")
    ],
    "its 'path' must look like /leads/{client_id}, in lower case, not /a/": [("search", "path", "/a/")],
    "its 'path' must look like /leads/{client_id}, in lower case, not /a//b": [("search", "path", "/a//b")],
    "its 'path' has {order}, which 'parameters' does not describe; add it to the properties there": [
        ("search", "path", "/{order}")
    ],
    "its 'path' names a parameter twice; rename one": [("action", "path", "/orders/{order_id}/{order_id}")],
    "its parameter 'order_id' is not in the path; add {order_id} there, or move it to 'input'": [
        ("action", "path", "/orders/notes")
    ],
    "its parameter 'order_id' is part of the path; add it to 'required' of 'parameters'": [
        ("action", "parameters|required", [])
    ],
    "has 'order_id' both as a parameter and in 'input'; rename one": [
        ("action", "input|properties|order_id", NUMBER)
    ],
    'its \'output\' must be the schema of an object; give it "type": "object"': [
        ("action", "output|type", "array")
    ],
    'its \'input\' must be the schema of an object; give it "type": "object"': [("action", "input", {})],
    'its \'parameters\' must be the schema of an object; give it "type": "object"': [
        ("action", "parameters|type", ["object", "null"])
    ],
    "'input' has 'note' without a 'title'; give it one that people understand": [
        ("action", "input|properties|note|title", "")
    ],
    "'output' has 'note_id' without a 'title'; give it one that people understand": [
        ("action", "output|properties|note_id", True)
    ],
    "'parameters' has 'order_id' without a 'description'; give it one that people understand": [
        ("action", "parameters|properties|order_id|description", "\t")
    ],
    "its 'input' takes unknown fields; give it \"additionalProperties\": false": [("search", "input", OPEN)],
    "'order_id' stands in the URL, so its 'type' must be one of boolean, integer, number, string": [
        ("search", "input|properties|order_id|type", ["integer", "null"]),
        ("action", "parameters|properties|order_id|type", "array"),
    ],
    "has 'list'; only lookups list items, so leave it out": [("action", "list", LOOKUP["list"])],
    "'list' says that the items are in 'results'; make that a property of 'output', a list with 'items'": [
        ("lookup", "list|items", "results")
    ],
    "'list' says that the items are in 'orders'; make that a property of 'output', a list with 'items'": [
        ("lookup", "output|properties|orders|items", True)
    ],
    "'list' has 'id' as 'value', which the items lack; name one of their properties": [
        ("lookup", "list|value", "id")
    ],
    "'list' has 'title' as 'label', which the items lack; name one of their properties": [
        ("lookup", "list|label", "title")
    ],
    "'x-lookup' of 'order_id' must be the name of a lookup, or an object with 'lookup'": [
        ("action", "parameters|properties|order_id|x-lookup", 5)
    ],
    "'x-lookup' of 'note' must be the name of a lookup, or an object with 'lookup'": [
        ("action", "input|properties|note|x-lookup", {"value": "note"})
    ],
    "'x-lookup' of 'note' has 'valeu'; it may have lookup, value, label, where": [
        ("action", "input|properties|note|x-lookup", {"lookup": "orders", "valeu": "note"})
    ],
    "'value' in 'x-lookup' of 'note' must be a name": [
        ("action", "input|properties|note|x-lookup", {"lookup": "orders", "value": 1})
    ],
    "'where' in 'x-lookup' of 'note' must be an object of fields and their values": [
        ("action", "input|properties|note|x-lookup", {"lookup": "orders", "where": ["note"]})
    ],
    "its 'input' cannot serve: the schema is not valid at '/properties/note/type': ": [
        ("action", "input|properties|note|type", "text")
    ],
    "its 'output' cannot serve: a $ref leads out of the document; nothing is fetched, so put it under $defs ": [
        ("action", "output|$ref", "https://example.com/note.json")
    ],
    "its 'parameters' cannot serve: '$schema' must be https://json-schema.org/draft/2020-12/schema": [
        ("action", "parameters|$schema", "http://json-schema.org/draft-07/schema")
    ],
    "its example 1 is not valid at 'input/note': is required": [("action", "examples|0|input", {})],
    "its example 1 is not valid at 'parameters/order_id': must be at least 1, not 0": [
        ("action", "examples|0|parameters", {"order_id": 0})
    ],
    "its example 1 is not valid at 'output/note_id': must be a whole number, not a string": [
        ("action", "examples|0|output", {"note_id": "1"})
    ],
    "'emits' names 'order.lost', which is no event type here; add its schema or correct the name": [
        ("action", "emits", ["order.noted", "order.lost"])
    ],
    "'x-lookup' of 'order_id' names 'products', which is no lookup; there are: orders": [
        ("action", "parameters|properties|order_id|x-lookup", "products")
    ],
    "'x-lookup' of 'note' names 'id'; items of 'orders' have order_id, note": [
        ("action", "input|properties|note|x-lookup", {"lookup": "orders", "value": "id"})
    ],
    "'x-lookup' of 'note' names 'is_open'; items of 'orders' have order_id, note": [
        ("action", "input|properties|note|x-lookup", {"lookup": "orders", "where": {"is_open": True}})
    ],
}


@pytest.mark.parametrize(
    ("kind", "path", "value", "sentence"),
    [(*row, sentence) for sentence, rows in BROKEN.items() for row in rows],
)
def test_each_rule_has_a_sentence_that_begins_with_the_file(kind, path, value, sentence):
    document = replaced(kind, path, value)
    broken = read_definition(kind, orjson.dumps(document), source="here.json")
    others = [read(other) for other in DOCUMENTS if other != kind]
    told = refusal(broken, *others)
    assert told.startswith(f"here.json: {sentence}")
    if not sentence.endswith(" ") and "$schema" not in sentence:
        assert told == f"here.json: {sentence}"


LIST = SEARCH | {
    "name": "list_orders",
    "path": "/orders",
    "input": closed(limit=NUMBER | {"maximum": 100}, cursor=TEXT),
    "output": {
        "type": "object",
        "properties": {
            "items": TEXT | {"type": "array", "items": ITEMS},
            "next_cursor": TEXT | {"type": ["string", "null"]},
        },
    },
    "examples": [{"input": {"limit": 1}, "output": {"items": [], "next_cursor": None}}],
}
GET = SEARCH | {
    "name": "get_order",
    "path": "/orders/{order_id}",
    "single": True,
    "parameters": ACTION["parameters"] | {"properties": {"order_id": NUMBER}},
    "input": closed(),
    "output": ITEMS,
    "examples": [{"parameters": {"order_id": 7}, "input": {}, "output": {"order_id": 7}}],
}
DELETE = GET | {"name": "delete_order", "method": "DELETE"}
DELETE.pop("single")


class TestReadingAndDeleting:
    def definition(self, kind, document, **changes):
        return read_definition(kind, orjson.dumps(document | changes), source="here.json")

    def test_a_list_is_paged_a_record_single_and_a_delete_takes_no_body(self):
        listed, single = self.definition("search", LIST), self.definition("search", GET)
        delete = self.definition("action", DELETE)
        assert (listed.is_paged, single.is_paged, delete.is_paged) == (True, False, False)
        assert (listed.is_single, single.is_single) == (False, True)
        assert [one.takes_body for one in (listed, single, delete, read("action"))] == [False] * 3 + [True]
        assert len(DefinitionCatalog([listed, single, delete]).all()) == 3

    @pytest.mark.parametrize("maximum", [None, 0, 1001])
    def test_a_page_has_a_most(self, maximum):
        limit = {"limit": NUMBER | {"maximum": maximum}} if maximum is not None else {}
        broken = LIST["input"] | {"properties": {"cursor": TEXT, **limit}}
        examples = [{"input": {}, "output": {"items": [], "next_cursor": None}}]
        told = refusal(self.definition("search", LIST, input=broken, examples=examples))
        assert told.startswith("here.json: has a 'cursor', so its 'input' needs a 'limit'")

    @pytest.mark.parametrize("missing", ["items", "next_cursor"])
    def test_a_page_has_a_list_and_says_where_the_next_one_begins(self, missing):
        properties = {name: value for name, value in LIST["output"]["properties"].items() if name != missing}
        broken = LIST["output"] | {"properties": properties}
        told = refusal(self.definition("search", LIST, output=broken))
        assert told.startswith("here.json: has a 'cursor', so its 'output' needs ")

    def test_a_single_record_has_no_pages(self):
        assert refusal(self.definition("search", LIST, single=True)) == (
            "here.json: has both 'single' and a 'cursor'; a single record has no pages, so leave one of them out"
        )

    def test_a_delete_makes_nothing(self):
        assert refusal(self.definition("action", DELETE, success_status=201)) == (
            "here.json: its 'success_status' must be 200, as every action's with DELETE, not 201"
        )


class TestTogether:
    def test_definitions_come_by_kind_in_the_order_of_their_names(self, catalog):
        assert [definition.name for definition in catalog.all()] == ["note_order", "find_order", "orders"]
        assert [definition.name for definition in catalog.of("search")] == ["find_order"]
        more = DefinitionCatalog([read("lookup"), read("lookup", name="bills", path="/lookups/bills")])
        assert [definition.name for definition in more.of("lookup")] == ["bills", "orders"]

    def test_a_definition_is_found_by_its_kind_and_name(self, catalog):
        assert catalog.get("action", "note_order").title == "Note Order"
        assert catalog.get("search", "note_order") is None

    def test_two_of_one_kind_and_name_are_refused_with_both_files(self):
        second = read_definition("search", orjson.dumps(SEARCH), source="second.json")
        assert refusal(read("search"), second) == (
            "second.json: defines the search 'find_order', as find_order.json does; rename or remove one"
        )

    def test_one_written_in_python_is_named_by_its_kind_and_name(self):
        twins = [dataclasses.replace(read("search"), source="")] * 2
        assert refusal(*twins) == (
            "search 'find_order': defines the search 'find_order' a second time; rename or remove one"
        )

    def test_two_kinds_may_share_a_name(self):
        assert len(DefinitionCatalog([read("search", name="orders"), read("lookup")]).all()) == 2

    def test_two_calls_that_differ_in_the_name_of_a_parameter_only_are_refused(self):
        other = read(
            "action",
            name="other_note",
            path="/orders/{id}/notes",
            parameters=closed(id=NUMBER) | {"required": ["id"]},
            examples=[{"parameters": {"id": 7}, "input": {"note": "Gift."}, "output": {"note_id": 1}}],
        )
        assert refusal(read("action"), other, read("lookup")) == (
            "other_note.json: has the same call as the action 'note_order'; give one of them another path"
        )

    def test_one_path_may_have_two_methods(self):
        changed = read("action", name="renote_order", method="PATCH", success_status=200)
        assert len(DefinitionCatalog([read("action"), changed, read("lookup")]).all()) == 3

    def test_a_reference_to_a_lookup_where_there_is_none_says_so(self):
        assert refusal(read("action")).endswith("names 'orders', which is no lookup; there are: none")

    def test_events_are_not_asked_for_where_the_types_are_not_known(self):
        assert DefinitionCatalog([read("action"), read("lookup")]).of("action")

    def test_a_lookup_without_a_list_is_refused(self):
        assert refusal(read("lookup", list=None)) == (
            "orders.json: has no 'list'; say where its answer has the items, and which of their fields are sent and shown"
        )

    def test_one_without_examples_is_refused(self):
        bare = dataclasses.replace(read("search"), examples=())
        assert refusal(bare).endswith("has no 'examples'; give at least one call with its answer")

    def test_a_reference_may_name_another_field_and_a_choice_of_the_items(self):
        reference = {"lookup": "orders", "value": "note", "label": "order_id", "where": {"note": "Gift."}}
        document = replaced("action", "input|properties|note|x-lookup", reference)
        action = read_definition("action", orjson.dumps(document), source="")
        assert DefinitionCatalog([action, read("lookup")]).of("action") == (action,)


class TestJudging:
    def test_a_valid_call_and_answer_have_no_faults(self, catalog):
        action = catalog.get("action", "note_order")
        assert catalog.check_input(action, {"order_id": 7}, {"note": "Gift."}) == []
        assert catalog.check_output(action, {"note_id": 1}) == []

    def test_a_parameter_is_named_and_a_field_of_the_body_has_its_pointer(self, catalog):
        faults = catalog.check_input(catalog.get("action", "note_order"), {"order_id": 0}, {"note": 5})
        assert faults == [
            FieldError("order_id", "must be at least 1, not 0"),
            FieldError("/note", "must be a string, not a number"),
        ]

    def test_an_unknown_field_is_told_with_whom_it_does_not_belong_to(self, catalog):
        (fault,) = catalog.check_input(catalog.get("search", "find_order"), {}, {"orderid": 7})
        assert fault == FieldError("/orderid", "is not a field of find_order; write 'order_id'")

    def test_an_answer_is_told_at_its_pointer(self, catalog):
        faults = catalog.check_output(catalog.get("action", "note_order"), {})
        assert faults == [FieldError("/note_id", "is required")]

    def test_a_definition_of_another_catalog_is_a_key_error(self, catalog):
        with pytest.raises(KeyError):
            catalog.check_output(read("search", name="find_other"), {})


def test_what_stands_in_a_url_or_in_a_list_may_be_described_by_reference():
    number = {"title": "Order", "description": "Its number.", "$ref": "#/$defs/number"}
    query = SEARCH["input"] | {"properties": {"order_id": number}, "$defs": {"number": {"type": "integer"}}}
    orders = LOOKUP["output"]["properties"]["orders"] | {"items": {"$ref": "#/$defs/order"}}
    listed = {"type": "object", "properties": {"orders": orders}, "$defs": {"order": ITEMS}}
    search, lookup = read("search", input=query), read("lookup", output=listed)
    catalog = DefinitionCatalog([search, lookup, read("action")], event_types=EVENT_TYPES)
    assert catalog.url_kind(search, "order_id") == "integer"
    assert catalog.url_kind(search, "no_such") == "text"
