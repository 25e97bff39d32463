"""Writes the part of the reference that describes each value, protocol, error and function of ``trunkline``.

The fields, types and defaults come from the code, and so does what they mean, as far as the code says it: a text under the
field, a sentence of its class, what its type is. ``WORDS`` says the rest.
"""

import ast
import inspect
import itertools
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, get_args

import public_api
from pydantic import BaseModel
from pydantic.fields import FieldInfo

import trunkline
from trunkline import contract, old_names, pages, routes

WORDS: Mapping[str, str] = {
    "Answered.status": "The HTTP status.",
    "Brand.slug": "Begins every generated name.",
    "Brand.version": "The version of what is generated.",
    "Bucket.events": "How many were accepted.",
    "Call.definition": "What is called.",
    "Caster.cast": "Turns a payload into one of the other version; pure.",
    "Caster.event_type": "The name of the event type.",
    "Caster.from_version": "The version that it takes.",
    "Caster.to_version": "The version that it gives: one more, or one less.",
    "Channel.check_target": "Says in a sentence why a target cannot be, or None.",
    "Channel.deliver": "Makes one attempt; None for a channel that is pulled.",
    "Channel.schemes": "The schemes of the URLs that it takes as targets, in lower case.",
    "Definition.description": "What it does, for people.",
    "Deliveries.deliveries": "Newest event first.",
    "EmittedEvent.payload": "What the event says; valid by its type's schema.",
    "EventType.schema": "JSON Schema (draft 2020-12) of the payload, with at least one valid example.",
    "Field.default": "What stands in the form at first.",
    "Field.example": "One value that it may have.",
    "HttpResponse.status": "The HTTP status.",
    "ItemList.items": "The field of the answer that holds the list.",
    "ItemList.label": "The field of an item that people read.",
    "ItemList.value": "The field of an item that is sent.",
    "Operation.name": "Which one: what the schemas define, or the plugin's own.",
    "Operation.run": "Carries out a call.",
    "Operation.uses_database": "Whether a call gets a connection, and all of it is one transaction.",
    "Migrations.location": "A folder of alembic revisions, `package:folder`.",
    "PortalContent.html": "The fragment of HTML.",
    "PortalPage.render": "Writes the page; what fails, or takes longer than 5 seconds, shows an error in its place.",
    "Principal.name": "The key's name.",
    "ReplayCount.matched": "How many deliveries the replay would make.",
    "ReplayView.delivered": "How many deliveries have succeeded.",
    "ReplayView.status": "`running`, `done` or `cancelled`.",
    "Routes.base": "Where: `/api/v1`, `/schemas`, `/docs` or `/portal`.",
    "Routes.prefix": "What stands between the base and the routes' own paths; empty or `/path`.",
    "Routes.router": "FastAPI's router, with the routes.",
    "Field.reference": "Where its values are chosen from; None where they are not.",
    "FinishedAttempt.result": "What it brought.",
    "Reference.lookup": "The lookup.",
    "ShownEvent.event": "The event.",
    "accepted_ms": "When it was accepted, in Unix ms.",
    "actions": "What can be written.",
    "author": "Who publishes the connector.",
    "bodies": "The envelopes, as they are sent: JSON.",
    "body": "The envelope, as it is sent: JSON.",
    "brand": "How the product shows itself.",
    "channel": "The name of the channel.",
    "clock": "Where to take the time from.",
    "companyId": "The company whose event it is.",
    "company_id": "The company.",
    "count": "How many there are.",
    "created_utc": "When it was made.",
    "database": "For tables of the plugin's own.",
    "deadline_seconds": "How long it may take.",
    "definition": "The definition that the plugin brings; None where the schemas define it.",
    "delivered": "How many have been delivered.",
    "delivery_id": "The id of the delivery.",
    "deprecated": "Whether new subscriptions are advised against it.",
    "description": "A sentence for people.",
    "disabled_reason": "Why it was disabled; null while it is not.",
    "disabled_utc": "When it was disabled; null while it is not.",
    "duration_ms": "How long it took.",
    "email": "Where users get help.",
    "event_id": "The id of the event.",
    "event_type": "The name of the event type.",
    "event_types": "Names of event types.",
    "events": "The events.",
    "examples": "Calls with their answers; at least one.",
    "failing_since_ms": "Since when it fails, in Unix ms; None while it does not.",
    "failures": "Attempts that failed in a row.",
    "filter": "Which events it takes; null for all of its types.",
    "from_version": "The version it takes.",
    "generate": "Makes the files.",
    "headers": "Headers, by their names.",
    "homepage": "The product's website.",
    "keys_url": "The page on which people make their API keys; empty where that is found from `homepage`.",
    "id": "The id.",
    "input": "What is sent.",
    "invalid": "How many still break their schema.",
    "is_email": "Whether it is an e-mail address.",
    "is_long": "Whether it may be longer than a line.",
    "is_nullable": "Whether it may be null.",
    "noun": "What it is done to, such as `lead status`.",
    "verb": "What is done, such as `update`.",
    "is_required": "Whether it must be there.",
    "item_kind": "What a list's items are.",
    "key_id": "The id of the key.",
    "kind": "Of what kind it is.",
    "last_ms": "When the newest delivery was last touched, in Unix ms.",
    "last_status": "How the newest delivery stands.",
    "limit": "How many at most.",
    "log": "The plugin's logger, `trunkline.plugins.NAME`.",
    "lookups": "Lists to choose from.",
    "matched": "How many matched.",
    "message": "What is wrong, as the end of a sentence.",
    "metadata": "What the sender noted beside the payload.",
    "method": "The HTTP method.",
    "more": "Whether there are more already.",
    "name": "The name; unique among its kind.",
    "next_cursor": "Goes on after the last item; null where there are no more.",
    "number": "Which attempt it is, from 1.",
    "outcome": "How the attempt ended.",
    "output": "What is answered.",
    "parameters": "The parameters of the path.",
    "position": "The event's place in the log, which is its id.",
    "Held.name": "The channel's own name for it.",
    "Held.notes": "The notes of its terms.",
    "has_lapsed": "Whether its time is over, or its target has ended it: renewing makes it anew.",
    "holder": "Whose it is, in the channel's words.",
    "is_new": "Whether it was made.",
    "principal": "Who asks.",
    "received_ms": "When it came in, in Unix ms.",
    "released": "How many were released.",
    "replay_id": "The id of the replay.",
    "repository": "Where the generated code is published.",
    "run": "Carries out a call.",
    "scopes": "What the key may do.",
    "searches": "What can be looked up by key.",
    "signature": "The scheme of the signature: `standard`, `github`, `stripe` or `ed25519`.",
    "start_ms": "When the span begins, in Unix ms.",
    "status": "How it stands.",
    "status_code": "The HTTP status; None where there was no answer over HTTP.",
    "subscription_id": "The id of the subscription.",
    "subscriptions": "The subscriptions, oldest first.",
    "success_status": "The HTTP status of a success.",
    "target": "Where it goes.",
    "target_url": "Where events go.",
    "title": "The name that people read.",
    "to_version": "The version it gives.",
    "type": "The name of the event type.",
    "until_ms": "When the span ends, in Unix ms.",
    "updated_ms": "When it was last changed, in Unix ms.",
    "url": "Where it is; for a channel that takes other schemes, one of those.",
    "uses_database": "Whether a call gets a connection to the hub's database.",
    "version": "The current version.",
}
"""Meanings of fields that the code leaves to their names; by class and field where that says it better than the class."""

