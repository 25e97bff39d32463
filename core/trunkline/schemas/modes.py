"""The modes of validation: an event with a faulty payload is rejected, quarantined or accepted with a warning. Pure."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal, cast

from trunkline.errors import SettingsInvalid
from trunkline.errors.spelling import known_instead

if (
    TYPE_CHECKING
):  # settings import the modes; a command that only reads settings should not load the validator
    from trunkline.schemas.catalog import SchemaCatalog

Mode = Literal["reject", "quarantine", "warn"]
"""``reject``: answer 422 and store nothing. ``quarantine``: keep the event in quarantine, outside of the log. ``warn``: store it."""


class Modes:
    """The mode of each event type: the one in *types*, or else *default*.

    Raises SettingsInvalid: *types* names an event type that is not in *catalog*.
    """

    __slots__ = ("_default", "_types")

    def __init__(self, default: Mode, types: Mapping[str, Mode], *, catalog: "SchemaCatalog") -> None:
        if unknown := [name for name in types if catalog.get(name) is None]:
            known = known_instead(unknown[0], catalog.names())
            msg = f"Setting 'validation.types.{unknown[0]}': is not a known event type; {known}"
            raise SettingsInvalid(msg)
        self._default: Mode = default
        self._types = dict(types)

    def of(self, event_type: str) -> Mode:
        """Return the mode of *event_type*."""
        return self._types.get(event_type, self._default)


def read_modes(value: object) -> object:
    """Read the modes of event types from settings, for a model to check: a table by name, or a JSON object.

    TOML reads ``client.created = …`` without quotes as a table in a table, which is read as one name.
    """
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except json.JSONDecodeError:
            return value
    if not isinstance(value, dict):
        return value
    modes: dict[str, object] = {}
    for name, mode in cast("dict[str, object]", value).items():
        below = read_modes(mode) if isinstance(mode, dict) else mode
        if isinstance(below, dict):
            modes |= {f"{name}.{rest}": inner for rest, inner in cast("dict[str, object]", below).items()}
        else:
            modes[name] = below
    return modes
