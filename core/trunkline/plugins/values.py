"""The checking of what ``register_*`` hooks return. Each function returns the values or raises ``PluginFailed``."""

import re
from collections.abc import Callable
from typing import TypeVar

from fastapi import APIRouter
from pydantic import BaseModel

from trunkline.capabilities import Channel, Migrations, Routes
from trunkline.errors import PluginFailed, SchemaInvalid
from trunkline.schemas import EventType, SchemaCatalog

CHANNEL_NAME = re.compile(r"[a-z][a-z0-9_-]{0,63}")
PREFIX = re.compile(r"(/[^/]+)*")
LOCATION = re.compile(r"\w+(\.\w+)*:[\w.-]+(/[\w.-]+)*")

Value = TypeVar("Value")


def check_settings(plugin: str, value: object) -> type[BaseModel]:
    """Accept one pydantic model class."""
    if isinstance(value, type) and issubclass(value, BaseModel):
        return value
    reason = f"returned {_name_type(value)} from register_settings, which must return a pydantic model class"
    raise PluginFailed(plugin, reason)


def check_event_types(plugin: str, value: object) -> tuple[EventType, ...]:
    """Accept event types of different names that are fit for a catalog."""
    items = _check_items(plugin, "register_event_types", value, EventType, _find_text_fault)
    _check_unique(plugin, "event type", [item.name for item in items])
    try:
        SchemaCatalog(items)
    except SchemaInvalid as error:
        raise PluginFailed(plugin, f"gives an unfit event type '{error.source}': {error.reason}") from None
    return items


def check_channels(plugin: str, value: object) -> tuple[Channel, ...]:
    """Accept channels of different names."""
    items = _check_items(plugin, "register_channels", value, Channel, _find_channel_fault)
    _check_unique(plugin, "channel", [item.name for item in items])
    return items


def check_routes(plugin: str, value: object) -> tuple[Routes, ...]:
    """Accept FastAPI routers."""
    return _check_items(plugin, "register_routes", value, Routes, _find_routes_fault)


def check_migrations(plugin: str, value: object) -> tuple[Migrations, ...]:
    """Accept locations of migrations; whether anything is there is for the migrating to say."""
    return _check_items(plugin, "register_migrations", value, Migrations, _find_migrations_fault)


def _check_items(
    plugin: str, hook: str, value: object, kind: type[Value], find_fault: Callable[[Value], str | None]
) -> tuple[Value, ...]:
    wanted = f"a list or tuple of {kind.__name__}"
    if not isinstance(value, list | tuple):
        raise PluginFailed(plugin, f"returned {_name_type(value)} from {hook}, which must return {wanted}")
    for item in value:
        if not isinstance(item, kind):
            reason = f"returned a {type(value).__name__} with {_name_type(item)} in it from {hook}, which must return {wanted}"
            raise PluginFailed(plugin, reason)
        fault = find_fault(item)
        if fault:
            raise PluginFailed(plugin, f"gave a faulty {kind.__name__} in {hook}: its {fault}")
    return tuple(value)


def _check_unique(plugin: str, noun: str, names: list[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise PluginFailed(plugin, f"gives the {noun} '{name}' twice")


def _find_channel_fault(channel: Channel) -> str | None:
    fault = _find_text_fault(channel)
    if fault is None and not CHANNEL_NAME.fullmatch(channel.name):
        return f"name '{channel.name}' is not made of lower-case letters, digits, '-' and '_'"
    if fault is None and channel.deliver is not None and not callable(channel.deliver):
        return f"deliver is {_name_type(channel.deliver)}, not a function"
    return fault


def _find_routes_fault(routes: Routes) -> str | None:
    fault = _find_type_fault(
        "router", routes.router, APIRouter, wanted="a fastapi.APIRouter"
    ) or _find_type_fault("prefix", routes.prefix, str, wanted="text")
    if fault is None and not PREFIX.fullmatch(routes.prefix):
        return f"prefix '{routes.prefix}' is neither empty nor of the form '/path'"
    return fault


def _find_migrations_fault(migrations: Migrations) -> str | None:
    fault = _find_type_fault("location", migrations.location, str, wanted="text")
    if fault is None and not LOCATION.fullmatch(migrations.location):
        return f"location '{migrations.location}' is not of the form 'package:folder'"
    return fault


def _find_text_fault(named: EventType | Channel) -> str | None:
    fields = (("name", named.name), ("title", named.title), ("description", named.description))
    faults = (_find_type_fault(field, text, str, wanted="text") for field, text in fields)
    return next(filter(None, faults), None)


def _find_type_fault(field: str, value: object, kind: type, *, wanted: str) -> str | None:
    """Say what *field* is if it is not what its annotation promises: a plugin need not be type-checked."""
    return None if isinstance(value, kind) else f"{field} is {_name_type(value)}, not {wanted}"


def _name_type(value: object) -> str:
    """Name what came, for a sentence: ``None``, or the type."""
    return "None" if value is None else f"a value of type {type(value).__name__}"
