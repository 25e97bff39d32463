"""The pages of the site in the order of the navigation, each with the values for its template. Pure."""

import http
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files

from trunkline import Definition, EventType, Json
from trunkline.pages import Product, alternatives
from trunkline.routes import CALL_PREFIX, call_options
from trunkline_docs.fields import exact, rows_of
from trunkline_docs.problems import EXAMPLE, PROBLEMS
from trunkline_docs.requests import SECRET, TIMESTAMP, called, operating, polling, pushed, subscribing

_LANGUAGES = (
    ("Python", "python", "verify.py"),
    ("JavaScript", "javascript", "verify.js"),
    ("PHP", "php", "verify.php"),
    ("Ruby", "ruby", "verify.rb"),
    ("Go", "go", "verify.go"),
    ("Java", "java", "Verify.java"),
)
_FOLDERS = {"action": "actions", "search": "searches"}
_SECTIONS = {"action": "Actions", "search": "Searches"}
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z])")


@dataclass(frozen=True, slots=True)
class Snippet:
    """Verification code: the text of a file that the tests run."""

    title: str
    language: str
    file: str
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the site.

    *section* and *label* are the page's heading and entry in the navigation; *words* are the template's values.
    """

    path: str
    title: str
    summary: str
    section: str
    template: str
    label: str
    is_name: bool = False
    """Whether *label* is a name in the API."""
    words: Mapping[str, Json] = field(default_factory=dict[str, Json], repr=False)


def pages_of(product: Product) -> tuple[Page, ...]:
    """List the pages; the first is the index. Raises ValueError."""
    lookups = [_lookups_page(product)] if product.lookups else []
    keys = product.order_keys()
    title = f"{product.brand.title} events"
    words: dict[str, Json] = {
        "example": pushed(product.event_types[0]) if product.event_types else None,
        "subscribe": subscribing("*", api_url=product.api_url),
        "poll": polling("", api_url=product.api_url),
    }
    summary = f"Every event that {product.brand.title} sends, and every action and search that it offers."
    about_errors = "What each status of an answer means, and what to do about it."
    of_errors: dict[str, Json] = {"problems": PROBLEMS, "example": EXAMPLE}
    return (
        Page("index.html", title, summary, "Start here", "index", "Overview", words=words),
        _handbook_page(product, keys),
        _verify_page(product),
        Page("errors.html", "Errors", about_errors, "Start here", "errors", "Errors", words=of_errors),
        *(_event_page(product, entry, keys.get(entry.name)) for entry in product.event_types),
        *(_operation_page(product, entry) for entry in (*product.actions, *product.searches)),
        *lookups,
    )


def event_path(name: str) -> str:
    """Return the path of the page of the event type *name*."""
    return f"{name}.html"


def operation_path(definition: Definition) -> str:
    """Return the path of the page of an action or a search."""
    return f"{_FOLDERS[definition.kind]}/{definition.name}.html"


def schema_path(event_type: EventType) -> str:
    """Return the path of the JSON Schema of an event type's payload."""
    return f"schemas/{event_type.name}.json"


def request_path(event_type: EventType) -> str:
    """Return the path of the example request's exact body."""
    return f"requests/{event_type.name}.json"


def snippets() -> tuple[Snippet, ...]:
    """Read the verification code."""
    folder = files("trunkline_docs") / "snippets"
    return tuple(
        Snippet(title, language, file, (folder / file).read_text(encoding="utf-8"))
        for title, language, file in _LANGUAGES
    )


def _handbook_page(product: Product, keys: Mapping[str, str]) -> Page:
    common = Counter(keys.values()).most_common(1)
    ordering: Json = {"key": f"/payload/{common[0][0]}"} if common else "subscription"
    words: dict[str, Json] = {
        "calls": operating(api_url=product.api_url),
        "ordered": subscribing("*", api_url=product.api_url, ordering=ordering),
    }
    title, summary = "Receiver's handbook", "How to receive every event, and find out why one did not come."
    return Page("handbook.html", title, summary, "Start here", "handbook", title, words=words)


def _verify_page(product: Product) -> Page:
    first = next(iter(product.event_types), None)
    words: dict[str, Json] = {
        "snippets": snippets(),
        "secret": SECRET,
        "timestamp": TIMESTAMP,
        "event_type": first,
        "request": None if first is None else pushed(first),
        "request_path": None if first is None else request_path(first),
    }
    title, summary = (
        "Verify a webhook",
        "How to tell that a request comes from us, with code in six languages.",
    )
    return Page("verify.html", title, summary, "Start here", "verify", title, words=words)


def _event_page(product: Product, event_type: EventType, order_key: str | None) -> Page:
    sentences = _SENTENCE.split(event_type.description.strip())
    moments = [sentence for sentence in sentences if sentence.startswith("Sent ")]
    meaning = " ".join(sentence for sentence in sentences if sentence not in moments)
    example = exact(event_type.example_json) if event_type.example_json else None
    words: dict[str, Json] = {
        "event_type": event_type,
        "meaning": meaning,
        "moments": moments,
        "rows": rows_of(exact(event_type.schema_json), example=example),
        "request": pushed(event_type),
        "subscribe": subscribing(event_type.name, api_url=product.api_url),
        "poll": polling(event_type.name, api_url=product.api_url),
        "schema_path": schema_path(event_type),
        "request_path": request_path(event_type),
        "snippets": snippets(),
        "secret": SECRET,
        "timestamp": TIMESTAMP,
        "order_key": order_key,
        "related": product.related(event_type),
        "emitters": [action for action in product.actions if event_type.name in action.emits],
        "changes": event_type.changes,
    }
    path, title = event_path(event_type.name), event_type.title
    summary = meaning or event_type.description
    return Page(path, title, summary, "Events", "event", event_type.name, is_name=True, words=words)


def _operation_page(product: Product, definition: Definition) -> Page:
    emitted = {event_type.name: event_type for event_type in product.event_types}
    words = _operation_words(product, definition)
    words["emits"] = [emitted[name] for name in definition.emits if name in emitted]
    path, title, section = operation_path(definition), definition.title, _SECTIONS[definition.kind]
    return Page(path, title, definition.description, section, "operation", title, words=words)


def _lookups_page(product: Product) -> Page:
    words = {"lookups": [_operation_words(product, lookup) for lookup in product.lookups]}
    summary = "Lists of the values that other calls take as an id."
    return Page("lookups.html", "Lookups", summary, "Lookups", "lookups", "All lookups", words=words)


def _operation_words(product: Product, definition: Definition) -> dict[str, Json]:
    example = next(iter(definition.examples), None)
    statuses = set(map(int, call_options(definition)["responses"]))
    return {
        "definition": definition,
        "path": f"/api/v1{CALL_PREFIX}{definition.path}",
        "scope": "integrations:write" if definition.kind == "action" else "integrations:read",
        "parameters": rows_of(definition.parameters, example=example and example.parameters),
        "inputs": rows_of(definition.input, example=example and example.input),
        "outputs": rows_of(definition.output, example=example and example.output),
        "one_of": [" and ".join(names) for names in alternatives(definition)],
        "calls": [called(definition, example, api_url=product.api_url) for example in definition.examples],
        "problems": [problem for problem in PROBLEMS if problem.status in statuses],
        "success": http.HTTPStatus(definition.success_status),
    }
