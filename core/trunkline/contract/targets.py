"""What a channel's subscriptions aim at, where the channel declares it as a model: its rules, its schema, its values.

A target is flat: its members are text, numbers, yes or no, choices and secrets, so that one declaration gives the form in the
portal, the body of requests, and what may be shown. Pure: nothing here is stored or sent.
"""

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from pydantic import BaseModel, Field, SecretBytes, SecretStr, ValidationError
from pydantic.errors import PydanticInvalidForJsonSchema, PydanticUserError

from trunkline.contract.channels import Channel
from trunkline.errors import BodyInvalid, FieldError, pointer
from trunkline.errors.wording import fault_words

MASK = "••••"
"""What stands for a secret wherever a target is shown; sent back, it means the secret that is stored."""
MAX_BYTES = 8192
"""How long a target may be as JSON."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
PLAIN_TYPES = frozenset({"string", "integer", "number", "boolean"})

Members = Mapping[str, Any]


def find_model_fault(model: object) -> str | None:
    """Say why *model* cannot declare a channel's targets; None where it can."""
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        return "target is not a pydantic model class"
    if not model.model_fields:
        return f"target {model.__name__} has no fields"
    try:
        schema = schema_of(model)
    except (PydanticInvalidForJsonSchema, PydanticUserError) as error:
        return f"target {model.__name__} has no JSON Schema: {error}"
    for name, field in model.model_fields.items():
        if field.alias is not None or field.validation_alias is not None:
            return f"target {model.__name__} gives its field '{name}' an alias; call the field so instead"
        if schema["properties"][name].get("type") not in PLAIN_TYPES:
            kinds = "text, a number, yes or no, a choice or a SecretStr"
            return f"target {model.__name__} has a field '{name}' that is not plain: it may be {kinds}"
    return None


def schema_of(model: type[BaseModel]) -> dict[str, Any]:
    """Give the JSON Schema of *model*, its members written out; a secret is ``writeOnly``, what may be null is optional."""
    schema = model.model_json_schema()
    definitions = schema.pop("$defs", {})
    properties: dict[str, Any] = schema["properties"]
    schema["properties"] = {name: _plain(member, definitions) for name, member in properties.items()}
    schema["additionalProperties"] = False
    return schema


class Url(BaseModel):
    """A target that is a URL, for a channel that posts: ``Channel(…, target=Url)``. ``push.target.url`` has it."""

    url: str = Field(
        title="URL",
        description="where events are posted to",
        examples=["https://hooks.example.com/T0/B0"],
        pattern=r"^https?://[^\s/?#]+\S*$",
        max_length=2000,
    )


def shown_channel(channel: Channel) -> dict[str, Any]:
    """Show *channel* as ``GET /api/v1/channels`` does; with its ``target_schema`` and an example where it declares targets."""
    shown: dict[str, Any] = {
        "name": channel.name,
        "title": channel.title,
        "description": channel.description,
    }
    if channel.target is not None:
        schema = schema_of(channel.target)
        shown |= {"target_schema": schema, "target_example": _example(schema)}
    return shown


