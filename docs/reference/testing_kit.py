"""Writes the page about ``trunkline.testing`` from its code: each class with what a suite sets and what it may call."""

import inspect
import textwrap
from collections.abc import Iterator
from typing import Any

import public_api
import values

from trunkline import testing
from trunkline.testing import fixtures

GROUPS = (
    ("Suites", "Subclass one, and say which plugin it judges.", "Conformance"),
    (
        "Far sides",
        "Where what a channel sends arrives: how the kit sees it, refuses it, hangs and goes away.",
        "Side",
    ),
)
INTRODUCTION = (
    "What `trunkline.testing` has for the tests of a plugin. [Test a plugin](../how-to/test-a-plugin.md) shows it at work, "
    "[Checks](checks.md) lists what the suites ask."
)


def blocks(table: Any) -> Iterator[str]:
    """Write the page; *table* writes a table of columns and rows."""
    yield INTRODUCTION
    yield "## Fixtures"
    yield "They come with the pytest plugin that `trunkline[testing]` brings; nothing need be imported."
    for name, text in _fixtures():
        yield f"### {name}"
        yield values.markdown(text)
    left = public_api.exported(testing)
    for title, text, ending in GROUPS:
        chosen = [name for name in left if name.endswith(ending)]
        yield f"## {title}"
        yield text
        yield from _sections({name: left.pop(name) for name in chosen}, table)
    yield "## The rest"
    yield from _sections(left, table)


def _fixtures() -> Iterator[tuple[str, str]]:
    for name, value in sorted(vars(fixtures).items()):
        function = getattr(value, "__wrapped__", None) or getattr(value, "_fixture_function", None)
        if name.startswith("trunkline_") and function is not None:
            yield name, inspect.getdoc(function) or ""


def _sections(names: dict[str, Any], table: Any) -> Iterator[str]:
    for name, value in sorted(names.items(), key=lambda item: item[0].lower()):
        yield f"### {name}"
        if public_api.kind_of(value) in {"class", "value"}:
            yield from _class(value)
        else:
            yield from values.described(name, value, table)


def _class(cls: type) -> Iterator[str]:
    yield _prose(cls)
    facts = public_api.describe(cls)
    declared = facts["fields" if facts["kind"] == "value" else "attributes"]
    if declared:
        yield values.declaration(cls, {name: _with_default(cls, name, one) for name, one in declared.items()})
    yield from values.methods(cls, facts["methods"])


def _prose(cls: type) -> str:
    """Give a docstring as Markdown, its example fenced."""
    text, marker, example = (inspect.getdoc(cls) or "").partition("::\n\n")
    code = textwrap.dedent(example).strip()
    fenced = f"\n\n```python\n{code}\n```" if marker else ""
    return values.markdown(text.strip()) + fenced


def _with_default(cls: type, name: str, facts: dict[str, Any]) -> dict[str, Any]:
    value = inspect.getattr_static(cls, name, None)
    if "default" in facts or value is None or hasattr(value, "__get__"):
        return facts
    return facts | {"default": public_api.plain(value)}
