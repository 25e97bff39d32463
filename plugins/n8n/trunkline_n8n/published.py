"""What people's workflows refer to in a package that was published."""

import json
import re
from collections.abc import Iterator
from posixpath import dirname, join, normpath

from trunkline.pages import ReadFile

_IMPORT = re.compile(r"\bfrom '(\.[^']+)'")
_KEY = re.compile(r"\b(name|value): '([a-z*][\w.*]*)'")
_LISTS = "/lookups.ts"
"""The lists behind dropdowns belong to their forms: nobody's workflow refers to them."""


def keys(read: ReadFile) -> Iterator[str]:
    """List the nodes, the credentials, and the names and values of their parameters."""
    package = json.loads(read("package.json") or b"{}").get("n8n", {})
    built = [*package.get("nodes", ()), *package.get("credentials", ())]
    yield from built
    sources = dict(_sources(read, [re.sub(r"^dist/(.*)\.js$", r"\1.ts", path) for path in built]))
    for path in sorted(sources):
        if not path.endswith(_LISTS):
            yield from (f"{path}: {kind} {text}" for kind, text in _KEY.findall(sources[path]))


def _sources(read: ReadFile, paths: list[str]) -> Iterator[tuple[str, str]]:
    """Give the modules at *paths* and what they import; one that is left over from an earlier export is not among them."""
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
