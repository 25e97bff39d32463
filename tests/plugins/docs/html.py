"""Reads pages strictly: every element must be closed, every id unique, and no attribute repeated."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"meta", "link", "img", "input", "br", "source", "wbr"}
LINKS = {"a": "href", "link": "href", "script": "src", "img": "src", "source": "srcset"}


@dataclass
class Read:
    """The parts of a page. *shape* has each element with the names of its attributes, in order."""

    shape: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    links: list[tuple[str, str]] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    headings: list[int] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    text: str = ""


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.read = Read()
        self.open: list[str] = []

    def handle_starttag(self, tag, attrs):
        names = [name for name, _ in attrs]
        attributes = dict(attrs)
        self.read.shape.append((tag, tuple(names)))
        if len(set(names)) < len(names):
            self.read.faults.append(f"<{tag}> repeats an attribute")
        if "id" in attributes:
            self.read.ids.append(attributes["id"])
        if LINKS.get(tag) in attributes:
            self.read.links.append((tag, attributes[LINKS[tag]]))
        if tag == "label":
            self.read.labels.append(attributes["for"])
        if tag == "img" and not attributes.get("alt"):
            self.read.faults.append("<img> without alt")
        if tag in {"h1", "h2", "h3", "h4"}:
            self.read.headings.append(int(tag[1]))
        if tag == "tr":
            self.read.rows.append([])
        if tag in {"td", "th"}:
            self.read.rows[-1].append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.read.faults.append(f"</{tag}> closes something else")

    def handle_data(self, data):
        self.read.text += data
        if {"td", "th"} & set(self.open):
            self.read.rows[-1][-1] += data


def read(page: bytes) -> Read:
    text = page.decode()
    reader = _Reader()
    reader.feed(text)
    reader.close()
    page = reader.read
    page.faults += [f"<{tag}> is never closed" for tag in reader.open]
    page.faults += [f"the id {name} twice" for name in set(page.ids) if page.ids.count(name) > 1]
    page.faults += [f"no field {name}" for name in page.labels if name not in page.ids]
    if not text.startswith("<!doctype html>"):
        page.faults.append("no doctype")
    for before, after in zip(page.headings, page.headings[1:], strict=False):
        if after > before + 1:
            page.faults.append(f"a heading of level {after} after one of level {before}")
    if page.headings.count(1) != 1:
        page.faults.append("not one h1")
    return page
