"""A first schema for an event type: complete and valid, to be edited."""

import json
import re
from collections.abc import Sequence
from pathlib import Path

from trunkline.errors import Refused
from trunkline.model.event_groups import RESERVED, is_operational
from trunkline.schemas.catalog import EventType
from trunkline.schemas.wording import happening, singular
from trunkline_kit.beginning.fields import NewField, example_of, object_of, title_of

_TYPE = re.compile(r"[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)+")


def check_type(name: str) -> str:
    """Check the name of a new event type. Raises Refused."""
    if not _TYPE.fullmatch(name):
        msg = (
            f"'{name[:60]}' cannot be an event type: write what it is about, a dot, and what happened, in lower case, "
            "such as payment.refunded."
        )
        raise Refused(msg)
    if is_operational(name):
        msg = f"The name '{name}' {RESERVED}."
        raise Refused(msg)
    return name


def schema_of(event_type: str, fields: Sequence[NewField] = ()) -> str:
    """Write the schema of *event_type* with *fields*: by default the id of its object, and the time."""
    thing, _, action = event_type.rpartition(".")
    noun = singular(thing.rpartition(".")[2])
    chosen = list(fields) or [NewField(f"{noun}_id", "uuid"), NewField(f"{action}_at", "time")]
    happened = happening(EventType(event_type, "", "", {}))
    schema = {
        "title": title_of(event_type.replace(".", " ")),
        "description": f"Sent once each time that {happened}.",
        **object_of(chosen),
        "additionalProperties": False,
        "examples": [example_of(chosen)],
    }
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def path_of(event_type: str) -> Path:
    """Return the path of the schema of *event_type* below the folder of schemas."""
    return Path("events") / f"{event_type}.json"
