"""The parts of a published package that workflows refer to, and its required fields."""

import json
import re
from collections.abc import Iterator
from posixpath import dirname, join, normpath, splitext

from trunkline.pages import ReadFile

_IMPORT = re.compile(r"\bfrom '(\.[^']+)'")
_KEY = re.compile(r"\b(name|value): '([a-z*][\w.*]*)'")
_RULE = re.compile(
    r"""\bparameter: '(\w+)',\s+title:\s+(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"),\s+kind: '(\w+)',([^{}\[\]]*)"""
)
_COLLECTION = re.compile(r"^\s*collection: '(\w+)'", re.MULTILINE)
_REQUIRED = re.compile(r"^\s*required: true", re.MULTILINE)
_LISTS = "/lookups.ts"
"""The file with the lists of dropdowns. It is left out, because no workflow refers to these lists."""


def keys(read: ReadFile) -> Iterator[str]:
    """List the nodes, the credentials, the names and values of their parameters, and the rules that read values."""
    yield from _built(read)
    for path, source in _modules(read):
        if not path.endswith(_LISTS):
            yield from (f"{path}: {kind} {text}" for kind, text in _KEY.findall(source))
        for parameter, kind, rest in _RULE.findall(source):
            place = "".join(f"{name}." for name in _COLLECTION.findall(rest))
            yield f"{path}: takes {place}{parameter} as {kind}"


def demands(read: ReadFile) -> Iterator[tuple[str, str]]:
    """Yield the required fields, each with the parameter value that selects its operation."""
    for path, source in _modules(read):
        operation = f"{dirname(path)}/index.ts: value {splitext(path)[0].rpartition('/')[2]}"
        for parameter, _, rest in _RULE.findall(source):
            if _REQUIRED.search(rest):
                yield operation, parameter


def _built(read: ReadFile) -> list[str]:
    package = json.loads(read("package.json") or b"{}").get("n8n", {})
    return [*package.get("nodes", ()), *package.get("credentials", ())]


def _modules(read: ReadFile) -> list[tuple[str, str]]:
    """Return the modules of the package, with their source, in the order of their paths."""
    return sorted(_sources(read, [re.sub(r"^dist/(.*)\.js$", r"\1.ts", path) for path in _built(read)]))


def _sources(read: ReadFile, paths: list[str]) -> Iterator[tuple[str, str]]:
    """Yield the modules at *paths* and the modules that they import; leftovers of an earlier export are left out."""
    known: set[str] = set()
    while paths:
        path = paths.pop()
        content = read(path)
        if content is None or path in known:
            continue
        known.add(path)
        source = content.decode()
        yield path, source
        for imported in _IMPORT.findall(source):
            module = normpath(join(dirname(path), imported))
            paths += [f"{module}.ts", f"{module}/index.ts"]
