"""The action node of a generated package, built by n8n's tool and run on the real ``n8n-workflow`` (``runtime.js``)."""

import contextlib
import json
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.plugins.npm import node_environment

from trunkline.pages import Product
from trunkline_n8n.generator import generate

Run = Callable[..., dict[str, Any]]
"""Run the node once, with the parameters of each item, and with *answers* as the hub's answers."""


@contextlib.contextmanager
def action_node(product: Product, name: str, *, tools: Any, folder: Path) -> Iterator[Run]:
    package = tools.write(generate(product), folder / f"n8n-nodes-{product.brand.slug}")
    tools.build(package)
    process = subprocess.Popen(
        ["node", Path(__file__).with_name("runtime.js"), package, name],
        env=node_environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )

    def run(*items: Mapping[str, Any], answers: Any = (), **more: Any) -> dict[str, Any]:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps({"items": items, "answers": answers} | more) + "\n")
        process.stdin.flush()
        outcome: dict[str, Any] = json.loads(process.stdout.readline())
        return outcome

    yield run
    process.communicate(timeout=60)
