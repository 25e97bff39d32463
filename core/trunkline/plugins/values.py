"""Checks of the values that ``register_*`` hooks return. Each function returns the values, or raises ``PluginFailed``."""

import math
import re
import sys
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from inspect import getdoc, signature
from typing import Any, TypeVar

from pydantic import BaseModel

from trunkline.contract import (
    Batch,
    Channel,
    Command,
    CompanyRows,
    Connector,
    Migrations,
    Operation,
    PortalPage,
)
from trunkline.contract.target_models import SchemaTarget
from trunkline.contract.targets import find_model_fault
from trunkline.errors import PluginFailed, SchemaInvalid
from trunkline.model.deliveries import BreakerPolicy
from trunkline.model.principals import COMPANY_SCOPES, OPERATOR
from trunkline.plugins.types import find_function_fault, find_text_fault, find_type_fault, name_type
from trunkline.schemas.catalog import EventType, SchemaCatalog
from trunkline.schemas.definition_catalog import DefinitionCatalog
from trunkline.schemas.definitions import KINDS, Definition, Kind
from trunkline.schemas.versions import Caster
from trunkline.store import histories, revisions
from trunkline.targets.urls import find_schemes_fault

CHANNEL_NAME = re.compile(r"[a-z][a-z0-9_-]{0,63}")
MOST_IN_BATCH = 1000
LONGEST_WAIT_SECONDS = 1.0
"""The longest time that a delivery may wait for its batch: half of the time for which a cursor waits for a delivery."""
MOST_BYTES_IN_BATCH = 16 * 1024 * 1024
TABLE = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)
LOCATION = re.compile(r"\w+(\.\w+)*:[\w.-]+(/[\w.-]+)*")

Value = TypeVar("Value")
Faults = Iterator[str | None]
"""Yields each fault of a value in words that follow the word *its*, or None. Each check may rely on those before it."""
Defined = Mapping[Kind, Collection[str]]
"""The names that the schemas define, by kind."""

_FUNCTIONS = {
    "deliver": True,
    "deliver_batch": True,
    "tell_gap": True,
    "check_connection": True,
    "check_target": False,
    "read_url": False,
}
"""The names of a channel's functions; the value is True if the hub awaits the function."""


def check_settings(plugin: str, value: object) -> type[BaseModel]:
    """Accept one pydantic model class."""
    if isinstance(value, type) and issubclass(value, BaseModel):
        return value
    reason = f"returned {name_type(value)} from register_settings, which must return a pydantic model class"
    raise PluginFailed(plugin, reason)


def check_event_types(plugin: str, value: object) -> tuple[EventType, ...]:
    """Check that *value* is a list of event types that a catalog can use, no two of them with the same name and version."""
    items = check_items(plugin, "register_event_types", value, EventType, _event_type_faults)
    try:
        SchemaCatalog(items)
    except SchemaInvalid as error:
        raise PluginFailed(plugin, f"gives an unfit event type '{error.source}': {error.reason}") from None
    return items


def check_operations(
    plugin: str, value: object, *, defined: Mapping[Kind, Collection[str]]
) -> tuple[Operation, ...]:
    """Accept operations that are *defined* or bring their own definition, and set the kind of each; names of a kind differ."""
    find_faults = partial(_operation_faults, defined=defined)
    items = check_items(plugin, "register_operations", value, Operation, find_faults)
    operations = tuple(replace(item, kind=_kinds_of(item, defined)[0]) for item in items)
    for kind in KINDS:
        check_unique(plugin, kind, [operation.name for operation in operations if operation.kind == kind])
    return operations


def check_definitions(plugin: str, own: Collection[Definition], *, beside: Iterable[Definition]) -> None:
    """Check that a catalog can use a plugin's *own* definitions together with *beside*, the definitions of the schemas."""
    try:
        if own:
            DefinitionCatalog([*beside, *own])
    except SchemaInvalid as error:
        raise PluginFailed(plugin, f"gives an unfit definition: {error}") from None


def check_migrations(plugin: str, value: object) -> tuple[Migrations, ...]:
    """Accept one history of migrations that exists and is a single line of revisions."""
    items = check_items(plugin, "register_migrations", value, Migrations, _migrations_faults)
    if len(items) > 1:
        raise PluginFailed(plugin, "gives more than one Migrations in register_migrations")
    return items


def check_items(
    plugin: str, hook: str, value: object, kind: type[Value], find_faults: Callable[[Value], Faults]
) -> tuple[Value, ...]:
    """Accept a list or tuple if every item is of *kind*, and *find_faults* finds no fault in any; the first one counts."""
    expected = f"a list or tuple of {kind.__name__}"
    if not isinstance(value, list | tuple):
        raise PluginFailed(plugin, f"returned {name_type(value)} from {hook}, which must return {expected}")
    for item in value:
        if not isinstance(item, kind):
            reason = f"returned a {type(value).__name__} with {name_type(item)} in it from {hook}, which must return {expected}"
            raise PluginFailed(plugin, reason)
        if fault := next(filter(None, find_faults(item)), None):
            named = f" '{getattr(item, 'name', '')}'" if len(value) > 1 and hasattr(item, "name") else ""
            raise PluginFailed(plugin, f"gave a faulty {kind.__name__}{named} in {hook}: its {fault}")
    return tuple(value)


