"""Reading the settings: ``trunkline.toml``, and over it ``TRUNKLINE_{SECTION}__{NAME}`` from ``.env`` and the environment.

An unknown or malformed setting stops the start and is named.
"""

import os
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from trunkline.errors import SettingsInvalid
from trunkline.errors.wording import fault_words
from trunkline.settings import dotenv
from trunkline.settings.settings import CORE_SECTIONS, Settings
from trunkline.settings.values import RATE_PATTERN

ENVIRONMENT_PREFIX = "TRUNKLINE_"
DEFAULT_FILE = Path("trunkline.toml")


def load(file: Path | None = None, environment: Mapping[str, str] | None = None) -> Settings:
    """Read the settings: *file* (``trunkline.toml`` here, if it exists, for None), then *environment*.

    Without *environment* they are the process's variables, over those of ``.env`` beside the file.

    Raises:
        SettingsInvalid: the file is missing or no TOML, or a setting is unknown or malformed.
    """
    tables = _read_file(file)
    if environment is None:
        beside = dotenv.FILE if file is None else file.parent / dotenv.FILE
        environment = {**dotenv.read(beside, prefix=ENVIRONMENT_PREFIX), **os.environ}
    for path, value in _from_environment(environment):
        _put(tables, path, value)
    core = {name: table for name, table in tables.items() if name in CORE_SECTIONS}
    sections = {name: table for name, table in tables.items() if name not in CORE_SECTIONS}
    try:
        return Settings.model_validate({**core, "plugin_sections": sections})
    except ValidationError as error:
        raise SettingsInvalid(describe(error)) from None


def describe(error: ValidationError, *, section: str = "") -> str:
    """Turn what pydantic found into one line per setting at fault."""
    lines: list[str] = []
    for fault in error.errors():
        name = ".".join(
            str(part) for part in ((section,) if section else ()) + fault["loc"] if part != "plugin_sections"
        )
        reason = _reason(fault)
        lines.append(f"Setting '{name}': {reason}" if name else reason)
    return "\n".join(lines)


def _reason(fault: ErrorDetails) -> str:
    """Say what is wrong with a value; only secrets are too short."""
    match fault["type"]:
        case "extra_forbidden":
            return "is not a setting"
        case "too_short" | "string_too_short":
            return f"must have {fault.get('ctx', {})['min_length']} characters or more"
        case "string_pattern_mismatch" if fault.get("ctx", {})["pattern"] == RATE_PATTERN:
            return f"must be calls a minute, such as 60/minute, not '{fault['input']}'"
        case _:
            return fault_words(fault)


def _read_file(file: Path | None) -> dict[str, dict[str, Any]]:
    if file is None and not DEFAULT_FILE.exists():
        return {}
    path = file or DEFAULT_FILE
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        msg = f"The settings file {path} cannot be read: {error.strerror}"
        raise SettingsInvalid(msg) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        msg = f"The settings file {path} is not valid TOML: {error}"
        raise SettingsInvalid(msg) from None
    for name, table in tables.items():
        if not isinstance(table, dict):
            msg = (
                f"Setting '{name}' in {path} stands outside a section; write it as [section] and name = value"
            )
            raise SettingsInvalid(msg)
    return tables


def _from_environment(environment: Mapping[str, str]) -> list[tuple[Sequence[str], str]]:
    values: list[tuple[Sequence[str], str]] = []
    for variable, value in sorted(environment.items()):
        if variable.startswith(ENVIRONMENT_PREFIX) and "__" in variable:
            values.append((variable.removeprefix(ENVIRONMENT_PREFIX).lower().split("__"), value))
    return values


def _put(tables: dict[str, Any], path: Sequence[str], value: str) -> None:
    """Set what stands at *path*, a section, a name, and below tables of their own (``portal.oidc.issuer``) more of them."""
    table = tables
    for part in path[:-1]:
        table = table.setdefault(part, {})
        if not isinstance(table, dict):
            msg = f"Setting '{'.'.join(path)}' is set beside the whole of '{part}'; set one of them"
            raise SettingsInvalid(msg)
    table[path[-1]] = value
