"""The site: the same each time, complete, valid, and harmless for any text in the schemas."""

import json
import posixpath
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.plugins import golden
from tests.plugins.products import installed_product
from tests.some import some

from trunkline import __version__
from trunkline.api import problems
from trunkline.errors import ProviderFailed, Refused, StoreUnavailable
from trunkline.filters.comparisons import OPERATORS
from trunkline.pages import Product
from trunkline_docs.generator import generate, make_site

from .html import read
from .products import CANCEL_ORDER, ORDER_SENT, SHOP, retold, with_more

GOLDEN_FILES = (
    "actions/place_order.html",
    "actions/place_order.html.md",
    "index.html.md",
    "llms.txt",
    "order.placed.html",
    "order.placed.html.md",
    "requests/order.placed.json",
    "searches/find_order.html.md",
)
PRODUCTS: Mapping[str, Callable[[], Product]] = {
    "small": lambda: SHOP,
    "installed": installed_product,
    "installed and more": lambda: with_more(installed_product()),
    "nothing but events": lambda: replace(SHOP, actions=(), searches=(), lookups=()),
    "nothing but actions": lambda: replace(SHOP, event_types=()),
    "with a logo": lambda: replace(SHOP, brand=replace(SHOP.brand, logo=LOGO, logo_dark=LOGO)),
}
LOGO = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"/>'
EVIL = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>{{ 7*7 }}{% raw %}</pre></td>`|](javascript:alert(1)) ${x}"
MARKDOWN_LINK = re.compile(r"(?<!\\)\[(?:[^\]\\]|\\.)*\]\(([^)\s]+)\)")
JOBS = ("catch-up", "order", "missing", "rotate", "local", "addresses", "filters", "replay")
Files = Mapping[str, bytes]


@pytest.fixture(params=list(PRODUCTS), scope="module")
def product(request: pytest.FixtureRequest) -> Product:
    return PRODUCTS[request.param]()


@pytest.fixture(scope="module")
def files(product: Product) -> Files:
    return generate(product)


def pages_of(files: Files) -> list[str]:
    return [path for path in files if path.endswith(".html")]


def resolved(page: str, link: str) -> tuple[str, str]:
    target, _, fragment = link.partition("#")
    return posixpath.normpath(posixpath.join(posixpath.dirname(page), target)) if target else page, fragment


def is_outside(link: str) -> bool:
    return link.startswith(("http://", "https://", "mailto:"))


@pytest.mark.slow
def test_the_same_product_makes_the_same_bytes(product):
    assert generate(product) == generate(product)


@pytest.mark.parametrize("path", GOLDEN_FILES)
def test_what_is_made_is_what_was_agreed_on(path):
    content = generate(SHOP)[path].replace(f"trunkline/{__version__}".encode(), b"trunkline/VERSION")
    golden.check(Path(__file__).parent / "golden" / path, content)


def test_every_page_is_well_formed(files):
    assert {path: faults for path in pages_of(files) if (faults := read(files[path]).faults)} == {}


def test_every_link_leads_to_a_file_and_to_a_place_in_it(files):
    ids = {path: set(read(files[path]).ids) for path in pages_of(files)}
    dead = [
        (page, link)
        for page in pages_of(files)
        for _, link in read(files[page]).links
        if not is_outside(link)
        for target, fragment in [resolved(page, link)]
        if target not in files or (fragment and fragment not in ids[target])
    ]
    assert dead == []


def test_every_link_of_the_texts_leads_to_a_file(files):
    texts = [path for path in files if path.endswith((".md", ".txt"))]
    links = [(path, link) for path in texts for link in MARKDOWN_LINK.findall(files[path].decode())]
    assert links
    assert [(path, link) for path, link in links if resolved(path, link)[0] not in files] == []


def test_every_file_is_found_from_the_index(files):
    seen: set[str] = set()
    waiting = ["index.html"]
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        if path.endswith(".html"):
            waiting += [
                resolved(path, link)[0] for _, link in read(files[path]).links if not is_outside(link)
            ]
    assert seen == set(files)


def test_nothing_is_fetched_from_elsewhere(files):
    for path in pages_of(files):
        assert [link for tag, link in read(files[path]).links if tag != "a" and is_outside(link)] == []
        assert not re.search(rb" (style|on\w+)=|<style|<script>", files[path])
    assert not re.search(rb"url\(|@import|https?:", files["assets/style.css"] + files["assets/docs.js"])


def test_every_page_is_there_as_text_and_listed_for_language_models(files):
    listed = MARKDOWN_LINK.findall(files["llms.txt"].decode())
    texts = [path for path in listed if path.endswith(".md")]
    assert sorted(texts) == sorted(f"{path}.md" for path in pages_of(files))
    assert set(listed) <= set(files)
    lines = files["llms.txt"].decode().splitlines()
    assert lines[0].startswith("# ")
    assert lines[2].startswith("> ")
    assert all(line.startswith(("# ", "> ", "## ", "- [")) or not line for line in lines[:3] + lines[5:])


def test_the_front_is_the_index_read_from_one_folder_higher():
    site = make_site(SHOP, served_as="events")
    front, index = read(site.front), read(site.files["index.html"])
    there = {resolved("x", link)[0] for _, link in front.links if not is_outside(link)} - {"x"}
    inside = [link for _, link in index.links if not is_outside(link) and not link.startswith("#")]
    assert there == {f"events/{resolved('index.html', link)[0]}" for link in inside}
    assert front.shape == index.shape


def fields_of(schema: Any, document: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if "$ref" in schema:
        schema = document["$defs"][schema["$ref"].rpartition("/")[2]]
    for name, described in schema.get("properties", {}).items():
        yield name, described
        yield from fields_of(described, document)
    for inner in (schema.get("items"), *schema.get("anyOf", ())):
        if isinstance(inner, dict):
            yield from fields_of(inner, document)


def test_every_field_of_every_schema_is_in_a_table(product, files):
    pages = [(f"{event_type.name}.html", [event_type.schema]) for event_type in product.event_types]
    pages += [
        (f"{folder}/{operation.name}.html", [operation.parameters, operation.input, operation.output])
        for folder, operations in (("actions", product.actions), ("searches", product.searches))
        for operation in operations
    ]
    pages += [("lookups.html", [lookup.input, lookup.output]) for lookup in product.lookups]
    for path, schemas in some(pages):
        rows = [[" ".join(cell.split()) for cell in row] for row in read(files[path]).rows]
        fields = [field for schema in schemas for field in fields_of(schema, schema)]
        assert [name for name, described in fields if not has_row(rows, name, described)] == [], path


def has_row(rows, name: str, described) -> bool:
    text = " ".join(described.get("description", "").split())
    return any(
        re.fullmatch(rf"(.*[.\]])?{re.escape(name)}", row[0].split(" ")[0]) and text in row[-1]
        for row in rows
        if row[0]
    )


def test_what_is_added_to_the_catalogue_gets_its_pages():
    before, after = generate(installed_product()), generate(with_more(installed_product()))
    added = {f"{ORDER_SENT.name}.html", f"actions/{CANCEL_ORDER.name}.html"}
    assert set(pages_of(after)) - set(pages_of(before)) == added
    linked = {link for _, link in read(after["index.html"]).links}
    assert added <= linked
    assert {resolved("verify.html", link)[0] for _, link in read(after["verify.html"]).links} >= added


def test_meaning_moment_cause_and_changes_are_told_and_the_newest_change_first():
    text = " ".join(read(generate(SHOP)["order.placed.html"]).text.split())
    placed = "A customer placed an order. Sent once for each order. The action Place Order causes it, too."
    newest = "Changes Version 2 2026-02-06: The optional field 'channel' was added. Version 1 2026-01-05: It"
    assert placed in text
    assert newest in text
    more = generate(replace(SHOP, event_types=(ORDER_SENT, replace(ORDER_SENT, name="order.x", version=3))))
    assert "This is the first version." in read(more["order.sent.html"]).text
    assert "This is version 3." in read(more["order.x.html"]).text


def test_an_event_described_only_by_its_moment_is_described_once():
    sentence = "Sent once each time that an invoice is created."
    invoiced = replace(ORDER_SENT, name="invoice.created", description=sentence)
    files = generate(replace(SHOP, event_types=[*SHOP.event_types, invoiced]))
    assert " ".join(read(files["invoice.created.html"]).text.split()).count(sentence) == 1
    assert files["invoice.created.html.md"].decode().count(sentence) == 1
    assert f'content="{sentence}"' in files["invoice.created.html"].decode()


def test_each_page_lists_its_parts_in_the_navigation(files):
    for path in some(pages_of(files)):
        headings = re.findall(r'<h2 id="([^"]+)">', files[path].decode())
        listed = [link for tag, link in read(files[path]).links if tag == "a" and link.startswith("#")]
        assert listed[1 : len(headings) + 1] == [f"#{heading}" for heading in headings], path


def test_a_type_names_its_order_and_the_events_that_are_related():
    files = generate(installed_product())
    related = {
        name: re.findall(
            r"<li><a href=\"([\w.]+)\.html\"><code>", files[f"{name}.html"].decode().split('id="related"')[-1]
        )
        for name in ("payment.succeeded", "client.created", "affiliate.created")
    }
    clients = ["client.created", "client.status_changed"]
    assert related == {
        "payment.succeeded": [*clients, "invoice.created", "invoice.status_changed", "payment.failed"],
        "client.created": ["affiliate.created", "client.status_changed"],
        "affiliate.created": [],
    }
    for name, key in (("payment.succeeded", "client_id"), ("affiliate.created", "employee_id")):
        assert f'"ordering": {{"key": "/payload/{key}"}}' in read(files[f"{name}.html"]).text


def test_texts_of_schemas_stay_texts():
    plain, evil = generate(retold(SHOP, " plain")), generate(retold(SHOP, EVIL))
    assert set(plain) == set(evil)
    for path in pages_of(plain):
        before, after = read(plain[path]), read(evil[path])
        assert after.faults == []
        shapes = [[tag for tag in page.shape if tag[0] != "span"] for page in (before, after)]
        assert shapes[0] == shapes[1], path
        assert {link for _, link in after.links} == {link for _, link in before.links}
    assert EVIL in read(evil["order.placed.html"]).text


def test_texts_of_schemas_make_no_tags_and_links_in_markdown():
    evil = generate(retold(SHOP, EVIL))
    for path in some(path for path in evil if path.endswith((".md", ".txt"))):
        prose = re.sub(r"^```.*?^```$", "", evil[path].decode(), flags=re.MULTILINE | re.DOTALL)
        prose = re.sub(r"(?<!\\)`[^`]*`", "", prose)
        assert not re.search(r"(?<!\\)<(script|img)", prose), path
        assert all("javascript" not in link for link in MARKDOWN_LINK.findall(prose))
        rows = [line for line in prose.splitlines() if line.startswith("| ")]
        assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} <= {3, 4, 6}


