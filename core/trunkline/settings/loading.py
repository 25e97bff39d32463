"""Reading the settings: ``trunkline.toml``, overridden by ``TRUNKLINE_{SECTION}__{NAME}`` from ``.env`` and the environment.

An unknown or malformed setting prevents the start, and the error names it. Relative paths begin in the folder of the file.
"""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from trunkline.errors import SettingsInvalid
from trunkline.errors.spelling import nearest
from trunkline.errors.wording import fault_words, fields_at
from trunkline.settings import dotenv, secret_files
from trunkline.settings.places import beside
from trunkline.settings.settings import CORE_SECTIONS, Settings
from trunkline.settings.values import RATE_PATTERN

ENVIRONMENT_PREFIX = "TRUNKLINE_"
DEFAULT_FILE = Path("trunkline.toml")


def load(file: Path | None = None, environment: Mapping[str, str] | None = None) -> Settings:
    """Read *file* (by default ``trunkline.toml`` in the current folder, if it exists), overridden by *environment*.

    Without *environment* the process's variables are used; they override the variables in ``.env`` in the file's folder.
    Relative paths, also those in variables, begin in the folder of the file, or in the current folder if there is no file.
    A variable may name the file that holds a secret (``secret_files``).

    Raises:
        SettingsInvalid: the file is missing or not TOML, a setting is unknown or malformed, or a secret's file cannot be read.
    """
    if file is None and (DEFAULT_FILE.exists() or DEFAULT_FILE.is_symlink()):
        file = DEFAULT_FILE
    folder = Path() if file is None else file.parent
    tables = {} if file is None else _read_file(file)
    if environment is None:
        environment = {**dotenv.read(folder / dotenv.FILE, prefix=ENVIRONMENT_PREFIX), **os.environ}
    _override(tables, environment, folder)
    core = secret_files.filled({name: tables[name] for name in tables if name in CORE_SECTIONS}, Settings)
    sections = {name: table for name, table in tables.items() if name not in CORE_SECTIONS}
    try:
        settings = Settings.model_validate({**core, "plugin_sections": sections, "file": file})
    except ValidationError as error:
        raise SettingsInvalid(describe(error, model=Settings)) from None
    return settings.model_copy(
        update={name: beside(folder, getattr(settings, name)) for name in CORE_SECTIONS}
    )


def describe(error: ValidationError, *, model: type[BaseModel], section: str = "") -> str:
    """Convert pydantic's errors for *model* to one line per faulty setting."""
    lines: list[str] = []
    for fault in error.errors():
        name = ".".join(
            str(part) for part in ((section,) if section else ()) + fault["loc"] if part != "plugin_sections"
        )
        reason = _reason(fault, model, section)
        lines.append(f"Setting '{name}': {reason}" if name else reason)
    return "\n".join(lines)


def _reason(fault: ErrorDetails, model: type[BaseModel], section: str) -> str:
    """Describe the fault of a value; the error "too short" only occurs for secrets."""
    match fault["type"]:
        case "extra_forbidden":
            *above, name = fault["loc"]
            meant = nearest(str(name), fields_at(model, fault["loc"]))
            path = ".".join(map(str, ((section,) if section else ()) + (*above, meant)))
            return f"is not a setting; did you mean '{path}'?" if meant else "is not a setting"
        case "too_short" | "string_too_short":
            return f"must have {fault.get('ctx', {})['min_length']} characters or more"
        case "string_pattern_mismatch" if fault.get("ctx", {})["pattern"] == RATE_PATTERN:
            return f"must be calls a minute, such as 60/minute, not '{fault['input']}'"
        case _:
            return fault_words(fault)


def _read_file(path: Path) -> dict[str, dict[str, Any]]:
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8-sig"))
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


def _override(tables: dict[str, Any], environment: Mapping[str, str], folder: Path) -> None:
    """Set the variables' values in *tables*: a section, a name, and further names of nested tables (``portal.oidc.issuer``)."""
    for variable, value in sorted(environment.items()):
        if not variable.startswith(ENVIRONMENT_PREFIX) or "__" not in variable:
            continue
        *above, name = path = variable.removeprefix(ENVIRONMENT_PREFIX).lower().split("__")
        table = tables
        for part in above:
            table = table.setdefault(part, {})
            if not isinstance(table, dict):
                msg = f"Setting '{'.'.join(path)}' is set beside the whole of '{part}'; set one of them"
                raise SettingsInvalid(msg)
        table[name] = value
        own = variable.removesuffix("_FILE")
        if own != variable:
            is_beside = own in environment
            table[name] = secret_files.NamedFile(
                value, folder=folder, variable=variable, is_beside_value=is_beside
            )
