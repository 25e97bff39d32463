"""What an app sends of a form, run by node without Zapier's core; and an awkward product, judged by the core."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from tests.plugins.awkward_product import PRODUCT as AWKWARD
from tests.programs import output_of

from trunkline.pages import Product
from trunkline_zapier.generator import generate

from .core import HERE, NODE, ZapierApp, start
from .test_generator import with_input

RUN = """
const { operation } = require(process.argv[1]);
const inputData = JSON.parse(process.argv[2]);
const answers = JSON.parse(process.argv[3]);
const sent = [];
const request = async (call) => (sent.push(call), { status: 200, data: answers.shift() });
operation
  .perform({ request, errors: {} }, { inputData })
  .then((result) => console.log(JSON.stringify({ sent, result })));
"""
DAY = {"type": "string", "format": "date"}


def write(product: Product, folder: Path) -> None:
    for path, content in generate(product).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)


@pytest.fixture
def run(tmp_path: Path) -> Any:
    """Run a create of a product with *inputs*; the hub answers with *answers*."""

    def run(product: Product, *answers: Any, **inputs: Any) -> Any:
        write(product, tmp_path)
        given = [tmp_path / "creates" / "create_order.js", json.dumps(inputs), json.dumps(answers)]
        return json.loads(output_of(NODE, "-e", RUN, *given))

    return run


def test_line_items_go_out_by_the_names_of_their_own_fields(product: Product, run: Any):
    line = {"type": "object", "properties": {"due": DAY, "qty": {"type": "integer"}}}
    grid = {"type": "array", "items": {"type": "array", "items": {"type": "integer"}}}
    lines = {"type": "array", "items": line}
    changed = with_input(product, due={"type": "string"}, lines=lines, grid=grid)
    filled = [{"lines__due": "2026-01-28T00:00:00Z", "qty": 2}]
    done = run(changed, {"order_id": 7}, due="2026-01-28T10:30:00Z", lines=filled, grid="[[1], [2]]")
    (sent,) = done["sent"]
    body = {"due": "2026-01-28T10:30:00Z", "lines": [{"due": "2026-01-28", "qty": 2}], "grid": [[1], [2]]}
    assert sent["body"] == body


def test_an_action_that_answers_nothing_says_that_it_was_done(product: Product, run: Any):
    (create, *_) = product.actions
    example = dataclasses.replace(create.examples[0], output={})
    silent = dataclasses.replace(create, output={"type": "object", "properties": {}}, examples=[example])
    changed = dataclasses.replace(product, actions=(silent,), searches=())
    assert run(changed, {}, note="Today")["result"] == {"success": True}


@pytest.mark.slow
def test_a_product_of_awkward_names_and_shapes_is_valid(install_node_packages: Any, tmp_path: Path):
    write(AWKWARD, tmp_path)
    process = start(tmp_path, packages=install_node_packages(HERE / "client"))
    assert ZapierApp(tmp_path, process).handle(command="validate") == []
    process.communicate(timeout=60)
