"""The checks that Zapier runs over a submitted app's definition, as far as the definition alone suffices.

https://docs.zapier.com/integrations/publish/integration-checks-reference; each function is named after its check.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

Definition = Mapping[str, Any]
_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?")
_LINK = re.compile(r"\[[^\]]+\]\(https://[^)\s]+\)|`[^`]*`")
_SMALL = {"a", "an", "and", "by", "for", "in", "of", "on", "or", "the", "to", "with"}


def operations(app: Definition, *kinds: str) -> Iterator[Any]:
    """Give the visible triggers, creates and searches, or only the *kinds* of them."""
    for kind in kinds or ("triggers", "creates", "searches"):
        for operation in app[kind].values():
            if not operation["display"].get("hidden"):
                yield operation


def inputs(operation: Any) -> Iterator[Any]:
    for field in operation["operation"].get("inputFields", ()):
        yield from (field, *field.get("children", ()))


def faults(app: Definition) -> list[str]:
    """List the findings of all checks."""
    return [
        f"{check.__name__}: {fault}"
        for check in (
            d001,
            d002,
            d003,
            d005,
            d006,
            d008,
            d009,
            d010,
            d011,
            d012,
            d015,
            d018,
            d021,
            d022,
            d023,
        )
        for fault in check(app)
    ]


def d001(app: Definition) -> list[str]:
    """No key is asked for outside the connection."""
    secret = re.compile(r"api_?key|secret|password|token", re.IGNORECASE)
    return [field["key"] for one in operations(app) for field in inputs(one) if secret.search(field["key"])]


def d002(app: Definition) -> list[str]:
    """The fields of a connection link to the page on which their values are made."""
    fields = app["authentication"].get("fields", ())
    return [field["key"] for field in fields if "](https://" not in field.get("helpText", "")]


def d003(app: Definition) -> list[str]:
    """A connection has a label."""
    return [] if app["authentication"].get("connectionLabel") else ["no label"]


def d005(app: Definition) -> list[str]:
    """A dropdown names an existing trigger."""
    dynamic = [field["dynamic"] for one in operations(app) for field in inputs(one) if "dynamic" in field]
    return [name for name in dynamic if name.split(".")[0] not in app["triggers"]]


def d006(app: Definition) -> list[str]:
    """A hook has a list for tests, and both ends of its subscription (D016, D017)."""
    needed = {"performList", "performSubscribe", "performUnsubscribe"}
    hooks = [one for one in operations(app, "triggers") if one["operation"].get("type") == "hook"]
    return [one["key"] for one in hooks if not needed <= set(one["operation"])]


def d008(app: Definition) -> list[str]:
    """A link is Markdown, or in back ticks."""
    texts = [one["display"]["description"] for one in operations(app)]
    texts += [field.get("helpText", "") for one in operations(app) for field in inputs(one)]
    return [text for text in texts if "://" in _LINK.sub("", text)]


def d009(app: Definition) -> list[str]:
    """A search has a field."""
    return [one["key"] for one in operations(app, "searches") if not list(inputs(one))]


def d010(app: Definition) -> list[str]:
    """The sample of a trigger has a field that identifies an event."""
    return [one["key"] for one in operations(app, "triggers") if "id" not in one["operation"]["sample"]]


def d011(app: Definition) -> list[str]:
    """Help says more than the label."""
    fields = [field for one in operations(app) for field in inputs(one)]
    return [
        field["key"]
        for field in fields
        if field.get("helpText", "").rstrip(".").casefold() == field.get("label", "-").casefold()
    ]


def d012(app: Definition) -> list[str]:
    """Everything has a sample."""
    return [one["key"] for one in operations(app) if not one["operation"].get("sample")]


def d015(app: Definition) -> list[str]:
    """A find-or-create names an existing search and an existing create."""
    pairs = app.get("searchOrCreates", {}).values()
    return [
        pair["key"]
        for pair in pairs
        if pair["search"] not in app["searches"] or pair["create"] not in app["creates"]
    ]


def d018(app: Definition) -> list[str]:
    """Labels are in title case."""
    words = [
        (one["display"]["label"], word) for one in operations(app) for word in one["display"]["label"].split()
    ]
    return [label for label, word in words if word[0].islower() and word not in _SMALL]


def d021(app: Definition) -> list[str]:
    """The description of a trigger is one sentence of the usual kind."""
    texts = [one["display"]["description"] for one in operations(app, "triggers")]
    return [text for text in texts if not (text.startswith("Triggers when ") and text.endswith("."))]


def d022(app: Definition) -> list[str]:
    """A create has fields."""
    return [one["key"] for one in operations(app, "creates") if not list(inputs(one))]


def d023(app: Definition) -> list[str]:
    """Times in samples have their zone."""
    return [
        text for one in operations(app) for text in _texts(one["operation"]["sample"]) if _lacks_zone(text)
    ]


def _lacks_zone(text: str) -> bool:
    found = _DATE_TIME.fullmatch(text)
    return found is not None and found[3] is None


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _texts(inner)