def check_unique(plugin: str, noun: str, names: Sequence[str]) -> None:
    """Refuse *names* in which a name occurs twice."""
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        raise PluginFailed(plugin, f"gives the {noun} '{twice[0]}' twice")


def _find_name_fault(name: str) -> str | None:
    is_valid = CHANNEL_NAME.fullmatch(name)
    return None if is_valid else f"name '{name}' is not made of lower-case letters, digits, '-' and '_'"


def _channel_faults(channel: Channel) -> Faults:
    yield from _words_faults(channel)
    yield _find_name_fault(channel.name)
    for name, is_async in _FUNCTIONS.items():
        yield find_function_fault(name, getattr(channel, name), is_async=is_async)
    yield _find_call_fault("deliver", "push", channel.deliver)
    yield _find_call_fault("deliver_batch", "pushes", channel.deliver_batch)
    if channel.instructions is not None:
        yield find_text_fault("instructions", channel.instructions)
    yield _find_icon_fault(channel.icon)
    if channel.breaker is not None:
        yield from _breaker_faults(channel.breaker)
    if channel.target is not None:
        yield find_model_fault(channel.target)
        if channel.target_schema is not None and not issubclass(channel.target, SchemaTarget):
            yield "target is declared twice, by target_schema too"
    yield find_schemes_fault(channel.schemes)
    yield from _batch_faults(channel.batch)
    if channel.deliver is None and channel.target is not None:
        yield "deliver is missing, although it declares a target"
    if channel.deliver_batch is None and channel.batch != Batch():
        yield "deliver_batch is missing, although it has a batch"


def _find_call_fault(name: str, first: str, function: Callable[..., Any] | None) -> str | None:
    try:
        if function is not None:
            signature(function).bind(None, None)
    except TypeError:
        return f"{name} cannot be called with two arguments; write 'async def {name}({first}, http)'"
    except ValueError:  # a callable without a signature
        pass
    return None


def _breaker_faults(breaker: BreakerPolicy) -> Faults:
    yield find_type_fault("breaker", breaker, BreakerPolicy, expected="a BreakerPolicy")
    if type(breaker.failures) is not int or breaker.failures < 1:
        yield f"breaker has failures={breaker.failures!r}, which is not a number from 1"
    span_seconds: Any = breaker.span_seconds
    if not isinstance(span_seconds, int | float) or not 0 <= span_seconds < math.inf:
        yield f"breaker has span_seconds={span_seconds!r}, which is not a number of seconds"


def _batch_faults(batch: Batch) -> Faults:
    yield find_type_fault("batch", batch, Batch, expected="a Batch")
    if type(batch.most) is not int or not 1 <= batch.most <= MOST_IN_BATCH:
        yield f"batch has most={batch.most!r}, which is not a number from 1 to {MOST_IN_BATCH}"
    if type(batch.most_bytes) is not int or not 1 <= batch.most_bytes <= MOST_BYTES_IN_BATCH:
        yield f"batch has most_bytes={batch.most_bytes!r}, which is not a number from 1 to {MOST_BYTES_IN_BATCH}"
    wait_seconds: Any = batch.wait_seconds
    if not isinstance(wait_seconds, int | float) or not 0 <= wait_seconds <= LONGEST_WAIT_SECONDS:
        yield f"batch has wait_seconds={wait_seconds!r}, which is not from 0 to {LONGEST_WAIT_SECONDS:g} s"


def _caster_faults(caster: Caster) -> Faults:
    yield find_function_fault("cast", caster.cast, is_optional=False, is_async=False)
    for name in ("from_version", "to_version"):
        yield find_type_fault(name, getattr(caster, name), int, expected="a whole number")
    yield find_text_fault("event_type", caster.event_type)


def _connector_faults(connector: Connector) -> Faults:
    yield from _words_faults(connector)
    yield _find_name_fault(connector.name)
    yield find_function_fault("generate", connector.generate, is_optional=False, is_async=False)
    for name in ("field_name", "remarks", "keys", "demands"):
        yield find_function_fault(name, getattr(connector, name), is_async=False)
    if connector.channel is not None:
        yield find_text_fault("channel", connector.channel)
    steps: Any = connector.steps
    if not isinstance(steps, list | tuple) or not all(isinstance(step, str) for step in steps):  # pyright: ignore[reportUnknownVariableType]
        yield "steps are not a list or tuple of text"


def _page_faults(page: PortalPage) -> Faults:
    yield find_text_fault("name", page.name)
    yield find_text_fault("title", page.title)
    yield _find_name_fault(page.name)
    yield find_function_fault("render", page.render, is_optional=False, is_async=False)
    yield find_function_fault("submit", page.submit)
    if page.scope not in {None, OPERATOR, *COMPANY_SCOPES}:
        yield f"scope '{page.scope}' is none of {', '.join([*COMPANY_SCOPES, OPERATOR])}"
    yield _find_icon_fault(page.icon)


