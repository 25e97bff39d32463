"""The lengths of bodies that their schemas state are checked before anything else."""

import pytest
from pydantic import BaseModel, ConfigDict, Field
from tests.answers import paths

from trunkline.api.lengths import MAX_UNKNOWN, of_schema

PLAIN = {"channel": "webhooks", "target_url": "https://example.com/", "event_types": ["lead.created"]}


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid")
    names: list[str] = Field(max_length=2)


class Whole(BaseModel):
    parts: list[Part] | None = Field(default=None, max_length=3)
    part: Part | None = None
    versions: dict[str, int] = Field(default={}, max_length=2)
    either: dict[str, int] | list[int] | str = ""
    anything: dict[str, object] = {}


def faults(value):
    schema = Whole.model_json_schema()
    return {fault.path: fault.message for fault in of_schema(schema, schema["$defs"]).faults(value)}


@pytest.mark.parametrize(
    ("value", "path", "message"),
    [
        ({"parts": [{}] * 4}, "/parts", "must have at most 3 entries, not 4"),
        ({"parts": [{}, {"names": [1, 2, 3]}]}, "/parts/1/names", "must have at most 2 entries, not 3"),
        ({"part": {"names": ["a"] * 1500}}, "/part/names", "must have at most 2 entries, not 1,500"),
        ({"versions": {"a": 1, "b": 2, "c": 3}}, "/versions", "must have at most 2 members, not 3"),
        ({"part": dict.fromkeys(map(str, range(60)), 1)}, "/part", f"must have at most {1 + MAX_UNKNOWN} members, not 60"),
    ],
)  # fmt: skip
def test_what_is_too_long_is_named_with_its_bound(value, path, message):
    assert faults(value) == {path: message}


@pytest.mark.parametrize(
    "value",
    [
        {"parts": [{"names": ["a", "b"]}] * 3, "versions": {"a": 1}, "either": list(range(99)), "part": None},
        {"anything": dict.fromkeys(map(str, range(99)), 1), "parts": "x" * 99, "versions": [1] * 99},
        [1, 2, 3],
        "text",
    ],
)
def test_what_has_no_bound_or_another_type_is_left_to_others(value):
    assert faults(value) == {}


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"event_types": ["lead.created"] * 101}, "/event_types"),
        ({"versions": {f"t{number}": 1 for number in range(101)}}, "/versions"),
        ({"headers": {f"x-{number}": "v" for number in range(51)}}, "/headers"),
        ({"filter": {"payload.email": {"in": ["x"] * 1001}}}, "/filter/payload.email/in"),
        ({"filter": {"payload.email": {"eq": "a" * 65_537}}}, "/filter"),
    ],
)
async def test_a_subscription_says_which_length_is_too_much(api, body, path):
    answer = await api.client.post("/api/v1/subscriptions", json=PLAIN | body)
    assert (answer.status_code, paths(answer)) == (422, [path])
    assert "must have at most" in answer.json()["errors"][0]["message"]


async def test_a_filter_and_headers_as_long_as_they_may_be_are_taken(api):
    headers = {f"x-{number}": "v" for number in range(50)}
    where = {"payload.email": {"in": [f"{number}@example.com" for number in range(1000)]}}
    wanted = PLAIN | {"headers": headers, "filter": where}
    assert (await api.client.post("/api/v1/subscriptions", json=wanted)).status_code == 201