def test_addresses_of_the_brand_are_links_only_where_they_are_of_the_web():
    brand = replace(SHOP.brand, homepage="javascript:alert(1)")
    files = generate(replace(SHOP, brand=brand, api_url="javascript:alert(2)//"))
    for path in some(pages_of(files)):
        assert not [link for _, link in read(files[path]).links if link.startswith("javascript")]


def test_the_brand_is_shown():
    logo = '<svg xmlns="http://www.w3.org/2000/svg"><!-- day --></svg>'
    brand = replace(SHOP.brand, logo=logo, logo_dark=logo.replace("day", "night"))
    files = generate(replace(SHOP, brand=brand))
    assert files["assets/logo.svg"] == logo.encode()
    assert b"night" in files["assets/logo-dark.svg"]
    assert ("img", "../assets/logo.svg") in read(files["actions/place_order.html"]).links
    assert ("source", "assets/logo-dark.svg") in read(files["index.html"]).links
    assert b"--brand: #f2c200;" in files["assets/style.css"]
    assert b'fill="#f2c200"' in files["assets/icon.svg"]
    assert "Shop events" in read(files["index.html"]).text
    without = generate(SHOP)
    assert "assets/logo.svg" not in without
    assert b"<img" not in without["index.html"]


def test_the_style_sheet_has_no_word_left():
    for files in (generate(SHOP), generate(replace(SHOP, brand=replace(SHOP.brand, color="red;} body{}")))):
        assert not re.search(rb"%[A-Z_]+%|body\{\}", files["assets/style.css"])


def test_every_problem_is_on_the_page_of_errors():
    rows = {row[0]: row[1] for row in read(generate(SHOP)["errors.html"]).rows[1:]}
    for error, name in problems.TYPES.items():
        assert issubclass(error, (Refused, ProviderFailed, StoreUnavailable))
        if name != "provider-refused":
            assert name in rows[str(error.status)].split(", ")


def test_the_handbook_explains_every_job_and_every_comparison_of_filters():
    document = generate(SHOP)["handbook.html"]
    page = read(document)
    assert [mark for mark in page.ids if mark in JOBS] == list(JOBS)
    (comparisons,) = re.findall(r"Comparisons are (.+?);", document.decode())
    assert sorted(re.findall(r"<code>(\w+)</code>", comparisons)) == sorted(OPERATORS)


def test_schemas_and_bodies_are_json(files, product):
    assert {f"schemas/{each.name}.json" for each in product.event_types} <= files.keys()
    for event_type in product.event_types:
        assert files[f"schemas/{event_type.name}.json"] == event_type.schema_json
        request = json.loads(files[f"requests/{event_type.name}.json"])
        assert request["payload"] == json.loads(event_type.example_json)
