"""Writes the page about ``trunkline.testing`` from its code: a line for each fixture, suite, far side and other name."""

import inspect
from collections.abc import Iterator
from typing import Any

import public_api
import values

from trunkline import testing
from trunkline_kit import fixtures

GROUPS = (
    (
        "Suites",
        "Subclass one, and name the plugin that it judges. Each has the attributes of `Suite` too.",
        "Conformance",
    ),
    (
        "Far sides",
        "The receiving end of a channel, whose behaviour the kit sets. Each has the attributes of `FarSide` too.",
        "Side",
    ),
)
INTRODUCTION = (
    "What `trunkline.testing` has for the tests of a plugin. [Test a plugin](../how-to/test-a-plugin.md) shows it at work, "
    "[Checks](checks.md) lists what the suites ask. A line ends with the fields, arguments and methods of its name; `python -m pydoc trunkline.testing.NAME` has their types, and examples."
)


def blocks(table: Any) -> Iterator[str]:
    """Write the page; *table* writes a table of columns and rows."""
    yield INTRODUCTION
    yield "## Fixtures"
    yield "The pytest plugin of `trunkline-kit` brings them; import nothing."
    yield table(["fixture", "what it does"], _fixtures())
    left = public_api.exported(testing)
    for title, text, ending in GROUPS:
        chosen = [name for name in left if name.endswith(ending)]
        yield f"## {title}"
        yield text
        yield values.listed({name: left.pop(name) for name in chosen})
    yield "## The rest"
    yield values.listed(left)


def _fixtures() -> Iterator[tuple[str, str]]:
    for name, value in sorted(vars(fixtures).items()):
        function = getattr(value, "__wrapped__", None) or getattr(value, "_fixture_function", None)
        if name.startswith("trunkline_") and function is not None:
            yield f"`{name}`", values.markdown(inspect.getdoc(function) or "").partition("\n\n")[0]
