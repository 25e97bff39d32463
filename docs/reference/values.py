"""Writes the part of the reference that describes each value, protocol, error and function of ``trunkline``.

All of it comes from the code: docstrings, fields with their types and defaults, and the text under a field.
"""

import ast
import inspect
import itertools
import re
import subprocess
import sys
import textwrap
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from typing import Any

import public_api
from pydantic import BaseModel

import trunkline
from trunkline import contract, pages, routes, testing

KINDS: Sequence[tuple[str, str, str]] = (
    ("given", "What a plugin gives", "Frozen values that hooks, and functions of the plugin's, return."),
    (
        "received",
        "What a plugin gets",
        "Frozen values that the hub makes. Minor versions add fields, so make them in tests only.",
    ),
    (
        "protocol",
        "What a plugin calls",
        "Protocols that the hub implements. Minor versions add methods.",
    ),
    ("enum", "Enumerations", "Each is a `str`."),
    (
        "error",
        "Errors",
        "A plugin may raise `Refused` and its subclasses while a caller waits: the answer has their status. A "
        "`SettingsInvalid` (of `trunkline.routes`) that it raises while the hub starts ends the start, with its sentence.",
    ),
    ("function", "Functions", "For routes and channels that behave like the built-in ones."),
    (
        "model",
        "Models",
        "Bodies and queries of built-in routes, whose fields `/openapi.json` has, for routes that answer as they do.",
    ),
    ("other", "Types and constants", "For annotations and for limits."),
)


WHOLE = frozenset({"given", "received"})
"""The sections of hooks that show each name with its declaration; all others have a line for each name."""

BASES = (testing.Suite, testing.FarSide)
"""Classes whose attributes stand on their own line only, not on those of their subclasses."""

MODULES = {"hooks.md": trunkline, "pages.md": pages, "routes.md": routes}
"""Whose names each page has; that of routes has those, too, that only stand in the annotations of others."""


def names(page: str) -> dict[str, Any]:
    """Give every name that a page of the reference describes."""
    own = public_api.exported(MODULES[page])
    return own if page != "routes.md" else own | hidden_names()


def hidden_names() -> dict[str, Any]:
    """Give the names that only stand in annotations of public ones."""
    public = {
        name: value for module in MODULES.values() for name, value in public_api.exported(module).items()
    }
    known = list(public.values())
    return {
        name if name not in public else f"capabilities.{name}": value
        for name, value in public_api.exported(contract).items()
        if value not in known
    }


def section_of(value: Any, given_types: frozenset[type]) -> str:
    """Tell in which section a value stands."""
    kind = public_api.kind_of(value)
    if kind == "value":
        return "given" if value in given_types else "received"
    if kind in {"protocol", "enum", "error", "function", "model"}:
        return kind
    return "other"


def blocks(page: str, table: Any) -> Iterator[str]:
    """Write the sections ``WHOLE`` of a page, name by name; *table* writes a table of columns and rows."""
    given_types = public_api.given_types()
    public_names = names(page)
    for section, title, text in KINDS:
        if section not in WHOLE:
            continue
        chosen = [
            (name, value)
            for name, value in sorted(public_names.items(), key=lambda item: item[0].lower())
            if section_of(value, given_types) == section
        ]
        if chosen:
            yield f"## {title}"
            yield text
        for name, value in chosen:
            yield f"### {name}"
            yield from described(name, value, table)


def overview(page: str, *, left_out: Container[str] = ()) -> Iterator[str]:
    """Write what a page has as lists with a line for each name."""
    given_types = public_api.given_types()
    for section, title, text in KINDS:
        if section in left_out:
            continue
        chosen = {
            name: value for name, value in names(page).items() if section_of(value, given_types) == section
        }
        if chosen:
            yield f"## {title}"
            yield text
            yield listed(chosen)


def listed(named: Mapping[str, Any]) -> str:
    """Write a line for each name: its first sentence, then its fields, arguments and methods."""
    return "\n".join(
        _line(name, value) for name, value in sorted(named.items(), key=lambda item: item[0].lower())
    )


