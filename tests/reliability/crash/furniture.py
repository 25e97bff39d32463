"""The initial data of every case: five companies with a key each, one of them to be deleted, and seven subscriptions."""

from dataclasses import dataclass
from typing import Any

import actor
import eraser
import tenant

from trunkline.hub.hub import Hub

COMPANIES = (1, 2, 3, actor.COMPANY, tenant.COMPANY)
LARGE = 50
RETRY_SECONDS = (0.05, 0.1, 0.2)
"""The waits before the retries of a delivery."""
SUBSCRIPTIONS = {
    "/all": (1, None),
    "/large": (1, {"metadata.amount": {"gte": LARGE}}),
    "/flaky": (2, None),
    "/paused": (3, None),
    "/ordered": (2, None),
    "/whole": (3, None),
    "/paced": (1, None),
}
"""Subscriptions by their path at the receiver: company and filter."""
LANE = {"key": "/metadata/lane"}
ORDERED: dict[str, Any] = {"/ordered": LANE, "/whole": "subscription", "/paused": LANE}
"""The orderings of subscriptions, by path."""
PACED: dict[str, dict[str, Any]] = {"/paced": {"rate": "40/second", "max_in_flight": 1}}
"""The paces of subscriptions, by path."""


@dataclass(frozen=True, slots=True)
class Furniture:
    """Keys by company; ids and numbers of the subscriptions by path."""

    keys: dict[int, str]
    ids: dict[str, str]
    numbers: dict[str, int]

    @classmethod
    def of(cls, said: dict[str, Any]) -> "Furniture":
        """Read the JSON result of ``furnish``."""
        return cls({int(no): key for no, key in said["keys"].items()}, said["ids"], said["numbers"])


async def furnish(hub: Hub, target: str) -> dict[str, Any]:
    keys, ids, numbers = {}, {}, {}
    for company in COMPANIES:
        scopes = ["events:read", "events:write", "webhooks:write", "integrations:write"]
        _, keys[company] = await hub.keys.create(company, name="crash", scopes=scopes)
    for path, (company, condition) in SUBSCRIPTIONS.items():
        request: dict[str, Any] = {"target_url": target + path, "event_types": ["*"]}
        if condition:
            request["filter"] = condition
        if path in ORDERED:
            request["ordering"] = ORDERED[path]
        request |= PACED.get(path, {})
        view = await hub.subscriptions.create(company, request, channel="webhooks")
        ids[path] = view["id"]
        numbers[path] = (await hub.subscriptions.find(company, view["id"], channel="webhooks")).no
    _, keys[eraser.OPERATOR] = await hub.keys.create(None, name="crash", scopes=["operator"])
    for company in (eraser.COMPANY, eraser.IN_TEST):
        _, keys[company] = await hub.keys.create(company, name="crash", scopes=scopes)
    return {"keys": keys, "ids": ids, "numbers": numbers}