def _example(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Make an example of the members that have one, and of those that must be there."""
    required = schema.get("required", ())
    made: dict[str, Any] = {}
    for name, member in schema["properties"].items():
        given = [*member.get("examples", ()), *([member["default"]] if "default" in member else [])]
        given += member.get("enum", ())
        if given or name in required:
            made[name] = given[0] if given else _BLANKS[member["type"]]
    return made


_BLANKS: Mapping[str, Any] = {"string": "…", "integer": 1, "number": 1.0, "boolean": True}


def _plain(member: Mapping[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    """Write *member* without references and without its null."""
    whole = dict(member)
    if reference := whole.pop("$ref", None):
        whole = {**definitions[reference.rpartition("/")[2]], **whole}
    branches = [branch for branch in whole.get("anyOf", ()) if branch.get("type") != "null"]
    if len(branches) == 1:
        del whole["anyOf"]
        whole = {**_plain(branches[0], definitions), **whole}
    if "const" in whole:
        whole["enum"] = [whole.pop("const")]
    if whole.get("writeOnly") or whole.get("default", "") is None:
        whole.pop("default", None)
    return whole


def secret_names(model: type[BaseModel]) -> frozenset[str]:
    """Name the members of *model* that are secret."""
    properties = schema_of(model)["properties"]
    return frozenset(name for name, member in properties.items() if member.get("writeOnly"))


def read(model: type[BaseModel], members: Members) -> BaseModel:
    """Read a target from what a request or a row has, with no value taken for another type's.

    Raises:
        BodyInvalid: with one entry per fault, below ``/target``; none repeats a value.
    """
    errors = [
        FieldError(
            f"/target{pointer(name)}",
            f"is not a field here; known fields are {', '.join(model.model_fields)}",
        )
        for name in members
        if name not in model.model_fields
    ]
    secret = secret_names(model)
    errors += [
        FieldError(f"/target{pointer(name)}", "must not contain control characters")
        for name, value in members.items()
        if isinstance(value, str) and name not in secret and _CONTROL.search(value)
    ]
    if len(text := json.dumps(dict(members), ensure_ascii=False).encode()) > MAX_BYTES:
        errors.append(FieldError("/target", f"is longer than {MAX_BYTES} bytes"))
    if errors:
        raise BodyInvalid(errors)
    try:
        return model.model_validate_json(text, strict=True)
    except ValidationError as error:
        faults = error.errors(include_input=False, include_url=False)
        raise BodyInvalid(
            [
                FieldError(
                    "/target" + pointer(*fault["loc"][:1]),
                    _without_secrets(fault_words(fault), model, members),
                )
                for fault in faults
            ]
        ) from None


def _without_secrets(words: str, model: type[BaseModel], members: Members) -> str:
    """Keep what a validator says to itself where it repeats a secret: a plugin's words are shown to the caller."""
    told = any(str(members[name]) in words for name in secret_names(model) & members.keys() if members[name])
    return "is not valid" if told else words


def stored_or_read(
    channel: Channel | None, url: str, shown: Members | None, secrets: Members
) -> tuple[Members, Members] | None:
    """Give what may be shown of a target, and its secrets, as stored; read from *url* where nothing was declared yet.

    None where the channel declares no targets, or cannot read that URL.
    """
    if shown is not None:
        return shown, secrets
    if channel is None or channel.target is None or channel.read_url is None:
        return None
    try:
        return split(read(channel.target, channel.read_url(url)))
    except Exception:  # noqa: BLE001 - a channel is a plugin: what it cannot read, or fails over, is to be given anew
        return None


def config_of(channel: Channel, url: str, shown: Members | None, secrets: Members) -> BaseModel | None:
    """Make what *channel* gets as ``push.target.config``; None where it declares no targets.

    Raises:
        BodyInvalid: the stored target does not fit the channel as it is now.
    """
    if channel.target is None:
        return None
    members = stored_or_read(channel, url, shown, secrets)
    if members is None:
        raise BodyInvalid([FieldError("/target", "is missing: send it, as the channel now has one")])
    return read(channel.target, {**members[0], **members[1]})


def split(target: BaseModel) -> tuple[dict[str, Any], dict[str, str]]:
    """Give what may be shown of *target*, and its secrets."""
    names = secret_names(type(target))
    shown = target.model_dump(mode="json", exclude=set(names))
    return shown, {name: text for name in sorted(names) if (text := _text(getattr(target, name))) is not None}


def _text(secret: SecretStr | SecretBytes | None) -> str | None:
    if secret is None:
        return None
    value = secret.get_secret_value()
    return value if isinstance(value, str) else value.decode()


def masked(shown: Members, secrets: Members) -> dict[str, Any]:
    """Give a target as views have it."""
    return {**shown, **dict.fromkeys(secrets, MASK)}


def url_of(channel: str, shown: Members) -> str:
    """Name a target in one line, by what may be shown of it: the same for the same target."""
    given = [
        (name, value if isinstance(value, str) else json.dumps(value))
        for name, value in sorted(shown.items())
        if value is not None
    ]
    return f"{channel}:?{urlencode(given)}"


def changed(model: type[BaseModel], shown: Members, secrets: Members, changes: Members) -> BaseModel:
    """Read the target that *changes* make of one; a member that they leave out, or mask, stays, and null takes one away.

    Secrets are shown to nobody: a caller that may change a target must not have them sent to a place of its own.

    Raises:
        BodyInvalid: the target would be none, or leads elsewhere and its secrets are not given again.
    """
    hidden = secret_names(model)
    given = {name: value for name, value in changes.items() if not (name in hidden and value == MASK)}
    dropped = {name for name, value in given.items() if value is None and name in model.model_fields}
    members = {**shown, **secrets, **given}
    target = read(model, {name: value for name, value in members.items() if name not in dropped})
    kept = sorted(name for name in secrets if name not in given)
    if kept and split(target)[0] != shown:
        message = "must be given again, or as null to drop it, where anything else of the target changes: a secret that is stored is not sent to another place"
        raise BodyInvalid([FieldError(f"/target/{name}", message) for name in kept])
    return target


def created(model: type[BaseModel], members: Members) -> BaseModel:
    """Read the target of a new subscription. Raises BodyInvalid."""
    hidden = secret_names(model)
    if masks := [name for name in members if name in hidden and members[name] == MASK]:
        message = "is the mask that stands for a secret where it is shown; send the secret itself"
        raise BodyInvalid([FieldError(f"/target{pointer(name)}", message) for name in masks])
    return read(model, {name: value for name, value in members.items() if value is not None})
