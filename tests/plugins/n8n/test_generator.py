"""The files of the package, from small products; ``test_package`` has n8n's own checks of them."""

import dataclasses
import json
import re
from pathlib import Path

import pytest
from tests.plugins import golden
from tests.plugins.n8n.products import BRAND, FIND_ORDER, TINY, UPDATE_ORDER, field, installed_product
from tests.plugins.products import an_object

from trunkline_n8n.generator import DEV_DEPENDENCIES, generate
from trunkline_n8n.operations import operation_name, resource_of
from trunkline_n8n.texts import camel_case

HERE = Path(__file__).parent
GOLDEN_FILES = (
    "icons/tea-shop.svg",
    "nodes/TeaShop/lookups.ts",
    "nodes/TeaShop/resources/index.ts",
    "nodes/TeaShop/resources/order/findOrder.ts",
    "nodes/TeaShop/resources/shop/index.ts",
    "nodes/TeaShop/resources/shop/updateOrder.ts",
    "nodes/shared/eventTypes.ts",
    "package.json",
)


def test_the_same_product_gives_the_same_bytes():
    assert generate(TINY) == generate(dataclasses.replace(TINY))


@pytest.mark.parametrize("name", GOLDEN_FILES)
def test_what_is_made_is_what_was_agreed_on(name):
    golden.check(HERE / "golden" / name, generate(TINY)[name])


def test_every_part_of_the_product_is_there():
    product = installed_product()
    made = {path: content.decode() for path, content in generate(product).items()}
    readme = made["README.md"]
    for kind in product.event_types:
        assert f"value: '{kind.name}'" in made["nodes/shared/eventTypes.ts"]
        assert f"`{kind.name}`" in readme
    operations = "".join(text for path, text in made.items() if path.startswith("nodes/Wlcro/resources/"))
    for definition in (*product.actions, *product.searches):
        assert f"value: '{camel_case(definition.name)}'" in operations
        assert f"| {definition.description} |" in readme
        for entry in product.form(definition):
            assert f"name: '{entry.name}'" in operations


@pytest.mark.parametrize(
    ("name", "path", "short"),
    [
        ("create_lead", "/leads", "Create"),
        ("update_lead_status", "/leads/{client_id}/status", "Update Status"),
        ("add_client_note", "/clients/{client_id}/notes", "Add Note"),
        ("find_lead", "/leads/search", "Get"),
        ("find_task", "/tasks/search", "Get Many"),
        ("archive", "/clients/{client_id}/archive", "Archive"),
        ("archive_client", "/clients/{client_id}", "Archive"),
        ("get_client", "/clients/{client_id}", "Get"),
        ("get_client_note", "/clients/{client_id}/notes/{client_note_id}", "Get Note"),
    ],
)
def test_operations_are_named_as_the_guideline_of_n8n_asks(name, path, short):
    paged = {"properties": {"cursor": {}}} if short == "Get Many" else {}
    method = "GET" if name.startswith(("find", "get", "list")) else "POST"
    single = name.startswith("get")
    operation = dataclasses.replace(
        FIND_ORDER, name=name, path=path, input=paged, method=method, is_single=single
    )
    assert operation_name(operation) == short


def test_what_finds_is_a_find_beside_what_gets_the_same_by_its_id():
    get = dataclasses.replace(FIND_ORDER, name="get_order", is_single=True)
    assert operation_name(FIND_ORDER, beside=[FIND_ORDER, get]) == "Find"
    assert operation_name(get, beside=[FIND_ORDER, get]) == "Get"
    assert operation_name(FIND_ORDER, beside=[dataclasses.replace(get, name="get_order_note")]) == "Get"


def test_two_operations_of_one_name_keep_their_titles():
    twin = dataclasses.replace(
        UPDATE_ORDER, name="update_shop_order", title="Update Shop Order", path="/shops/{number}"
    )
    made = generate(dataclasses.replace(TINY, actions=(UPDATE_ORDER, twin)))[
        "nodes/TeaShop/resources/shop/index.ts"
    ]
    assert b"name: 'Update Shop Order'" in made
    assert b"name: 'Update Order of the URL'" in made


def test_a_status_is_chosen_from_one_list():
    made = generate(installed_product())
    for name, method in (("lead/updateLeadStatus", "search"), ("client/createClient", "get")):
        source = made[f"nodes/Wlcro/resources/{name}.ts"].decode()
        assert source.count(f"'{method}ClientStatuses") == 1
        assert "tatusId'" in source


def test_a_package_is_published_by_an_action_with_provenance():
    made = generate(TINY)
    workflow = made[".github/workflows/publish.yml"].decode()
    assert "id-token: write" in workflow
    assert "run: npm run release" in workflow
    assert json.loads(made["package.json"])["scripts"]["release"] == "n8n-node release"
    for node in ("TeaShop", "TeaShopTrigger", "TeaShopPollingTrigger"):
        codex = json.loads(made[f"nodes/{node}/{node}.node.json"])
        assert codex["alias"] == ["order", "shop"]


def test_the_directory_lists_the_nodes_where_the_brand_says():
    named = dataclasses.replace(
        BRAND, docs_url='https://tea.example/"n8n"', categories=("Sales", "Data & Storage")
    )
    for brand, categories, url in (
        (BRAND, ["Miscellaneous"], BRAND.homepage),
        (named, ["Sales", "Data & Storage"], named.docs_url),
    ):
        made = generate(dataclasses.replace(TINY, brand=brand))
        for node in ("TeaShop", "TeaShopTrigger", "TeaShopPollingTrigger"):
            codex = json.loads(made[f"nodes/{node}/{node}.node.json"])
            assert codex["categories"] == categories
            assert codex["resources"]["primaryDocumentation"] == [{"url": url}]
        assert f"[documentation]({url})" in made["README.md"].decode()


