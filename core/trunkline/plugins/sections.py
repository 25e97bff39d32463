"""The settings sections of plugins: each has the plugin's name and is checked by the plugin's own model."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from trunkline.errors import PluginFailed, SettingsInvalid
from trunkline.errors.spelling import correction
from trunkline.plugins.calls import describe_error
from trunkline.settings import CORE_SECTIONS, describe
from trunkline.settings.places import beside
from trunkline.settings.secret_files import filled

Section = Mapping[str, Any]


def check_sections(sections: Iterable[str], *, plugins: Iterable[str]) -> None:
    """Refuse a section that belongs to none of *plugins*, running or not.

    Raises SettingsInvalid: there is such a section; the message names the first one, and the known sections.
    """
    known = CORE_SECTIONS | set(plugins)
    for section in sections:
        if section not in known:
            msg = f"'{section}' is not a section; known sections are {', '.join(sorted(known))}{correction(section, known)}"
            raise SettingsInvalid(msg)


def read_section(
    plugin: str, section: Section | None, *, model: type[BaseModel] | None, folder: Path = Path()
) -> BaseModel | None:
    """Turn the *section* of *plugin* into an instance of its *model*. An unknown field is refused.

    Relative paths in the section and in the model's defaults start at *folder*.

    Raises:
        SettingsInvalid: a setting in *section* is unknown or malformed, or one is missing.
        PluginFailed: there is no section, but the model needs one; or a validator of the model raised an unexpected error.
    """
    if model is None:
        for name in section or {}:
            msg = f"Setting '{plugin}.{name}': is not a setting; the plugin has none"
            raise SettingsInvalid(msg)
        return None
    try:
        settings = model.model_validate(filled(section or {}, model), extra="forbid")
    except ValidationError as error:
        faults = describe(error, model=model, section=plugin)
        if section is None:
            raise PluginFailed(plugin, f"needs settings: {'; '.join(faults.splitlines())}") from None
        raise SettingsInvalid(faults) from None
    except SettingsInvalid:
        raise
    except (Exception, SystemExit) as error:
        reason = f"could not read its settings: {describe_error(error)}"
        raise PluginFailed(plugin, reason) from error
    placed: BaseModel = beside(folder, settings)
    return placed
