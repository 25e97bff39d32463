"""Plugins with a defect in their event types, connectors or casters."""

from tests.kit.broken.acme import GENERATES, IMPORTS, MORE_SETTINGS, SCHEMA, TYPES, acme
from tests.kit.broken.breaking import Broken, breaks

from trunkline_kit import Source

build_with_a_wrong_example = acme((SCHEMA, '"examples": [{"text": "hello"}, {"text": 7}],')).breaks(
    "plugin.event-types-have-valid-examples"
)

build_with_a_silent_field = acme((', "description": "what was sent"', "")).breaks(
    "plugin.event-types-are-described"
)

build_with_an_open_type = acme(('"additionalProperties": False', '"additionalProperties": True')).breaks(
    "plugin.event-types-are-closed"
)


@breaks("plugin.event-types-are-accepted")
def build_with_a_type_that_reads_otherwise():
    other = TYPES.replace("SCHEMA)", 'SCHEMA, example_json=b\'{"text": "other"}\')')
    return acme((TYPES, other))


build_with_the_time_in_a_file = acme(
    (GENERATES, 'import time; return {"app/index.json": str(time.monotonic_ns()).encode()}')
).breaks("plugin.connectors-are-reproducible")

build_leading_out = acme((GENERATES, GENERATES.replace("app/index.json", "../index.json"))).breaks(
    "plugin.connectors-stay-in-their-folder"
)


@breaks("plugin.connectors-keep-secrets-out")
def build_with_a_secret_in_a_file():
    keeps = """
    @pydantic.model_validator(mode="after")
    def keep(self):
        KEPT["token"] = self.token
        return self
"""
    return acme(
        (MORE_SETTINGS, keeps),
        (IMPORTS, "import json\nimport pydantic\nKEPT = {}\n"),
        (GENERATES, 'return {"app/index.json": KEPT["token"].get_secret_value().encode()}'),
    )


VERSIONED = '''
"""A plugin with two versions of an event type."""

import itertools

import trunkline
from trunkline import hookimpl

COUNT = itertools.count()
TEXT = {"type": "string", "description": "what was said"}
AMOUNT = {"type": "number", "description": "how much"}


def schema(**properties):
    example = {name: "x" if field is TEXT else 99.5 for name, field in properties.items()}
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
        "required": list(properties),
        "examples": [example],
    }


@hookimpl
def register_event_types():
    old, new = schema(text=TEXT, amount=AMOUNT), schema(text=TEXT, total=AMOUNT, currency=TEXT)
    return [
        trunkline.EventType("acme.paid", "Paid", "Somebody paid.", old, 1),
        trunkline.EventType("acme.paid", "Paid", "Somebody paid.", new, 2),
    ]


def up(payload):
    return {"text": payload["text"], "total": payload["amount"], "currency": "EUR"}


def down(payload):
    return {"text": payload["text"], "amount": payload["total"]}


@hookimpl
def register_casters():
    return [trunkline.Caster("acme.paid", 1, 2, up), trunkline.Caster("acme.paid", 2, 1, down)]
'''


def versioned(old="", new=""):
    assert VERSIONED.count(old) == 1 or not old, old
    return Broken(Source("acme", VERSIONED.replace(old, new) if old else VERSIONED), {"settings": {}})


build_with_a_caster_that_some_payloads_break = versioned(
    '"currency": "EUR"}', '"currency": "EUR" if payload["amount"] > 0 else None}'
).breaks("plugin.casters-give-valid-payloads")

build_with_casters_that_lose_something = versioned(
    '"total": payload["amount"]', '"total": round(payload["amount"])'
).breaks("plugin.casters-round-trip")

build_with_a_caster_that_counts = versioned('"currency": "EUR"}', '"currency": str(next(COUNT))}').breaks(
    "plugin.casters-are-pure"
)
