"""Reading a command's arguments for a subscription as the API reads a request body."""

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
import typer
from pydantic import BaseModel, ValidationError

from trunkline.api.models import Strict, with_fields
from trunkline.cli.options import json_or_text, names_in
from trunkline.contract import Channel
from trunkline.contract.targets import schema_of
from trunkline.errors.wording import refusal_of
from trunkline.subscribing import options as declared

FROM_INPUT = "-"
"""If a value is this text, the value is read from standard input, so that lists of processes do not show it."""


@with_fields(declared.members_of_change((declared.TARGET, *declared.OPTIONS)))
class AnyChange(Strict):
    """The changes of a subscription on any channel."""


def read_request(
    model: type[BaseModel], *, url: str | None, types: str | None, options: Sequence[str] | None, **given: str
) -> dict[str, Any]:
    """Read a request of *model*, with the members *given*. Raises Refused."""
    request: dict[str, Any] = {**dict(map(_read_option, options or ())), **given}
    if url is not None:
        request["target_url"] = url
    if types is not None:
        request["event_types"] = names_in(types)
    try:
        return model.model_validate(request).model_dump(exclude_unset=True)
    except ValidationError as error:
        faults = [{**fault, "loc": ("body", *fault["loc"])} for fault in error.errors()]
        raise refusal_of(faults, model) from None


def read_members(arguments: Sequence[str] | None) -> dict[str, str]:
    """Read members of a target, each ``NAME=VALUE``, or ``NAME=-`` for a line of standard input."""
    members: dict[str, str] = {}
    for argument in arguments or ():
        name, separator, value = argument.partition("=")
        if not separator or not name:
            msg = f"'{argument[:60]}': write NAME=VALUE, such as host=redis.example.com"
            raise typer.BadParameter(msg, param_hint="--target")
        members[name] = sys.stdin.readline().rstrip("\n") if value == FROM_INPUT else value
    return members


def with_target(
    request: Mapping[str, Any], members: Mapping[str, str], *, channel: Channel | None
) -> dict[str, Any]:
    """Put *members* into the target of *request*: texts unchanged, other values as JSON if they are, for the model of *channel* to convert or refuse."""
    if not members:
        return dict(request)
    model = channel.target if channel is not None else None
    properties: Mapping[str, Any] = schema_of(model)["properties"] if model is not None else {}
    typed = {
        name: value if properties.get(name, {}).get("type", "string") == "string" else json_or_text(value)
        for name, value in members.items()
    }
    return {**request, "target": {**(request.get("target") or {}), **typed}}


def _read_option(argument: str) -> tuple[str, Any]:
    name, separator, value = argument.partition("=")
    try:
        if separator:
            return name, orjson.loads(value)
    except orjson.JSONDecodeError:
        pass
    msg = f"'{argument[:60]}': write NAME=JSON, such as 'rate=\"50/second\"' or max_in_flight=8"
    raise typer.BadParameter(msg, param_hint="--option")
