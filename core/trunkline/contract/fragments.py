"""HTML fragments of plugins: checks that a fragment is well-formed and cannot close elements of the page around it."""

from html.parser import HTMLParser

from trunkline.errors import TrunklineError

VOID = frozenset(
    ["area", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr"]
)
OPTIONAL_END = frozenset(
    ["p", "li", "dt", "dd", "option", "optgroup", "tr", "td", "th", "thead", "tbody", "tfoot", "colgroup"]
)
"""Elements whose end tag may be left out in HTML."""
_OF_DOCUMENT = frozenset(["html", "head", "body", "base", "meta", "link", "title", "main"])
_FOREIGN = frozenset(
    ["script", "style", "iframe", "frame", "frameset", "object", "embed", "noscript", "template"]
)
REFUSED = _OF_DOCUMENT | _FOREIGN | {"plaintext", "xmp"}


class FragmentInvalid(TrunklineError):
    """A fragment cannot be shown; the message completes "its HTML …"."""


def check_fragment(html: str) -> None:
    """Check the fragment *html*. Raises FragmentInvalid."""
    reader = _Reader()
    reader.feed(html)
    if "<" in reader.rawdata:  # the rest is an incomplete tag or comment
        msg = "ends within a tag or a comment"
        raise FragmentInvalid(msg)
    reader.close()
    if left := [tag for tag in reader.open if tag not in OPTIONAL_END]:
        msg = f"does not end <{left[-1]}>"
        raise FragmentInvalid(msg)


class _Reader(HTMLParser):
    """Keeps a list of the open elements."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del attrs
        if tag in REFUSED:
            msg = f"has <{tag}> in it, which no page of a plugin may have"
            raise FragmentInvalid(msg)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID and ("svg" in self.open or "math" in self.open):
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open[-1] != tag and self.open[-1] in OPTIONAL_END:
            self.open.pop()
        if tag in VOID:
            return
        if not self.open or self.open.pop() != tag:
            msg = f"ends <{tag}> where it is not open"
            raise FragmentInvalid(msg)
