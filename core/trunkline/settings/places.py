"""Resolving relative paths in the settings: they begin in the folder of the settings file, wherever a command runs."""

import operator
from pathlib import Path
from typing import Any

from pydantic import BaseModel

_SQLITE = "sqlite:///"


def beside(folder: Path, value: Any) -> Any:
    """Return *value*, a setting or a model of settings, with its relative paths resolved against *folder*.

    Paths are values of type ``Path``, also in a list or a model, and the file in a URL ``sqlite:///FILE``. A value
    without paths is returned as it is. A model's record of set fields stays the same.
    """
    match value:
        case Path():
            return folder / value
        case str() if value.startswith(_SQLITE) and value not in {_SQLITE, f"{_SQLITE}:memory:"}:
            return f"{_SQLITE}{folder / value.removeprefix(_SQLITE)}"
        case list() | tuple() if type(value) in {list, tuple}:
            placed = [beside(folder, item) for item in value]
            return value if all(map(operator.is_, placed, value)) else type(value)(placed)
        case dict():
            by_name = {key: beside(folder, item) for key, item in value.items()}
            return value if all(map(operator.is_, by_name.values(), value.values())) else by_name
        case BaseModel():
            moved = {name: now for name, held in value if (now := beside(folder, held)) is not held}
            if moved:
                were_set = value.model_fields_set
                value = value.model_copy(update=moved)
                value.model_fields_set.intersection_update(were_set)
            return value
        case _:
            return value
