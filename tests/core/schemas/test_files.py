"""Event types and definitions are read from files, and a file at fault is named."""

import os
from pathlib import Path

import pytest

from trunkline.errors import SchemaInvalid
from trunkline.schemas.catalog import SchemaCatalog
from trunkline.schemas.definition_catalog import DefinitionCatalog
from trunkline.schemas.files import (
    installed_folders,
    load_definitions,
    load_event_types,
)

DOCUMENT = """{
  "title": "Order Placed",
  "description": "An order came in.",
  "x-version": 3,
  "deprecated": true,
  "examples": [
    {"amount": 99.00, "rate": 1.50E+3, "id": 12345678901234567890123, "note": "caf\\u00e9 {a: 1} \\"é\\""},
    {"amount": 1}
  ]
}
"""


def write(folder, text=DOCUMENT, name="order.placed.json"):
    """Put *text* into a file in the event types' part of *folder*."""
    events = folder / "events"
    events.mkdir(parents=True, exist_ok=True)
    (events / name).write_bytes(text.encode() if isinstance(text, str) else text)
    return folder


def refusal(folder):
    with pytest.raises(SchemaInvalid) as caught:
        load_event_types(folder)
    assert str(folder / "events" / "order.placed.json") in str(caught.value)
    assert "\n" not in str(caught.value)
    return caught.value.reason


def test_name_comes_from_the_file_and_the_rest_from_the_document_which_is_kept_to_the_byte(tmp_path):
    (event_type,) = load_event_types(write(tmp_path))
    words = (event_type.name, event_type.title, event_type.description)
    assert words == ("order.placed", "Order Placed", "An order came in.")
    assert (event_type.version, event_type.deprecated) == (3, True)
    assert event_type.example_json.decode() == (
        '{"amount":99.00,"rate":1.50E+3,"id":12345678901234567890123,"note":"caf\\u00e9 {a: 1} \\"é\\""}'
    )
    assert event_type.schema_json == DOCUMENT.encode()
    assert SchemaCatalog([event_type]).document("order.placed") == DOCUMENT.encode()


def test_version_is_one_and_nothing_is_deprecated_where_the_document_does_not_say(tmp_path):
    (event_type,) = load_event_types(write(tmp_path, '{"title": "T", "description": "D"}'))
    assert (event_type.version, event_type.deprecated, event_type.example_json) == (1, False, b"")


def test_files_are_read_in_the_order_of_their_names_and_others_are_passed_over(tmp_path):
    for name in ("b.made.json", "a.made.json", "README.md"):
        write(tmp_path, name=name)
    assert [event_type.name for event_type in load_event_types(tmp_path)] == ["a.made", "b.made"]


def test_an_empty_folder_has_neither_types_nor_definitions(tmp_path):
    assert load_event_types(tmp_path) == load_definitions(tmp_path) == []


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (b"", "line 1"),
        (b'{"title": "\xff"}', "line 1"),
        (b'{"title": NaN}', "line 1"),
        ('{\n  "title": "T",\n  "description": }', "line 3, column 18: "),
    ],
)
def test_what_is_no_json_is_told_with_line_and_column(tmp_path, text, place):
    assert refusal(write(tmp_path, text)).startswith(f"the file is not JSON at {place}")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[]", "must hold one JSON object"),
        ('{"description": "D"}', "has no 'title'"),
        ('{"title": "T", "description": " "}', "has no 'description'"),
        ('{"title": "T", "description": "D", "x-version": "2"}', "'x-version' must be a whole number"),
        ('{"title": "T", "description": "D", "x-version": true}', "'x-version' must be a whole number"),
        ('{"title": "T", "description": "D", "examples": {"a": 1}}', "'examples' must be a list"),
    ],
)
def test_what_a_document_lacks_is_told(tmp_path, text, reason):
    assert reason in refusal(write(tmp_path, text))


@pytest.mark.timeout(10)
@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo, lambda file: file.symlink_to("gone.json")])
def test_what_is_no_regular_file_is_told_and_never_read(tmp_path, make):
    (tmp_path / "events").mkdir()
    make(tmp_path / "events" / "order.placed.json")
    assert refusal(tmp_path) == "it is neither a file nor a link to one"


SEARCH = """{
  "name": "find_order",
  "title": "Find Order",
  "description": "Finds an order.",
  "method": "GET",
  "path": "/orders/search",
  "input": {"type": "object", "properties": {}, "additionalProperties": false},
  "output": {"type": "object"},
  "examples": [{"input": {}, "output": {}}]
}
"""


def write_search(folder, text=SEARCH, name="find_order.json"):
    (folder / "searches").mkdir(parents=True, exist_ok=True)
    (folder / "searches" / name).write_text(text)
    return folder


def test_definitions_are_read_by_kind_and_know_their_files(tmp_path):
    for name in ("b", "a"):
        write_search(tmp_path, SEARCH.replace("find_order", name), f"{name}.json")
    (tmp_path / "searches" / "README.md").touch()
    found = [(one.kind, one.name, one.source) for one in load_definitions(tmp_path)]
    assert found == [("search", name, str(tmp_path / "searches" / f"{name}.json")) for name in "ab"]


def test_a_definition_in_a_file_of_another_name_is_told(tmp_path):
    write_search(tmp_path, name="finds.json")
    with pytest.raises(SchemaInvalid) as caught:
        load_definitions(tmp_path)
    assert caught.value.source == str(tmp_path / "searches" / "finds.json")
    assert caught.value.reason == "'/name' is 'find_order'; the file of that name is find_order.json"


def test_a_definition_that_cannot_be_read_or_is_none_is_told(tmp_path):
    (tmp_path / "searches" / "find_order.json").mkdir(parents=True)
    with pytest.raises(SchemaInvalid, match=r"find_order\.json: it is neither a file nor a link to one"):
        load_definitions(tmp_path)
    (tmp_path / "searches" / "find_order.json").rmdir()
    with pytest.raises(SchemaInvalid, match=r"find_order\.json: the file is not JSON at line 1"):
        load_definitions(write_search(tmp_path, "{"))


def test_a_fault_that_a_catalog_finds_names_the_file(tmp_path):
    write_search(tmp_path, SEARCH.replace("/orders/search", "orders"))
    with pytest.raises(SchemaInvalid, match=r"searches/find_order\.json: its 'path' must look like"):
        DefinitionCatalog(load_definitions(tmp_path))


@pytest.fixture
def acme(tmp_path, monkeypatch):
    """Install a third-party package with one event type and one search."""
    write_search(write(tmp_path / "acme_order_schemas"))
    (tmp_path / "acme_order_schemas" / "__init__.py").touch()
    metadata = tmp_path / "acme_orders-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-orders\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[trunkline.schemas]\nacme = acme_order_schemas\n")
    monkeypatch.syspath_prepend(tmp_path)


@pytest.mark.usefixtures("acme")
class TestInstalledPackages:
    def test_a_strangers_package_brings_its_types_and_definitions(self):
        folders = installed_folders()
        names = {each.name for folder in folders for each in load_event_types(folder)}
        assert {"order.placed", "lead.created"} <= names
        assert {"find_order", "find_lead"} <= {each.name for at in folders for each in load_definitions(at)}

    def test_one_that_cannot_be_imported_is_told(self, tmp_path):
        entry_points = tmp_path / "acme_orders-1.0.dist-info" / "entry_points.txt"
        entry_points.write_text("[trunkline.schemas]\nacme = acme_missing\n")
        with pytest.raises(SchemaInvalid, match=r"^acme_missing: this package of schemas cannot be imported"):
            installed_folders()