def _find_icon_fault(icon: object) -> str | None:
    if icon is None or str(icon).lstrip().startswith("<svg"):
        return None
    return "icon is neither None nor an SVG element"


def _command_faults(command: Command) -> Faults:
    yield find_text_fault("name", command.name)
    yield _find_name_fault(command.name)
    yield find_function_fault("run", command.run, is_optional=False, is_async=False)
    if not signature(command.run).parameters:
        yield f"run of '{command.name}' takes nothing, but is called with the plugin's context first"
    if not getdoc(command.run) and sys.flags.optimize < 2:  # python -OO removes docstrings
        yield f"run of '{command.name}' has no docstring, which is the command's help"


def _migrations_faults(migrations: Migrations) -> Faults:
    yield find_text_fault("location", migrations.location)
    if not LOCATION.fullmatch(migrations.location):
        yield f"location '{migrations.location}' is not of the form 'package:folder'"
    for rows in migrations.of_companies:
        if (
            not isinstance(rows, CompanyRows)  # pyright: ignore[reportUnnecessaryIsInstance]
            or not TABLE.fullmatch(rows.table)
            or not isinstance(rows.where, str)  # pyright: ignore[reportUnnecessaryIsInstance]
        ):
            yield f"of_companies has {rows!r}, which is no CompanyRows with the name of a table"
    yield _find_place_fault(migrations.location)


def _find_place_fault(location: str) -> str | None:
    named = f"location '{location}' names"
    try:
        folder = histories.folder_of(location)
    except ImportError:
        package = location.partition(":")[0]
        return f"{named} the package '{package}', which is not there; write f\"{{__name__}}:FOLDER\""
    if not folder.is_dir():
        return f"{named} the folder {folder}, which is not there"
    try:
        revisions.read(folder)
    except (OSError, ValueError, SyntaxError) as error:
        return f"{named} revisions that cannot be read: {error}"
    return None


def _event_type_faults(event_type: EventType) -> Faults:
    yield from _words_faults(event_type)
    yield find_type_fault("version", event_type.version, int, expected="a whole number")


def _words_faults(named: EventType | Channel | Connector) -> Faults:
    for name in ("name", "title", "description"):
        yield find_text_fault(name, getattr(named, name))


def _operation_faults(operation: Operation, defined: Defined) -> Faults:
    yield find_text_fault("name", operation.name)
    yield find_function_fault("run", operation.run, is_optional=False)
    if operation.kind not in {None, *KINDS}:
        yield f"kind {operation.kind!r} is none of {', '.join(KINDS)}"
    definition = operation.definition
    if definition is None:
        kinds = _kinds_of(operation, defined)
        if len(kinds) > 1:
            yield f"name '{operation.name}' is that of {' and of '.join(f'a {kind}' for kind in kinds)}; give its kind"
        yield None if kinds else _unknown(operation, defined)
        return
    yield find_type_fault("definition", definition, Definition, expected="a Definition")
    named = (operation.kind or definition.kind, operation.name)
    if operation.name in defined[named[0]]:
        yield f"definition of '{operation.name}' is its own, but the schemas define it already"
    if (definition.kind, definition.name) != named:
        yield f"definition is of the {definition.kind} '{definition.name}', not of the {named[0]} '{named[1]}'"


def _kinds_of(operation: Operation, defined: Defined) -> list[Kind]:
    if operation.definition is not None:
        return [operation.definition.kind]
    kinds: Sequence[Kind] = [operation.kind] if operation.kind else KINDS
    return [kind for kind in kinds if operation.name in defined[kind]]


def _unknown(operation: Operation, defined: Defined) -> str:
    kinds: Sequence[Kind] = [operation.kind] if operation.kind else KINDS
    known = ", ".join(sorted(name for kind in kinds for name in defined[kind])) or "none"
    *others, last = (f"{'an' if kind == 'action' else 'a'} {kind}" for kind in kinds)
    what = f"neither {', '.join(others)} nor {last}" if others else f"no {kinds[0]}"
    return f"name '{operation.name}' is {what} that is defined; defined are {known}"


_LISTED: Mapping[str, tuple[type[Any], Callable[[Any], Faults], str | None]] = {
    "register_casters": (Caster, _caster_faults, None),
    "register_channels": (Channel, _channel_faults, "channel"),
    "register_connectors": (Connector, _connector_faults, "connector"),
    "register_portal_pages": (PortalPage, _page_faults, "portal page"),
    "register_commands": (Command, _command_faults, "command"),
}
"""Hooks that return a list: the type of its items, what finds the faults of one, and the noun of those with unique names."""


def check_listed(plugin: str, value: object, *, hook: str) -> tuple[Any, ...]:
    """Accept the list that *hook* returns. The hub checks later whether the versions of casters exist and are neighbours."""
    kind, find_faults, noun = _LISTED[hook]
    items: tuple[Any, ...] = check_items(plugin, hook, value, kind, find_faults)
    if noun is not None:
        check_unique(plugin, noun, [item.name for item in items])
    return items
