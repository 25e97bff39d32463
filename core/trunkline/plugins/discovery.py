"""The first step of loading: list the plugins of the installed distributions, and those at ``plugins.paths``. Nothing is imported.

A plugin of no distribution (a file, a package, or one in a folder of these) becomes a module of a package whose name is
unique to the folder, so that a plugin called ``redis.py`` shadows no library.
"""

import hashlib
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from importlib.metadata import Distribution
from itertools import chain
from operator import attrgetter
from pathlib import Path
from types import ModuleType

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from trunkline.errors import SettingsInvalid
from trunkline.plugins.records import Candidate
from trunkline.schemas import entry_points

HUB = "trunkline"
PRODUCTS = "trunkline.products"
"""Entry-point group in which a distribution assigns a plugin to a product: ``PLUGIN = "SCHEMAS"``."""
_LOCAL = "trunkline_local_"
_MAY_BE_ON_HUB = re.compile(rf"\s*{HUB}(?![A-Za-z0-9])", re.IGNORECASE)
"""Matches the beginning of a requirement that may be on the hub; all other requirements need not be parsed."""


def discover(group: str = HUB, *, path: Sequence[str] | None = None) -> list[Candidate]:
    """List the plugins that distributions on *path* (``sys.path`` if None) declare in the entry-point *group*.

    If a distribution is on the path twice, the first hides the second, as it does for imports.
    """
    by_distribution: dict[str, list[Candidate]] = {}
    for distribution in entry_points.declaring(group, path=path):
        declared = _read_candidates(distribution, group)
        if declared:
            by_distribution.setdefault(canonicalize_name(declared[0].distribution), declared)
    return sorted(chain.from_iterable(by_distribution.values()), key=attrgetter("name", "distribution"))


def _read_candidates(distribution: Distribution, group: str) -> list[Candidate]:
    entries = entry_points.of(distribution, group)
    if not entries:
        return []
    metadata = distribution.metadata  # each property of a distribution parses it anew
    requires = _read_range(metadata.get_all("Requires-Dist") or distribution.requires or ())
    products = {entry.name: entry.value for entry in entry_points.of(distribution, PRODUCTS)}
    name, version = metadata["Name"], metadata["Version"]
    return [
        Candidate(entry.name, entry.value, name, version, requires, products.get(entry.name))
        for entry in entries
    ]


def _read_range(requirements: Iterable[str]) -> str | None:
    """Read the range of the hub's versions from the *requirements* that apply to this machine without any extra."""
    ranges: list[str] = []
    for line in filter(_MAY_BE_ON_HUB.match, requirements):
        try:
            requirement = Requirement(line)
        except InvalidRequirement:
            continue
        marker = requirement.marker
        if canonicalize_name(requirement.name) == HUB and (not marker or marker.evaluate({"extra": ""})):
            ranges.append(str(requirement.specifier))
    return ",".join(filter(None, ranges)) if ranges else None


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
    name = _LOCAL + hashlib.sha256(str(folder).encode()).hexdigest()[:12]
    if name not in sys.modules:
        package = ModuleType(name, f"Plugins in {folder}.")
        package.__path__ = [str(folder)]
        sys.modules[name] = package
    return name