def test_a_filter_is_shown_for_the_types_that_have_it_and_a_number_begins_empty():
    product = installed_product()
    source = generate(product)["nodes/shared/filters.ts"].decode()
    shown = re.search(r"name: 'onlyPaymentId',.*?'/eventTypes': (\[.*?\])", source, re.DOTALL)
    assert shown is not None
    assert re.findall(r"'(.*?)'", shown[1]) == [
        *(kind.name for kind in product.event_types if "payment_id" in kind.schema["properties"]),
        "*",
    ]
    assert set(re.findall(r"type: 'number',\s+default: (.*),", source)) == {"''"}


def test_the_readme_says_which_n8n_the_package_was_tested_in():
    tested = json.loads((HERE / "server" / "package.json").read_text())["dependencies"]["n8n"]
    assert f"tested in n8n {tested}" in generate(TINY)["README.md"].decode()


def test_each_node_and_credential_in_the_package_is_a_file():
    made = generate(TINY)
    package = json.loads(made["package.json"])["n8n"]
    for path in (*package["nodes"], *package["credentials"]):
        assert path.removeprefix("dist/").removesuffix(".js") + ".ts" in made
    assert len(package["nodes"]) == 3


def test_no_word_of_the_template_is_left():
    made = generate(TINY)
    assert not [path for path, content in made.items() if "__" in path or b"__" in content]


def test_without_operations_there_are_only_triggers():
    made = generate(dataclasses.replace(TINY, actions=(), searches=()))
    package = json.loads(made["package.json"])["n8n"]
    assert package["nodes"] == [
        "dist/nodes/TeaShopTrigger/TeaShopTrigger.node.js",
        "dist/nodes/TeaShopPollingTrigger/TeaShopPollingTrigger.node.js",
    ]
    assert not any(path.startswith("nodes/TeaShop/") for path in made)


def test_a_logo_takes_the_place_of_the_drawn_initial():
    brand = dataclasses.replace(BRAND, logo="<svg>light</svg>")
    made = generate(dataclasses.replace(TINY, brand=brand))
    assert made["icons/tea-shop.svg"] == made["icons/tea-shop.dark.svg"] == b"<svg>light</svg>"
    brand = dataclasses.replace(brand, logo_dark="<svg>dark</svg>")
    made = generate(dataclasses.replace(TINY, brand=brand))
    assert made["icons/tea-shop.dark.svg"] == b"<svg>dark</svg>"


@pytest.mark.parametrize("name", ["delete", "order", "import"])
def test_an_operation_named_by_a_word_of_the_language_or_its_resource_keeps_its_name(name: str):
    action = dataclasses.replace(UPDATE_ORDER, name=name, path="/orders/{shop_id}/{number}")
    source = generate(dataclasses.replace(TINY, actions=(action,)))["nodes/TeaShop/resources/order/index.ts"]
    pascal = name.capitalize()
    assert f"import {{ callOf{pascal}, formOf{pascal} }} from './{name}';".encode() in source
    assert f"value: '{name}'".encode() in source


def test_a_resource_that_is_named_by_a_parameter_has_no_braces():
    assert resource_of(dataclasses.replace(UPDATE_ORDER, path="/{shop_id}/orders")) == "shop id"


def test_an_operation_without_fields_declares_nothing_that_is_not_used():
    silent = dataclasses.replace(UPDATE_ORDER, path="/ping", parameters=an_object(), input=an_object())
    source = generate(dataclasses.replace(TINY, actions=(silent,)))[
        "nodes/TeaShop/resources/ping/updateOrder.ts"
    ]
    assert b"showOnlyFor" not in source


def test_a_search_gives_its_first_list_of_objects_beside_other_lists():
    warnings = field("array", "Warnings", items={"type": "string"})
    output = an_object(warnings=warnings, **FIND_ORDER.output["properties"])
    for changed, items in ((output, b"items: 'results'"), (an_object(warnings=warnings), b"fields: [")):
        search = dataclasses.replace(FIND_ORDER, output=changed)
        source = generate(dataclasses.replace(TINY, searches=(search,)))[
            "nodes/TeaShop/resources/order/findOrder.ts"
        ]
        assert items in source.partition(b"callOfFindOrder")[2].partition(b"/orders/search',")[2][:25]


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        (("ship_to", "shipTo"), "the form of 'update_order' would have two fields 'shipTo' on n8n"),
        (("$", "note"), "n8n takes no field '$' of 'update_order'"),
    ],
    ids=["same", "no letter"],
)
def test_fields_that_n8n_cannot_tell_apart_are_refused(names: tuple[str, ...], sentence: str):
    fields = {name: field("string", "Text") for name in names}
    nested = an_object(inner=field("object", "Inner", properties=fields))
    for asked in (an_object(**fields), nested):
        action = dataclasses.replace(UPDATE_ORDER, input=asked)
        with pytest.raises(ValueError, match=re.escape(sentence)):
            generate(dataclasses.replace(TINY, actions=(action,)))


def test_two_operations_of_one_parameter_value_are_refused():
    twin = dataclasses.replace(UPDATE_ORDER, name="update__order", path="/shops/{shop_id}/{number}")
    with pytest.raises(
        ValueError, match="the resource 'shop' would have two operations 'updateOrder' on n8n"
    ):
        generate(dataclasses.replace(TINY, actions=(UPDATE_ORDER, twin)))


def test_the_tools_are_those_that_the_package_is_tested_with():
    tested = json.loads((HERE / "tools" / "package.json").read_text())["dependencies"]
    assert {name: tested[name] for name in DEV_DEPENDENCIES} == DEV_DEPENDENCIES
