"""The files of the package, from small products; n8n's own judgement of them is in ``test_package``."""

import dataclasses
import json
import os
from pathlib import Path

import pytest
from tests.plugins.n8n.products import BRAND, TINY, installed_product

from trunkline_n8n.generator import DEV_DEPENDENCIES, generate

HERE = Path(__file__).parent
GOLDEN = HERE / "golden"
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
def test_what_is_made_is_what_was_agreed_on(name: str):
    made = generate(TINY)[name]
    kept = GOLDEN / name
    if os.environ.get("TRUNKLINE_WRITE_GOLDEN"):
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_bytes(made)
    assert made.decode() == kept.read_text()


def test_every_part_of_the_product_is_there():
    product = installed_product()
    made = {path: content.decode() for path, content in generate(product).items()}
    readme = made["README.md"]
    for kind in product.event_types:
        assert f"value: '{kind.name}'" in made["nodes/shared/eventTypes.ts"]
        assert f"`{kind.name}`" in readme
    operations = "".join(text for path, text in made.items() if path.startswith("nodes/Wlcro/resources/"))
    for definition in (*product.actions, *product.searches):
        assert f"action: '{definition.title.split()[0]}" in operations
        assert f"| {definition.title} |" in readme
        for field in product.inputs(definition):
            assert field.is_parameter or f"property: '{field.name}'" in operations


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


def test_the_tools_are_those_that_the_package_is_tested_with():
    tested = json.loads((HERE / "tools" / "package.json").read_text())["dependencies"]
    assert {name: tested[name] for name in DEV_DEPENDENCIES} == DEV_DEPENDENCIES
