"""The fields of a target that a channel declares: as its form shows them, and as what was entered becomes a request."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from trunkline import Json
from trunkline_portal.forms import Fields
from trunkline_portal.portal import Portal

WEBHOOKS = "webhooks"
"""The channel whose target is an address; those that declare their targets have fields instead."""
PREFIX = "target."
"""How the names of the fields begin; then a fault of the target finds its field."""
FORGET = "forget."

Schema = Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class TargetField:
    """One field. *kind* is ``text``, ``number``, ``choice``, ``box`` or ``secret``; *is_stored*: a secret is there already."""

    name: str
    label: str
    kind: str
    value: str
    help: str | None
    example: str | None
    is_required: bool
    choices: tuple[tuple[str, str], ...] = ()
    is_stored: bool = False
    can_be_forgotten: bool = False


def declaring(portal: Portal) -> dict[str, Schema]:
    """Give the channels that declare their targets, by name."""
    return {
        channel["name"]: channel
        for channel in portal.context.deployment.channels()
        if channel.get("target_schema")
    }


def choices(portal: Portal) -> list[tuple[str, str]]:
    """Name the channels on which people subscribe here: name and title."""
    declared = [(name, str(channel["title"])) for name, channel in declaring(portal).items()]
    return [*([(WEBHOOKS, "Webhooks")] if portal.runs(WEBHOOKS) else []), *declared]


def schema_of(portal: Portal, channel: str) -> Schema | None:
    """Give the schema of *channel*'s targets; None where they are addresses."""
    found = declaring(portal).get(channel)
    return None if found is None else found["target_schema"]


def fields_of(
    schema: Schema, entered: Mapping[str, str], *, stored: Mapping[str, Json] | None
) -> Iterator[TargetField]:
    """Give the fields with what was *entered*; *stored* is the target of a subscription that there is. Secrets stay out."""
    for name, member in schema["properties"].items():
        is_required = name in schema.get("required", ())
        is_secret = bool(member.get("writeOnly"))
        is_stored = is_secret and stored is not None and name in stored
        examples = member.get("examples", ())
        yield TargetField(
            name=PREFIX + name,
            label=member.get("title", name),
            kind=_kind(member),
            value="" if is_secret else entered.get(name, ""),
            help=_help(member, is_stored=is_stored, is_required=is_required),
            example=None if is_secret or not examples else str(examples[0]),
            is_required=is_required and not is_stored and member["type"] != "boolean",
            choices=tuple((str(value), str(value)) for value in member.get("enum", ())),
            is_stored=is_stored,
            can_be_forgotten=is_stored and not is_required,
        )


def defaults(schema: Schema) -> dict[str, str]:
    """Give what the fields of an empty form hold."""
    return {
        name: _text(member["default"])
        for name, member in schema["properties"].items()
        if "default" in member and not member.get("writeOnly")
    }


def texts(target: Mapping[str, Json], schema: Schema) -> dict[str, str]:
    """Give what the fields hold for the *target* of a subscription."""
    return {
        name: _text(target[name])
        for name, member in schema["properties"].items()
        if not member.get("writeOnly") and target.get(name) is not None
    }


def read(fields: Fields, schema: Schema) -> dict[str, str]:
    """Read what was sent, text by name; a box that is not ticked says so."""
    sent = {name: fields[PREFIX + name] for name in schema["properties"]}
    return sent | {FORGET + name: "on" for name in schema["properties"] if FORGET + name in fields}


def members(entered: Mapping[str, str], schema: Schema, *, is_change: bool) -> dict[str, Json]:
    """Make the ``target`` of a request. What is empty is left out of a new one; a change takes it away, or keeps a secret."""
    made: dict[str, Json] = {}
    for name, member in schema["properties"].items():
        text = entered.get(name, "")
        if member["type"] == "boolean":
            made[name] = bool(text)
        elif text:
            made[name] = _value(text, str(member["type"]))
        elif is_change and (FORGET + name in entered or not member.get("writeOnly")):
            made[name] = None
    return made


def _kind(member: Schema) -> str:
    if member.get("writeOnly"):
        return "secret"
    if member["type"] == "boolean":
        return "box"
    if "enum" in member:
        return "choice"
    return "text" if member["type"] == "string" else "number"


def _help(member: Schema, *, is_stored: bool, is_required: bool) -> str | None:
    sentences = [_sentence(str(member["description"]))] if member.get("description") else []
    if is_stored:
        sentences.append("One is stored; enter it again where anything else of the target changes.")
    elif not is_required and member["type"] != "boolean" and "default" not in member:
        sentences.append("May be left empty.")
    return " ".join(sentences) or None


def _sentence(text: str) -> str:
    begun = text[:1].upper() + text[1:]
    return begun if begun.endswith((".", "!", "?")) else f"{begun}."


def _text(value: Json) -> str:
    if isinstance(value, bool):
        return "on" if value else ""
    return "" if value is None else str(value)


def _value(text: str, kind: str) -> Json:
    """Read *text* as a number where it is to be one; what is none stays text, and is refused with its reason."""
    try:
        match kind:
            case "integer":
                return int(text)
            case "number":
                return float(text)
            case _:
                return text
    except ValueError:
        return text
