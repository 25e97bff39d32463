"""Targets of channels that declare them as a model: their rules, schema and values.

A target is flat: its members are text, numbers, booleans, choices and secrets. So one declaration gives the form in the
portal, the body of requests, and the members that may be shown. These functions are pure: they store and send nothing.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import urlencode, urlsplit

from pydantic import AfterValidator, BaseModel, Field, SecretBytes, SecretStr, ValidationError
from pydantic.errors import PydanticInvalidForJsonSchema, PydanticUserError

from trunkline.contract.channels import Channel
from trunkline.errors import BodyInvalid, FieldError, pointer
from trunkline.errors.wording import fault_words

MASK = "••••"
"""The mask that replaces a secret in every view of a target; a request with the mask keeps the stored secret."""
MAX_BYTES = 8192
"""The maximum size of a target as JSON."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_URL = r"^https?://[^\s/?#]+\S*$"
PLAIN_TYPES = frozenset({"string", "integer", "number", "boolean"})

Members = Mapping[str, Any]


def find_model_fault(model: object) -> str | None:
    """Return the reason why *model* cannot declare a channel's targets; None if it can."""
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
    """Return the JSON Schema of *model* with references resolved.

    A secret is ``writeOnly``, a nullable member is optional.
    """
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
        description="URL to which events are posted",
        examples=["https://hooks.example.com/T0/B0"],
        pattern=_URL,
        max_length=2000,
    )


def _check_secret_url(url: SecretStr) -> SecretStr:
    if re.fullmatch(_URL, url.get_secret_value()) is None:
        msg = "must be a URL that begins with https:// or http://"
        raise ValueError(msg)
    return url


class SecretUrl(BaseModel):
    """A target that is a URL whose path is a secret, such as a chat's incoming webhook: ``Channel(…, target=SecretUrl)``.

    It is checked and dialled as ``Url`` is. ``push.target.config.url`` has it, and ``deliver_by_http`` posts there;
    ``push.target.url``, views and logs have ``masked_url`` of it.
    """

    url: Annotated[SecretStr, AfterValidator(_check_secret_url)] = Field(
        title="URL",
        description="where events are posted to; whoever knows it can post there",
        examples=["https://hooks.example.com/T0/B0/secret"],
        max_length=2000,
    )


def address_of(target: BaseModel) -> str | None:
    """Return the whole URL of a target of type ``Url`` or ``SecretUrl``; None for any other target."""
    match target:
        case Url():
            return target.url
        case SecretUrl():
            return target.url.get_secret_value()
        case _:
            return None


def masked_url(url: str) -> str:
    """Mask a secret URL: keep its scheme and host, and add eight digits of a digest, which distinguish URLs."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}/{MASK}{hashlib.sha256(url.encode()).hexdigest()[:8]}"


def shown_channel(channel: Channel) -> dict[str, Any]:
    """Show *channel* as ``GET /api/v1/channels`` does; members that are not set are left out."""
    names = ("name", "title", "description", "instructions", "icon")
    shown = {name: text for name in names if (text := getattr(channel, name)) is not None}
    if channel.target is not None:
        schema = schema_of(channel.target)
        example: dict[str, Any] = {}
        for name, member in schema["properties"].items():
            given = [*member.get("examples", ()), *([member["default"]] if "default" in member else [])]
            given += member.get("enum", ())
            if given or name in schema.get("required", ()):
                example[name] = given[0] if given else _BLANKS[member["type"]]
        shown |= {"target_schema": schema, "target_example": example}
    return shown


_BLANKS: Mapping[str, Any] = {"string": "…", "integer": 1, "number": 1.0, "boolean": True}


def _plain(member: Mapping[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    """Resolve the references of *member*, and remove null from its types."""
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
    """List the names of the secret members of *model*."""
    properties = schema_of(model)["properties"]
    return frozenset(name for name, member in properties.items() if member.get("writeOnly"))


def read(model: type[BaseModel], members: Members) -> BaseModel:
    """Read a target from the members of a request or a row; no value is converted to another type.

    Raises:
        BodyInvalid: the target is not valid. It has one entry per fault, with a path below ``/target``; no entry
            repeats a value.
    """
    unknown = f"is not a field here; known fields are {', '.join(model.model_fields)}"
    errors = [
        FieldError(f"/target{pointer(name)}", unknown) for name in members if name not in model.model_fields
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
        hidden = [str(members[name]) for name in secret & members.keys() if members[name]]
        for fault in error.errors(include_input=False, include_url=False):
            words = fault_words(fault)
            if any(text in words for text in hidden):  # callers see the messages of plugins
                words = "is not valid"
            errors.append(FieldError("/target" + pointer(*fault["loc"][:1]), words))
        raise BodyInvalid(errors) from None


def stored_or_read(
    channel: Channel | None, url: str, shown: Members | None, secrets: Members
) -> tuple[Members, Members] | None:
    """Return a target's visible members and its secrets.

    Both are read from *url* if the row is older than the declaration. Returns None if the channel declares no targets,
    or cannot read the URL.
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
    """Make the value of ``push.target.config`` for *channel*; None if *channel* declares no targets.

    Raises BodyInvalid: the stored target does not fit the channel's current model.
    """
    if channel.target is None:
        return None
    members = stored_or_read(channel, url, shown, secrets)
    if members is None:
        raise BodyInvalid([FieldError("/target", "is missing: send it, as the channel now has one")])
    return read(channel.target, {**members[0], **members[1]})


def split(target: BaseModel) -> tuple[dict[str, Any], dict[str, str]]:
    """Split *target* into its visible members and its secrets."""
    names = secret_names(type(target))
    secrets: dict[str, str] = {}
    for name in sorted(names):
        secret: SecretStr | SecretBytes | None = getattr(target, name)
        if secret is not None:
            value = secret.get_secret_value()
            secrets[name] = value if isinstance(value, str) else value.decode()
    return target.model_dump(mode="json", exclude=set(names)), secrets


def masked(shown: Members, secrets: Members) -> dict[str, Any]:
    """Show a target with its secrets masked."""
    return {**shown, **dict.fromkeys(secrets, MASK)}


def url_of(channel: str, target: BaseModel) -> str:
    """Name a target in one line by its visible members; equal targets have equal names."""
    if (address := address_of(target)) is not None:
        return address if isinstance(target, Url) else masked_url(address)
    shown = {name: value for name, value in sorted(split(target)[0].items()) if value is not None}
    texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in shown.items()}
    return f"{channel}:?{urlencode(texts)}"


def changed(model: type[BaseModel], shown: Members, secrets: Members, changes: Members) -> BaseModel:
    """Apply *changes* to a target and read the result.

    A member that is missing in *changes*, or masked, is kept; null removes it. Secrets are never shown, so a caller
    that changes a target must not be able to send them to another address.

    Raises:
        BodyInvalid: the result is not a valid target, or *changes* changes a visible member and does not contain the
            secrets again.
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
