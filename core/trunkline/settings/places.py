"""Where relative paths in the settings begin: in the folder of the settings file, whichever folder a command runs in."""

from pathlib import Path
from typing import Any

from pydantic import BaseModel

_SQLITE = "sqlite:///"


def beside(folder: Path, value: Any) -> Any:
    """Return *value*, a setting or a model of settings, with each relative path in it put into *folder*.

    A path is whatever has the type ``Path``, in a list or a model too, and the file in a URL ``sqlite:///FILE``. Which
    fields of a model count as set stays the same.
    """
    match value:
        case Path():
            return folder / value
        case str() if value.startswith(_SQLITE) and value not in {_SQLITE, f"{_SQLITE}:memory:"}:
            return f"{_SQLITE}{folder / value.removeprefix(_SQLITE)}"
        case list() | tuple() if type(value) in {list, tuple}:
            return type(value)(beside(folder, item) for item in value)
        case dict():
            return {key: beside(folder, item) for key, item in value.items()}
        case BaseModel():
            moved = value.model_copy(update={name: beside(folder, held) for name, held in value})
            moved.model_fields_set.intersection_update(value.model_fields_set)
            return moved
        case _:
            return value