KINDS: Sequence[tuple[str, str, str]] = (
    ("given", "What a plugin gives", "Frozen values that hooks, and functions of the plugin's, return."),
    (
        "received",
        "What a plugin gets",
        "Frozen values that the hub makes. They get new fields in minor versions, so make none yourself but in tests.",
    ),
    (
        "protocol",
        "What a plugin calls",
        "Protocols: the hub implements them, in ways that are nobody's business. They get new methods in minor versions.",
    ),
    ("enum", "Enumerations", "Each is a `str`."),
    (
        "error",
        "Errors",
        "A plugin may raise those that `Refused` is the root of wherever a caller waits: the answer has the status.",
    ),
    ("function", "Functions", "For routes and channels that behave like the built-in ones."),
    (
        "model",
        "Models",
        "Bodies and queries, for routes of the plugin's own that answer what built-in ones do.",
    ),
    ("other", "Types and constants", "For annotations, and for what should not be written twice."),
)


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
        if value not in known and name not in old_names.REPLACED
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
    """Write what a page has, section by section; *table* writes a table of columns and rows."""
    given_types = public_api.given_types()
    public_names = names(page)
    for section, title, text in KINDS:
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


def described(name: str, value: Any, table: Any) -> Iterator[str]:
    """Write the section of one name."""
    facts = public_api.describe(value)
    match facts["kind"]:
        case "value" | "model":
            yield prose(value)
            yield table(["field", "type", "default", "meaning"], field_rows(value, facts["fields"]))
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
            yield f"```python\n{signature(name, facts)}: ...\n```"
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


def field_rows(cls: type, fields: Mapping[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    """Give the rows of a table of fields."""
    meanings = public_api.meanings(cls)
    hints = cls.model_fields if issubclass(cls, BaseModel) else {}
    for name, field in fields.items():
        text = (
            WORDS.get(f"{cls.__name__}.{name}")
            or meanings.get(name)
            or getattr(hints.get(name), "description", None)
            or of_type(cls, name)
            or WORDS.get(name)
            or description_within(hints[name])
        )
        default = f"`{field['default']}`" if "default" in field else "–"
        yield f"`{name}`", f"`{field['type']}`", default, markdown(sentence(text))


def description_within(field: FieldInfo) -> str:
    """Give what is said of the type that an optional field has where it is not None."""
    annotated = [part for hint in get_args(field.annotation) for part in getattr(hint, "__metadata__", ())]
    return next(part.description for part in annotated if isinstance(part, FieldInfo) and part.description)


def of_type(cls: type, name: str) -> str | None:
    """Give what the type of a field is, where it is a protocol of ours: the field is one."""
    annotation = getattr(cls, "__annotations__", {}).get(name)
    return first_line(annotation) if public_api.kind_of(annotation) == "protocol" else None


def methods(cls: type, described: Mapping[str, Any]) -> Iterator[str]:
    """Write what may be called of a class."""
    for name, method in described.items():
        member = inspect.getattr_static(cls, name)
        if "property" in method:
            yield f"```python\n{name}: {method['property']}\n```"
            yield prose(member)
        else:
            yield f"```python\n{signature(name, method)}: ...\n```"
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


def first_line(documented: object) -> str:
    """Give the first paragraph of a docstring on one line."""
    return " ".join((inspect.getdoc(documented) or "").partition("\n\n")[0].split())


def sentence(text: str) -> str:
    """Begin *text* with a capital and end it with a full stop."""
    text = text[:1].upper() + text[1:].removesuffix(";")
    return text if text.endswith((".", "…")) else f"{text}."


def text_under(name: str) -> str:
    """Read the string that stands under the assignment to *name* in any module of ours."""
    for module in list(sys.modules.values()):
        if module.__name__.startswith("trunkline.") and getattr(module, "__file__", None):
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
