"""Broken plugins: for each check a good plugin with one defect."""

import importlib.util
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType
from typing import Any

from trunkline_kit import PluginSource, Source


@dataclass(frozen=True, slots=True, eq=False)
class Broken:
    """A plugin with a defect, its suite's attributes (``settings``, ``channel`` …), and the checks that must catch it."""

    plugin: PluginSource
    attributes: Mapping[str, Any] = field(default_factory=dict)
    checks: tuple[str, ...] = ()

    def breaks(self, *checks: str) -> "Broken":
        """Name the checks that must catch it."""
        return replace(self, checks=checks)


def breaks(*checks: str) -> Callable[[Callable[[], Broken]], Broken]:
    """Replace a function by the plugin that it builds, and name the checks that must catch it."""
    return lambda build: build().breaks(*checks)


def broken_in(*modules: ModuleType) -> list[tuple[str, str, Broken]]:
    """List the broken plugins of *modules* with their names, once for each check that must catch them."""
    return [
        (check, name, broken)
        for module in modules
        for name, broken in vars(module).items()
        if isinstance(broken, Broken)
        for check in broken.checks
    ]


THIRD_PARTY = Path(__file__).parents[2] / "third_party"


def load_file(name: str, file: Path) -> ModuleType:
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
