"""Plugins of a deployment that are in no distribution: a file, a package, or a folder of these (``plugins.paths``).

Each plugin is imported as a module of a package whose name is unique to the folder, so that a plugin called
``redis.py`` shadows no library.
"""

import hashlib
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType

from trunkline.errors import SettingsInvalid
from trunkline.plugins.records import Candidate

_PREFIX = "trunkline_local_"


def discover_local(paths: Sequence[Path]) -> list[Candidate]:
    """List the plugins at *paths*: files ``NAME.py``, packages, and the files and packages in folders.

    Names in folders that begin with a dot or an underscore are left out. Nothing is imported.

    Raises SettingsInvalid: a path does not exist, or is not a plugin.
    """
    places = dict.fromkeys(place for path in paths for place in _places_at(path))
    modules = {place: f"{_package_of(place.parent)}.{place.stem}" for place in places}
    return [
        Candidate(place.stem, module, str(place), "local", None, is_local=True)
        for place, module in modules.items()
    ]


def _places_at(path: Path) -> Iterator[Path]:
    place = path.resolve()
    if not place.exists():
        msg = f"Setting 'plugins.paths': there is no file or folder {path}"
        raise SettingsInvalid(msg)
    if _is_plugin(place):
        yield place
    elif place.is_dir():
        plugins = filter(_is_plugin, sorted(place.iterdir()))
        yield from (plugin for plugin in plugins if plugin.name[0] not in "._")
    else:
        msg = f"Setting 'plugins.paths': {path} is no plugin; a plugin is a file NAME.py, or a folder with an __init__.py"
        raise SettingsInvalid(msg)


def _is_plugin(place: Path) -> bool:
    if place.is_dir():
        return (place / "__init__.py").is_file()
    return place.suffix == ".py" and place.is_file() and place.name != "__init__.py"


def _package_of(folder: Path) -> str:
    """Return the name of the package under which the plugins of *folder* are imported; make the package if necessary."""
    name = _PREFIX + hashlib.sha256(str(folder).encode()).hexdigest()[:12]
    if name not in sys.modules:
        package = ModuleType(name, f"Plugins in {folder}.")
        package.__path__ = [str(folder)]
        sys.modules[name] = package
    return name
