"""What people's Zaps refer to in an app that was published."""

import re
from collections.abc import Iterator

from trunkline.pages import ReadFile

_MODULE = re.compile(r"require\('\./((?:triggers|creates|searches)/\w+)'\)")
_KEY = re.compile(r"\bkey: '(\w+)'")


def keys(read: ReadFile) -> Iterator[str]:
    """List the keys of triggers, creates and searches, and of their fields, as ``index.js`` has them."""
    for module in _MODULE.findall(_text(read, "index.js")):
        yield from (f"{module}.js: {key}" for key in _KEY.findall(_text(read, f"{module}.js")))


def _text(read: ReadFile, path: str) -> str:
    return (read(path) or b"").decode()