def _line(name: str, value: Any) -> str:
    said = first_sentence(name, value)
    if public_api.kind_of(value) == "function":
        arguments = public_api.describe(value)["arguments"]
        by_name = [argument for argument, facts in arguments.items() if facts.get("keyword_only")]
        by_place = [argument for argument in arguments if argument not in by_name]
        return f"- `{name}({', '.join([*by_place, *(['*', *by_name] if by_name else [])])})`: {said}"
    return f"- `{name}`: {said} {', '.join(f'`{member}`' for member in members(value))}".rstrip()


def members(value: Any) -> list[str]:
    """Name what a value is made of: fields or arguments, and what may be called of it.

    OpenAPI has the fields of models, and the line of each of ``BASES`` its attributes.
    """
    if public_api.kind_of(value) == "model":
        return []
    facts = public_api.describe(value)
    called = [name if "property" in one else f"{name}()" for name, one in facts.get("methods", {}).items()]
    own = next((facts[key] for key in ("fields", "attributes", "arguments", "members") if facts.get(key)), {})
    inherited = {
        name
        for base in BASES
        if base in getattr(value, "__mro__", ())[1:]
        for name, _ in public_api.attributes(base)
    }
    return [*(name for name in own if name not in inherited), *called]


def first_sentence(name: str, value: Any) -> str:
    """Give the first sentence that the code says of a name; the value of a constant of which it says nothing."""
    documented = markdown(inspect.getdoc(value) or "")
    if public_api.kind_of(value) in {"type", "constant"}:
        documented = text_under(name.rpartition(".")[2]) or f"The constant `{public_api.plain(value)}`."
    paragraph = " ".join(documented.partition("\n\n")[0].split())
    return re.split(r"(?<=\w[.]) (?=[A-Z`])", paragraph)[0]


def described(name: str, value: Any, table: Any) -> Iterator[str]:
    """Write the section of one name."""
    facts = public_api.describe(value)
    match facts["kind"]:
        case "value" | "model":
            yield prose(value)
            if facts["fields"]:
                yield declaration(value, facts["fields"])
            yield from methods(value, facts["methods"])
        case "protocol":
            yield prose(value)
            yield from methods(value, facts["methods"])
        case "enum":
            yield prose(value)
            yield table(
                ["name", "value"],
                [(f"`{member}`", f"`{text}`") for member, text in facts["members"].items()],
            )
        case "error":
            yield from _error(value, facts)
        case "function":
            yield f"```python\n{signature(name, facts)}\n```"
            yield prose(value)
        case _:
            yield from _other(name, value, facts)


def _error(value: type, described: Mapping[str, Any]) -> Iterator[str]:
    status = described["constants"].get("status")
    answered = f" Answered with {status}." if status else ""
    yield f"A `{described['bases'][0]}`.{answered}"
    yield prose(value)
    if described["arguments"]:
        yield f"```python\n{signature(value.__name__, described)}\n```".replace("def ", "")


def _other(name: str, value: Any, described: Mapping[str, Any]) -> Iterator[str]:
    if described["kind"] in {"type", "constant"}:
        text = described["type"] if described["kind"] == "type" else _constant(name, value)
        line = wrapped(f"{name.rpartition('.')[2]} = {text}")
        yield f"```python\n{line}\n```"
        yield text_under(name.rpartition(".")[2])
    elif described["kind"] == "decorator":
        yield "Marks a function as the implementation of the hook that has its name (`specname=` names another)."
    else:
        yield prose(value)


def _constant(name: str, value: object) -> str:
    return '"…"' if name == "__version__" else public_api.quoted(value)


def wrapped(line: str) -> str:
    """Break an assignment that is too long as the formatter does."""
    if len(line) <= 110:
        return line
    start, inner, end = re.fullmatch(r"(.*?[\[(])(.*)([\])])", line).groups()  # type: ignore[union-attr]
    if end == "]":
        return f"{start}\n    {inner}\n{end}"
    return "\n".join([start, *(f"    {part}," for part in inner.split(", ")), end])


