"""The names in the OpenAPI document, from which generated clients take the names of methods and classes."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WRITTEN = Path(__file__).with_name("api_names.txt")
CHANGELOG = ROOT / "CHANGELOG.md"
COMMON = {
    "Action", "Array", "Attachment", "Boolean", "Builder", "Channel", "Channels", "Class", "Client", "Collection", "Context",
    "Data", "Date", "Enum", "Error", "Event", "EventTarget", "Exception", "Field", "File", "Function", "Headers", "Index",
    "Integer", "Iterator", "Key", "List", "Long", "Map", "Method", "Model", "Module", "Number", "Object", "Option", "Package",
    "Pair", "Promise", "Range", "Record", "Request", "Response", "Result", "Runtime", "Service", "Set", "Short", "Status",
    "String", "Subscription", "Symbol", "System", "Task", "Thread", "Time", "Type", "Uri", "Url", "Vec", "Void",
}  # fmt: skip
"""Common classes of Java, Go, C#, Rust and TypeScript, and classes of the generators' own runtimes."""
EXAMPLES = "listConsumers, getConsumer, createConsumer, updateConsumer, deleteConsumer, commitConsumer"


@pytest.fixture
async def document(api):
    return (await api.anonymous.get("/openapi.json")).json()


def operations(document):
    return [
        (f"{method.upper()} {path}", operation)
        for group in ("paths", "webhooks")
        for path, item in document[group].items()
        for method, operation in item.items()
    ]


def unreleased() -> str:
    return CHANGELOG.read_text().partition("## [Unreleased]")[2].partition("\n## [")[0]


def test_every_operation_is_named_by_hand_and_only_once(document):
    names = [operation["operationId"] for _, operation in operations(document)]
    wrong = [
        f"{call} is named {operation['operationId']!r}"
        for call, operation in operations(document)
        if not re.fullmatch("[a-z]+[A-Z][A-Za-z0-9]*", operation["operationId"])
        or "ApiV1" in operation["operationId"]
        or names.count(operation["operationId"]) > 1
    ]
    assert not wrong, (
        f"{'; '.join(wrong)}. Name it in its Route with operation_id=…: a verb and a noun in camelCase, which no other "
        f"operation has, such as {EXAMPLES}."
    )


def test_every_component_has_a_name_that_no_language_has(document):
    wrong = [
        name
        for name, schema in document["components"]["schemas"].items()
        if not re.fullmatch("[A-Z][A-Za-z0-9]*", name) or name in COMMON or schema["title"] != name
    ]
    assert not wrong, (
        f"Name these models otherwise, such as ConsumerView or ConsumerList: {', '.join(wrong)}."
    )


def test_changed_names_are_in_the_changelog(document):
    names = {operation["operationId"] for _, operation in operations(document)}
    names |= document["components"]["schemas"].keys()
    told = set(re.findall(r"`(\w+)`", unreleased()))
    written = set(WRITTEN.read_text().split())
    assert not (written - names) - told, (
        "These names are gone from the OpenAPI document, and clients that call them no longer compile. Give them back, or tell "
        f"of each in CHANGELOG.md in backquotes: {', '.join(sorted(written - names))}"
    )
    assert not names - written, (
        f"These names are new in the OpenAPI document. Add them to {WRITTEN.name}, where they stay: {', '.join(sorted(names - written))}"
    )
