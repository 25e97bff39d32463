"""Resolves the references of a JSON Schema document: ``$ref`` to a pointer, to an anchor, or to the whole document.

Pure. Only references within the document are followed; nothing is fetched.
"""

from collections.abc import Iterator, Mapping
from typing import Final
from urllib.parse import unquote

from trunkline.schemas.catalog import Json

_MOST_NODES = 100_000
_DATA_KEYWORDS = frozenset({"const", "default", "enum", "examples"})


class _Unknown:
    __slots__ = ()


UNKNOWN: Final = _Unknown()
"""The result for a reference to another document, or to a place that this document does not have."""


class References:
    """Resolves the references of one document; its anchors are listed at the first reference to an anchor."""

    __slots__ = ("_anchors", "_root")

    def __init__(self, root: Json) -> None:
        self._root = root
        self._anchors: dict[str, Json] | None = None

    def resolve(self, reference: str) -> Json:
        """Return the subschema that *reference* points at; ``UNKNOWN`` if the document has none."""
        identifier = self._root.get("$id") if isinstance(self._root, Mapping) else None
        base, _, fragment = reference.partition("#")
        if base and base != identifier:
            return UNKNOWN
        if not fragment or fragment.startswith("/"):
            return _at_pointer(self._root, fragment)
        if self._anchors is None:
            self._anchors = dict(_anchors_in(self._root))
        return self._anchors.get(fragment, UNKNOWN)


def _at_pointer(node: Json, pointer: str) -> Json:
    for name in pointer.split("/")[1:]:
        key = unquote(name).replace("~1", "/").replace("~0", "~")
        if isinstance(node, Mapping):
            node = node.get(key, UNKNOWN)
        elif isinstance(node, list) and key.isascii() and key.isdigit() and int(key) < len(node):
            node = node[int(key)]
        else:
            return UNKNOWN
    return node


def _anchors_in(root: Json) -> Iterator[tuple[str, Json]]:
    waiting = [root]
    for _ in range(_MOST_NODES):
        if not waiting:
            return
        node = waiting.pop()
        if isinstance(node, Mapping):
            for keyword in ("$anchor", "$dynamicAnchor"):
                if isinstance(node.get(keyword), str):
                    yield node[keyword], node
            waiting += [value for keyword, value in node.items() if keyword not in _DATA_KEYWORDS]
        elif isinstance(node, list):
            waiting += node
