"""The parts of a published app that Zaps refer to, and its required fields."""

import re
from collections.abc import Iterator

from msgspec import Struct

from trunkline.pages import ReadFile

_MODULE = re.compile(r"require\('\./((?:triggers|creates|searches)/\w+)'\)")
_STRING = r"""('(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*")"""
_MARK = re.compile(rf"\bkey:\s+{_STRING}|\b(inputFields|outputFields): \[|\b(sample): \{{")
_TYPE = re.compile(r"(?:^\s*|, )type: '(\w+)'", re.MULTILINE)
_FLAG = re.compile(r"(?:^\s*|, )(list|required): true", re.MULTILINE)
_ALIKE = {"text": "string", "integer": "number"}
_USES = {"inputFields": "takes", "outputFields": "gives"}


class _Entry(Struct, frozen=True):
    """An object with a key: a trigger, a create, a search, or a field in the list *part*."""

    part: str
    key: str
    kind: str
    is_required: bool


def keys(read: ReadFile) -> Iterator[str]:
    """List the keys of triggers, creates and searches, and of their fields with their types, as ``index.js`` has them."""
    for module, entries in _modules(read):
        for entry in entries:
            yield f"{module}: {entry.key}"
            if use := _USES.get(entry.part):
                yield f"{module}: {use} {entry.key} as {entry.kind}"


def demands(read: ReadFile) -> Iterator[tuple[str, str]]:
    """List the required fields, each with the key of the trigger, create or search."""
    for module, (owner, *fields) in _modules(read):
        for entry in fields:
            if entry.is_required:
                yield f"{module}: {owner.key}", entry.key


def _modules(read: ReadFile) -> Iterator[tuple[str, list[_Entry]]]:
    for module in _MODULE.findall(_text(read, "index.js")):
        if entries := list(_entries(_text(read, f"{module}.js"))):
            yield f"{module}.js", entries


def _entries(text: str) -> Iterator[_Entry]:
    """Yield the objects that have a key; samples are skipped, because they may contain anything."""
    marks = list(_MARK.finditer(text))
    ends = [mark.start() for mark in marks[1:]] + [len(text)]
    part = ""
    for mark, end in zip(marks, ends, strict=True):
        key = mark[1] and mark[1][1:-1]
        if key is None:
            part = mark[2] or mark[3]
        elif part != "sample":
            rest = text[mark.end() : end]
            flags, typed = _FLAG.findall(rest), _TYPE.search(rest)
            kind = _ALIKE.get(typed[1], typed[1]) if typed else "line items"
            yield _Entry(part, key, f"list of {kind}" if "list" in flags else kind, "required" in flags)


def _text(read: ReadFile, path: str) -> str:
    return (read(path) or b"").decode()
