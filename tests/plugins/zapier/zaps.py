"""A person's actions with the app in Zapier. The module knows no catalogue: it fills in forms from the app's definition."""

import asyncio
import itertools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from trunkline_kit.receiver import ReceivedRequest, Receiver

from .core import ZapierApp

SCOPES = ["events:read", "events:write", "webhooks:write", "integrations:read", "integrations:write", "admin"]
COMPANIES = itertools.count(1000)
PEOPLE = "/api/v1/integrations"


@dataclass
class Shop:
    """The app of a hub, and the hub's administrator."""

    hub: Any
    app: ZapierApp
    operator_key: str = ""

    def connect(self, *scopes: str) -> "Shop":
        """Connect the app with the key of a company without records."""
        body = {"company_id": next(COMPANIES), "name": "My Zaps", "scopes": list(scopes or SCOPES)}
        headers = {"X-Api-Key": self.operator_key}
        self.app.key = self.hub.call("POST", "/api/v1/keys", json=body, headers=headers)["key"]
        return self

    def call(self, method: str, path: str, **request: Any) -> Any:
        return self.hub.call(method, path, headers={"X-Api-Key": self.app.key}, **request)

    def hooks(self) -> list[dict[str, Any]]:
        return self.call("GET", "/api/v1/zapier/hooks")["hooks"]

    def subscribe(self, trigger: str, url: str) -> dict[str, Any]:
        return self.app.operation("triggers", trigger, "performSubscribe", targetUrl=url)

    def unsubscribe(self, trigger: str, hook: Mapping[str, Any]) -> None:
        self.app.operation("triggers", trigger, "performUnsubscribe", subscribeData=hook)

    def fill_in(self, kind: str, key: str) -> dict[str, Any]:
        """Fill in every field of a form: with the first choice, or with the example that it shows."""
        fields = self.app.definition()[kind][key]["operation"]["inputFields"]
        return {
            field["key"]: [self._value(field)] if field.get("list") else self._value(field)
            for field in fields
            if field.get("type") != "copy"
        }

    def _value(self, field: Mapping[str, Any]) -> Any:
        if "dynamic" in field:
            trigger, value, label = field["dynamic"].split(".")
            first = self.app.operation("triggers", trigger)[0]
            assert isinstance(first[label], str)
            return first[value]
        if "choices" in field:
            return field["choices"][0]["value"]
        if field["type"] == "boolean":
            return True
        convert = {"integer": int, "number": float}.get(field["type"], str)
        return convert(field.get("placeholder", field.get("default")))


def as_zapier_hands_on(request: ReceivedRequest) -> dict[str, Any]:
    """Give a delivery as Zapier hands it on: it puts ``Http-`` before the names of unknown headers."""
    headers = {f"Http-{name.title()}": value for name, value in request.headers.items()}
    content = request.body.decode()
    raw = {"method": "POST", "querystring": "", "headers": headers, "content": content}
    return {"rawRequest": raw, "cleanedRequest": json.loads(content)}


def shape(value: Any) -> Any:
    """Reduce *value* to its names at every level."""
    return {name: shape(inner) for name, inner in value.items()} if isinstance(value, dict) else None


def flattened(value: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for name, inner in value.items():
        if isinstance(inner, dict):
            yield from flattened(inner, f"{prefix}{name}__")
        else:
            yield f"{prefix}{name}"


def check_outputs(operation: Mapping[str, Any], result: Mapping[str, Any]) -> None:
    """Check that every output and every field of the sample is described."""
    fields = {field["key"] for field in operation["outputFields"]}
    shown = set(flattened(operation["sample"]))
    assert [field for field in fields if not is_described(field, shown)] == [], "a sample has every field"
    for data in (result, operation["sample"]):
        assert [key for key in flattened(data) if not is_described(key, fields)] == []


def is_described(key: str, fields: set[str]) -> bool:
    """Whether *key* is a field, or within a field of free form, or a null in place of an object of fields."""
    return any(f"{field}__".startswith(f"{key}__") or key.startswith(f"{field}__") for field in fields)


async def use_trigger(shop: Shop, trigger: str, event: dict[str, Any], receiver: Receiver) -> None:
    """Turn a Zap on, let the event happen, hand the delivery on, and turn the Zap off."""
    operation = shop.app.definition()["triggers"][trigger]["operation"]
    samples = shop.app.operation("triggers", trigger, "performList")
    assert samples, "a sample is there before any event"
    assert len({sample["id"] for sample in samples}) == len(samples)

    hook = shop.subscribe(trigger, receiver.url)
    assert shop.subscribe(trigger, receiver.url) == hook, "Zapier subscribes again when it is unsure"
    emitted = await asyncio.to_thread(shop.call, "POST", "/api/v1/events", json=event)
    delivery = as_zapier_hands_on((await receiver.wait_for(1))[0])
    (pushed,) = shop.app.operation("triggers", trigger, subscribeData=hook, **delivery)
    assert pushed == emitted
    assert shape(pushed) == shape(samples[0])
    check_outputs(operation, pushed)
    (listed,) = shop.app.operation("triggers", trigger, "performList")
    assert listed == pushed

    for _ in range(2):
        shop.unsubscribe(trigger, hook)
    assert shop.hooks() == []


def use_create(shop: Shop, action: str) -> dict[str, Any]:
    """Fill in a form and send it off."""
    operation = shop.app.definition()["creates"][action]["operation"]
    answer = shop.app.operation("creates", action, inputData=shop.fill_in("creates", action))
    check_outputs(operation, answer)
    assert shape(answer) == shape(operation["sample"])
    return answer
