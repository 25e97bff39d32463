"""Broken plugins: for each check a function that builds a good plugin with one defect."""

import importlib.util
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from trunkline_kit import PluginSource, Source

ATTRIBUTE = "breaks"


@dataclass(frozen=True, slots=True)
class Broken:
    """A plugin with a defect, and its suite's attributes (``settings``, ``metadata``, ``channel`` …)."""

    plugin: PluginSource
    attributes: Mapping[str, Any] = field(default_factory=dict)


Build = Callable[[], PluginSource | Broken]


def breaks(*checks: str) -> Callable[[Build], Build]:
    """Name the checks that must catch the plugin built by a function."""

    def mark(build: Build) -> Build:
        setattr(build, ATTRIBUTE, checks)
        return build

    return mark


def broken_in(*modules: ModuleType) -> list[tuple[str, Build]]:
    """List the building functions of *modules*, once for each check that must catch their plugin."""
    return [
        (check, build)
        for module in modules
        for build in vars(module).values()
        for check in getattr(build, ATTRIBUTE, ())
        if callable(build)
    ]


def built(build: Build) -> Broken:
    """Build the plugin."""
    made = build()
    return made if isinstance(made, Broken) else Broken(made)


THIRD_PARTY = Path(__file__).parents[2] / "third_party"


def load_file(name: str, file: Path) -> ModuleType:
    """Load a module from a file under another name."""
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def source_of(folder: str, package: str, name: str, *changes: tuple[str, str]) -> Source:
    """Give the package of a third-party distribution as the plugin *name*, with *changes* from old to new texts."""
    texts = {file.name: file.read_text() for file in (THIRD_PARTY / folder / package).glob("*.py")}
    for old, new in changes:
        assert any(old in text for text in texts.values()), old
        texts = {file: text.replace(old, new) for file, text in texts.items()}
    texts = {file: text.replace(package, name) for file, text in texts.items()}
    return Source(name, texts.pop("__init__.py"), files=texts)
