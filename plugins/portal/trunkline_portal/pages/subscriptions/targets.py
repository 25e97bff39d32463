"""The declared target fields of a channel: shown in a form, and converted to a request."""

from collections.abc import Iterator, Mapping

from markupsafe import Markup
from msgspec import Struct

from trunkline import Json
from trunkline_portal.forms import Fields, sentence
from trunkline_portal.portal import Portal

WEBHOOKS = "webhooks"
"""The channel with an address as target; channels that declare targets have fields instead."""
PREFIX = "target."
"""Prefix of the names of the fields of a target; a fault of the target is assigned to a field by this name."""
FORGET = "forget."

Schema = Mapping[str, Json]


class TargetField(Struct, frozen=True):
    """One field. *kind* is ``text``, ``number``, ``choice``, ``box`` or ``secret``; *is_stored* is true if a secret is stored."""

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
    """Return the target schemas of the channels that declare them, by name."""
    return {
        channel["name"]: channel
        for channel in portal.context.deployment.channels()
        if channel.get("target_schema")
    }


def choices(portal: Portal) -> list[tuple[str, str]]:
    """List the channels that people can choose: name and title."""
    declared = [(name, str(channel["title"])) for name, channel in declaring(portal).items()]
    return [*([(WEBHOOKS, "Webhooks")] if portal.runs(WEBHOOKS) else []), *declared]


def guide_of(portal: Portal, channel: str) -> tuple[Markup, Markup]:
    """Return the icon of *channel* and its instructions as HTML; each is empty if there is none."""
    from markdown_it import MarkdownIt  # noqa: PLC0415 - 36 ms, and most pages show no Markdown

    shown = declaring(portal).get(channel, {})
    text = shown.get("instructions")
    html = MarkdownIt("commonmark", {"html": False}).disable("image").render(text) if text else ""
    return Markup(shown.get("icon", "")), Markup(html)  # noqa: S704 - a plugin's own, and HTML in Markdown is escaped


def schema_of(portal: Portal, channel: str) -> Schema | None:
    """Return the schema of the targets of *channel*; None if its targets are addresses."""
    found = declaring(portal).get(channel)
    return None if found is None else found["target_schema"]


def fields_of(
    schema: Schema | None, entered: Mapping[str, str], *, stored: Mapping[str, Json] | None
) -> Iterator[TargetField]:
    """Yield the fields with the *entered* texts, except secrets. *stored* is an existing subscription's target."""
    if schema is None:
        return
    for name, member in schema["properties"].items():
        is_required = name in schema.get("required", ())
        is_secret = bool(member.get("writeOnly"))
        is_stored = is_secret and stored is not None and name in stored
        examples = member.get("examples", ())
        if is_secret:
            kind = "secret"
        elif member["type"] == "boolean":
            kind = "box"
        elif "enum" in member:
            kind = "choice"
        else:
            kind = "text" if member["type"] == "string" else "number"
        sentences = [sentence(str(member["description"]))] if member.get("description") else []
        if is_stored:
            sentences.append("One is stored; enter it again where anything else of the target changes.")
        elif not is_required and member["type"] != "boolean" and "default" not in member:
            sentences.append("May be left empty.")
        yield TargetField(
            name=PREFIX + name,
            label=member.get("title", name),
            kind=kind,
            value="" if is_secret else entered.get(name, ""),
            help=" ".join(sentences) or None,
            example=None if is_secret or not examples else str(examples[0]),
            is_required=is_required and not is_stored and member["type"] != "boolean",
            choices=tuple((str(value), str(value)) for value in member.get("enum", ())),
            is_stored=is_stored,
            can_be_forgotten=is_stored and not is_required,
        )


def defaults(schema: Schema) -> dict[str, str]:
    """Return the texts of the fields in an empty form: the defaults of *schema*."""
    return {
        name: _text(member["default"])
        for name, member in schema["properties"].items()
        if "default" in member and not member.get("writeOnly")
    }


def texts(target: Mapping[str, Json], schema: Schema) -> dict[str, str]:
    """Return the texts of the fields for a subscription's *target*."""
    return {
        name: _text(target[name])
        for name, member in schema["properties"].items()
        if not member.get("writeOnly") and target.get(name) is not None
    }


def read(fields: Fields, schema: Schema) -> dict[str, str]:
    """Read the sent fields: the text of each field by name; an unticked box has empty text."""
    sent = {name: fields[PREFIX + name] for name in schema["properties"]}
    return sent | {FORGET + name: "on" for name in schema["properties"] if FORGET + name in fields}


def members(entered: Mapping[str, str], schema: Schema, *, is_change: bool) -> dict[str, Json]:
    """Make the ``target`` of a request.

    Empty fields are left out of a new target. A change sets them to null; only a secret is kept, unless it is to be
    removed.
    """
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


def _text(value: Json) -> str:
    if isinstance(value, bool):
        return "on" if value else ""
    return "" if value is None else str(value)


def _value(text: str, kind: str) -> Json:
    """Read *text* as a number if *kind* is a number. Unreadable text stays text; the hub then refuses it and says why."""
    try:
        return {"integer": int, "number": float}.get(kind, str)(text)
    except ValueError:
        return text
