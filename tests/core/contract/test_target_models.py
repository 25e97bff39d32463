"""Targets that a channel declares by JSON Schema: the model made from the schema is equal to it."""

import json

import pytest
from tests.answers import json_of
from tests.waiting import until

from trunkline.contract import targets
from trunkline.contract.target_models import model_of
from trunkline.errors import BodyInvalid, PluginFailed
from trunkline_kit import Source

SCHEMA = {
    "type": "object",
    "description": "A cage.",
    "properties": {
        "room": {"type": "string", "title": "Room", "description": "where it hangs", "minLength": 2, "examples": ["attic"]},
        "height": {"type": "integer", "default": 2, "minimum": 1, "maximum": 9},
        "song": {"type": "string", "enum": ["loud", "soft"], "default": "soft"},
        "covered": {"type": "boolean", "default": False},
        "weight": {"type": "number", "exclusiveMinimum": 0},
        "word": {"type": "string", "title": "Word", "writeOnly": True, "minLength": 4},
    },
    "required": ["room", "word"],
}  # fmt: skip
FINCHES = '''
"""Finches in cages."""

import json

from trunkline import Channel, Outcome, Result, hookimpl

SCHEMA = json.loads(r"""%s""")
SUNG = []


async def deliver(push, http):
    cage = push.target.config
    SUNG.append((cage.room, cage.height, cage.weight, cage.word.get_secret_value()))
    return Result(Outcome.DELIVERED)


@hookimpl
def register_channels():
    return [Channel("finches", "Finches", "Sings.", deliver, target_schema=SCHEMA, target=TARGET, MORE)]
'''


def finches(*, target: str = "None", schema: object = SCHEMA, more: str = "") -> Source:
    text = (FINCHES % json.dumps(schema)).replace("TARGET", target).replace(", MORE", more)
    return Source("finches", text)


def test_the_model_says_what_the_schema_says():
    made = targets.schema_of(model_of(SCHEMA, name="cage"))
    assert (made["required"], made["additionalProperties"]) == (["room", "word"], False)
    assert list(made["properties"]) == list(SCHEMA["properties"])
    for name, rules in SCHEMA["properties"].items():
        assert rules.items() <= made["properties"][name].items(), name
    assert targets.find_model_fault(model_of(SCHEMA, name="cage")) is None


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"room": "a"}, "/target/room"),
        ({"room": 7}, "/target/room"),
        ({"height": 10}, "/target/height"),
        ({"song": "shrill"}, "/target/song"),
        ({"weight": 0}, "/target/weight"),
        ({"word": "abc"}, "/target/word"),
        ({"floor": 1}, "/target/floor"),
    ],
)
def test_the_model_holds_a_target_to_it(change, path):
    model = model_of(SCHEMA, name="cage")
    good = {"room": "attic", "word": "sesame", "weight": 1.5}
    assert targets.split(targets.created(model, good)) == (
        {"room": "attic", "height": 2, "song": "soft", "covered": False, "weight": 1.5},
        {"word": "sesame"},
    )
    with pytest.raises(BodyInvalid) as caught:
        targets.created(model, good | change)
    assert [error.path for error in caught.value.errors] == [path]


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "string"}, "must describe an object with properties"),
        ({**SCHEMA, "allOf": []}, "has 'allOf', which is not one of"),
        ({**SCHEMA, "required": ["floor"]}, "requires 'floor', which is not among its properties"),
        ({"properties": {"rooms": {"type": "array"}}}, "a member 'rooms' of the type 'array'"),
        ({"properties": {"room": {"type": "string", "not": {}}}}, "a member 'room' with 'not'"),
        ({"properties": {"room": {"type": "string", "format": "uri"}}}, "format 'uri', which would not be held"),
        ({"properties": {"room": {"type": "string", "pattern": "("}}}, "cannot be held to"),
        ({"properties": {"room": {"type": "integer", "enum": ["one"]}}}, "a choice that is not of its type"),
        ({"properties": {"word": {"type": "string", "writeOnly": True, "default": "x"}}}, "neither choices nor a default"),
        ({"properties": {"room": {"type": "integer", "pattern": "a"}}}, "with 'pattern', which means nothing of its type"),
        ({"properties": {"room": {"type": "integer", "default": "x"}}}, "a member 'room' whose default breaks its own rules"),
        ({"properties": {"the-room": {"type": "string"}}}, "a member 'the-room', which no model can have"),
        ({"properties": {"copy": {"type": "string"}}}, "a member 'copy', which no model can have"),
    ],
)  # fmt: skip
def test_what_no_form_could_show_or_would_not_be_held_is_named(schema, words):
    with pytest.raises(ValueError, match="target_schema ") as caught:
        model_of(schema, name="cage")
    assert words in str(caught.value)


async def test_a_channel_gets_it_typed_and_its_fault_is_its_plugins(trunkline_hub):
    hub = await trunkline_hub(plugins=[finches()])
    target = {"room": "attic", "word": "sesame"}
    request = {"channel": "finches", "target": target, "event_types": ["*"]}
    made = json_of(await hub.client.post("/api/v1/subscriptions", json=request), 201)
    assert made["target"]["word"] == "••••"
    await hub.emit("client.created")
    sung = hub.hub.registry.module("finches").SUNG
    await until(lambda: sung)
    assert sung == [("attic", 2, None, "sesame")]
    for source, words in (
        (finches(target="__import__('trunkline').Url"), "target is declared twice"),
        (finches(schema={"type": "object"}), "target_schema must describe an object with properties"),
        (finches(more=", icon='finch.svg'"), "icon is neither None nor an SVG element"),
        (
            finches(more=", check_connection=lambda target: None"),
            "check_connection is not a coroutine function; write 'async def'",
        ),
        (finches(more=", instructions=7"), "instructions is a value of type int, not text"),
    ):
        with pytest.raises(PluginFailed, match=words):
            await trunkline_hub(plugins=[source])