def declaration(cls: type, fields: Mapping[str, Any]) -> str:
    """Write the fields of a class as it declares them, each below what the code says of it alone."""
    texts = public_api.texts_under_fields(cls)
    hints = cls.model_fields if issubclass(cls, BaseModel) else {}
    lines = [f"class {cls.__name__}:"]
    for name, field in fields.items():
        text = texts.get(name) or getattr(hints.get(name), "description", None) or ""
        lines += textwrap.wrap(text, 110, initial_indent="    # ", subsequent_indent="    # ")
        default = f" = {field['default']}" if "default" in field else ""
        lines.append(f"    {name}: {field['type']}{default}")
    code = "\n".join(lines)
    if max(map(len, lines)) > 110:
        command = [sys.executable, "-m", "ruff", "format", "--line-length=110", "-"]
        code = subprocess.run(command, input=code, capture_output=True, text=True, check=True).stdout.strip()  # noqa: S603 - our own words
    return f"```python\n{code}\n```"


def methods(cls: type, described: Mapping[str, Any]) -> Iterator[str]:
    """Write what may be called of a class."""
    for name, method in described.items():
        member = inspect.getattr_static(cls, name)
        if "property" in method:
            yield f"```python\n{name}: {method['property']}\n```"
            yield prose(member)
        else:
            yield f"```python\n{signature(name, method)}\n```"
            yield prose(getattr(cls, name))


def signature(name: str, described: Mapping[str, Any]) -> str:
    """Write the ``def`` line of a function, over several lines where it is long."""
    parameters: list[str] = []
    keyword_only = False
    for argument, facts in described["arguments"].items():
        if facts.get("keyword_only") and not keyword_only:
            keyword_only = True
            parameters.append("*")
        kind = f": {facts['type']}" if facts["type"] else ""
        parameters.append(f"{argument}{kind}" + (f" = {facts['default']}" if "default" in facts else ""))
    word = "async def" if described.get("async") else "def"
    returns = f" -> {described['returns']}" if described.get("returns") else ""
    line = f"{word} {name}({', '.join(parameters)}){returns}"
    if len(line) <= 100:
        return line
    inner = "".join(f"    {parameter},\n" for parameter in parameters)
    return f"{word} {name}(\n{inner}){returns}"


def prose(documented: object) -> str:
    """Give a docstring as Markdown, its list of errors as a list."""
    text = inspect.getdoc(documented) or ""
    body, heading, errors = text.partition("Raises:\n")
    if not heading:
        return markdown(text)
    lines = re.sub(r"\n\s{8,}", " ", errors)  # an error's text may go on in the next line
    listed = [line.strip().partition(": ") for line in lines.splitlines() if line.strip()]
    items = [f"- `{name}`: {meaning}" if meaning else f"- `{name}`" for name, _, meaning in listed]
    return "\n\n".join(filter(None, [markdown(body.strip()), "Raises:\n\n" + markdown("\n".join(items))]))


def markdown(text: str) -> str:
    """Put code and the names of fields into back ticks."""
    return re.sub(r"(?<![\w*])\*(\w+)\*(?![\w*])", r"`\1`", text.replace("``", "`"))


def text_under(name: str) -> str:
    """Read the string that stands under the assignment to *name* in any module of ours."""
    for module in list(sys.modules.values()):
        if module.__name__.startswith(("trunkline.", "trunkline_kit.")) and getattr(module, "__file__", None):
            for text in _texts_under(module, name):
                return markdown(text)
    return ""


def _texts_under(module: Any, name: str) -> Iterable[str]:
    if name not in vars(module):
        return
    body = ast.parse(inspect.getsource(module)).body
    for line, below in itertools.pairwise(body):
        target = line.targets[0] if isinstance(line, ast.Assign) else getattr(line, "target", None)
        if isinstance(target, ast.Name) and target.id == name and isinstance(below, ast.Expr):
            text = getattr(below.value, "value", None)
            if isinstance(text, str):
                yield " ".join(text.split())
