"""The API of plugins is recorded, and changes only as docs/explanation/stability.md promises."""

import copy

import pytest
from tests.contract import hook_api

import trunkline

WRITTEN = hook_api.load()
CHANGELOG = """# Changelog

## [Unreleased]

### Added

- `Elsewhere`.

### Hook API

- `register_told`; `Channel.told`, and `context.told_too`.

## [0.1.0]

### Hook API

- `long_ago`.
"""


@pytest.mark.parametrize("part", hook_api.PARTS)
def test_the_contract_is_as_written_down(part):
    assert part in WRITTEN, f"'{part}' is not in {hook_api.SNAPSHOT.name}; run: {hook_api.RENEW} {part}"
    changes = hook_api.differences(WRITTEN[part], hook_api.current(part))
    assert not changes, hook_api.report(part, changes)


def test_the_file_is_of_this_hook_api():
    assert WRITTEN["hook_api"] == trunkline.HOOK_API


def test_a_plugin_finds_the_hub_it_needs_by_the_number():
    assert isinstance(trunkline.HOOK_API, int)
    assert "HOOK_API" in trunkline.__all__


ARGUMENT = {"type": "str"}
OPTIONAL = {"type": "str", "default": "None"}
OLD = {
    "Channel": {
        "kind": "value",
        "made_by": "plugin",
        "fields": {"name": ARGUMENT, "title": ARGUMENT},
        "methods": {},
    },
    "Push": {"kind": "value", "made_by": "hub", "fields": {"event_id": ARGUMENT}, "methods": {}},
    "HttpClient": {
        "kind": "protocol",
        "methods": {"post": {"arguments": {"url": ARGUMENT}, "returns": "HttpResponse", "async": True}},
    },
    "Outcome": {"kind": "enum", "members": {"RETRY": "retry"}},
    "Refused": {"kind": "error", "bases": ["TrunklineError"], "arguments": {}, "constants": {"status": 400}},
    "read_json": {"kind": "function", "arguments": {"body": ARGUMENT}, "returns": "Any"},
    "register_channels": {
        "arguments": {"context": {"type": "PluginContext"}},
        "returns": "Sequence[Channel]",
    },
}


def changed(change):
    new = copy.deepcopy(OLD)
    change(new)
    return [(one.kind, one.subject) for one in hook_api.differences(OLD, new)]


def put(*path, value):
    def change(new):
        for part in path[:-1]:
            new = new[part]
        new[path[-1]] = value

    return change


def drop(*path):
    def change(new):
        for part in path[:-1]:
            new = new[part]
        del new[path[-1]]

    return change


@pytest.mark.parametrize(
    ("change", "subject"),
    [
        (put("Signer", value={"kind": "value"}), "Signer"),
        (put("register_pigeons", value={"arguments": {}, "returns": "None"}), "register_pigeons"),
        (put("register_channels", "arguments", "name", value=ARGUMENT), "register_channels.name"),
        (put("Channel", "fields", "schemes", value=OPTIONAL), "Channel.schemes"),
        (put("Push", "fields", "cursor", value=ARGUMENT), "Push.cursor"),
        (put("HttpClient", "methods", "put", value={"arguments": {}}), "HttpClient.put"),
        (put("HttpClient", "methods", "post", "arguments", "retries", value=OPTIONAL), "HttpClient.post.retries"),
        (put("Outcome", "members", "GONE", value="gone"), "Outcome.GONE"),
        (put("read_json", "arguments", "limit", value=OPTIONAL), "read_json.limit"),
    ],
)  # fmt: skip
def test_what_nobody_notices_is_additive(change, subject):
    assert changed(change) == [("additive", subject)]


@pytest.mark.parametrize(
    ("change", "subject"),
    [
        (drop("Channel"), "Channel"),
        (drop("register_channels"), "register_channels"),
        (drop("register_channels", "arguments", "context"), "register_channels.context"),
        (put("register_channels", "returns", value="Channel"), "register_channels"),
        (put("Channel", "kind", value="function"), "Channel"),
        (put("Channel", "fields", "icon", value=ARGUMENT), "Channel.icon"),
        (drop("Channel", "fields", "title"), "Channel.title"),
        (put("Channel", "fields", "title", value=OPTIONAL), "Channel.title"),
        (drop("Push", "fields", "event_id"), "Push.event_id"),
        (put("Push", "fields", "event_id", value={"type": "int"}), "Push.event_id"),
        (drop("HttpClient", "methods", "post"), "HttpClient.post"),
        (put("HttpClient", "methods", "post", "arguments", "body", value=ARGUMENT), "HttpClient.post.body"),
        (drop("HttpClient", "methods", "post", "async"), "HttpClient.post"),
        (drop("Outcome", "members", "RETRY"), "Outcome.RETRY"),
        (put("Outcome", "members", "RETRY", value="again"), "Outcome.RETRY"),
        (put("Refused", "bases", value=["Exception"]), "Refused"),
        (put("Refused", "constants", "status", value=422), "Refused.status"),
        (put("read_json", "arguments", "limit", value=ARGUMENT), "read_json.limit"),
    ],
)  # fmt: skip
def test_what_somebody_must_react_to_is_breaking(change, subject):
    assert changed(change) == [("breaking", subject)]


def reordered(*path):
    def change(new):
        for part in path:
            new = new[part]
        items = list(new.items())
        new.clear()
        new.update(reversed(items))

    return change


def test_another_order_of_what_is_given_by_position_is_breaking():
    assert changed(reordered("Channel", "fields")) == [("breaking", "Channel")]


def test_another_order_of_anything_else_is_nothing():
    assert changed(reordered("Channel")) == []
    assert changed(reordered("Refused")) == []


def test_something_new_before_what_was_given_by_position_is_breaking():
    def insert(new):
        new["Channel"]["fields"] = {"first": OPTIONAL, **new["Channel"]["fields"]}

    assert ("breaking", "Channel") in changed(insert)


def objections(kind, subject, *, now=1):
    change = hook_api.Change(kind, subject, f"'{subject}' has changed")
    return hook_api.objections([change], before=1, now=now, changelog=CHANGELOG)


def test_a_breaking_change_needs_a_new_number():
    (sentence,) = objections("breaking", "Channel.title")
    assert "'Channel.title' has changed" in sentence
    assert "set trunkline.HOOK_API to 2" in sentence
    assert objections("breaking", "Channel.title", now=2) == []


@pytest.mark.parametrize("subject", ["register_told", "Channel.told", "PluginContext.told_too"])
def test_an_addition_that_the_changelog_tells_of_may_be_written_down(subject):
    assert objections("additive", subject) == []


@pytest.mark.parametrize("subject", ["register_untold", "Channel.untold", "Elsewhere", "long_ago"])
def test_an_addition_that_the_newest_hook_api_section_does_not_name_may_not(subject):
    assert objections("additive", subject) == [f"not told of under 'Hook API' in CHANGELOG.md: {subject}"]


def test_a_failing_comparison_says_how_serious_it_is_and_how_to_renew_the_file():
    additive = hook_api.Change("additive", "A", "'A' is new")
    breaking = hook_api.Change("breaking", "B", "'B' is gone")
    assert hook_api.report("trunkline", [additive]).splitlines() == [
        "'trunkline' of the hook API has changed, which asks for a minor version:",
        "additive: 'A' is new",
        "renew: python tests/contract/hook_api.py",
    ]
    assert "a major version" in hook_api.report("trunkline", [additive, breaking])
