"""Validates payloads in the product by the hub's schemas, shipped with the product or fetched from the hub."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema_rs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trunkline_client.client import Client


class EventInvalid(ValueError):
    """An event breaks its schema. *errors* are pairs of a JSON pointer into the payload and its fault."""

    def __init__(self, type: str, errors: Sequence[tuple[str, str]]) -> None:
        faults = "".join(f"\n  {path or 'the payload'} {message}" for path, message in errors)
        super().__init__(f"the event '{type}' was not emitted:{faults}")
        self.type = type
        self.errors = tuple(errors)


def fetch_schemas(hub: Client) -> dict[str, dict[str, Any]]:
    """Read from the hub the schema of each event type, by which the hub validates events.

    Store the schemas in a file, so that an application can start without the hub.
    """
    types = hub.list_event_types()["event_types"]
    return {each["type"]: hub.get_event_type_schema(each["type"], strict=True) for each in types}


def _read(file: Path) -> Any:
    try:
        return json.loads(file.read_bytes())
    except ValueError as error:
        msg = f"'{file}' is no JSON: {error}"
        raise ValueError(msg) from error


class Schemas:
    """Checks payloads. *source* is a schema for each type, or a folder with a file ``<type>.json`` for each."""

    def __init__(self, source: Mapping[str, Any] | str | os.PathLike[str]) -> None:
        if isinstance(source, (str, os.PathLike)):
            files = sorted(Path(source).glob("*.json"))
            if not files:
                msg = f"'{source}' has no schemas: files such as {source}/shipment.delivered.json"
                raise FileNotFoundError(msg)
            source = {file.stem: _read(file) for file in files}
        self._source: Mapping[str, Any] = source
        self._validators: dict[str, jsonschema_rs.Draft202012Validator] = {}

    def check(self, type: str, payload: Any, *, version: int | None = None) -> None:
        """Raise EventInvalid if there is no such *type*, or if *payload* (JSON data) breaks its schema."""
        name = f"{type}@{version}" if f"{type}@{version}" in self._source else type
        validator = self._validators.get(name)
        if validator is None:
            if name not in self._source:
                known = ", ".join(sorted(self._source))
                raise EventInvalid(type, [("/type", f"is not a known event type; known are {known}")])
            try:
                validator = jsonschema_rs.Draft202012Validator(
                    self._source[name], validate_formats=True, offline=True
                )
            except ValueError as error:
                msg = f"the schema of '{name}' is no JSON Schema: {error}"
                raise ValueError(msg) from error
            self._validators[name] = validator
        if not validator.is_valid(payload):
            faults = validator.iter_errors(payload)
            raise EventInvalid(
                type, [("".join(f"/{part}" for part in each.instance_path), each.message) for each in faults]
            )
