"""Plugins without a distribution: modules and texts from a test, declared as if they were installed.

A folder with the metadata of a distribution is added to ``sys.path``, so the hub finds the plugin like any other.
"""

import importlib
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

from trunkline.version import __version__

Files = dict[str, str]


@dataclass(frozen=True, slots=True)
class Source:
    """A plugin as the text of its module, and the distribution that declares it.

    *files* (path → text) are written next to the module, such as its migrations. *requires* is None for no dependency.
    """

    name: str
    text: str = field(repr=False)
    files: Files = field(default_factory=Files, repr=False)
    requires: str | None = f"trunkline>={__version__},<1"
    summary: str = "A plugin made for a test."
    version: str = "1.0"
    typed: bool = True


PluginSource = str | ModuleType | Source
"""A plugin: the name of an installed entry point, or a module or a module's text that is declared for the test."""


def name_of(plugin: PluginSource) -> str:
    """Return the name of a plugin."""
    match plugin:
        case str():
            return plugin
        case Source():
            return plugin.name
        case ModuleType():
            return plugin.__name__


class Site:
    """A folder on ``sys.path`` with declared plugins. ``close`` removes them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._before: dict[str, ModuleType | None] = {}
        self._declared: dict[str, PluginSource] = {}

    def declare(self, plugin: PluginSource) -> str:
        """Declare *plugin* unless it is a name; return its name."""
        name = name_of(plugin)
        if isinstance(plugin, str) or self._declared.get(name) is plugin:
            return name
        self.forget(name)
        self._declared[name] = plugin
        self._before.setdefault(name, sys.modules.pop(name, None))
        source = Source(name, text="") if isinstance(plugin, ModuleType) else plugin
        if isinstance(plugin, ModuleType):
            sys.modules[name] = plugin
        else:
            package = self.folder / plugin.name
            package.mkdir(parents=True, exist_ok=True)
            (package / "__init__.py").write_text(plugin.text, encoding="utf-8")
            if plugin.typed:
                (package / "py.typed").touch()
            for path, text in plugin.files.items():
                file = package / path
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text, encoding="utf-8")
        distribution = f"trunkline-{re.sub(r'_+', '-', name)}"
        info = self.folder / f"{distribution.replace('-', '_')}-{source.version}.dist-info"
        info.mkdir(parents=True, exist_ok=True)
        lines = ["Metadata-Version: 2.1", f"Name: {distribution}", f"Version: {source.version}"]
        lines += [f"Summary: {source.summary}"] if source.summary else []
        lines += [f"Requires-Dist: {source.requires}"] if source.requires else []
        (info / "METADATA").write_text("\n".join([*lines, "", ""]), encoding="utf-8")
        (info / "entry_points.txt").write_text(f"[trunkline]\n{name} = {name}\n", encoding="utf-8")
        if str(self.folder) not in sys.path:
            sys.path.insert(0, str(self.folder))
        importlib.invalidate_caches()
        return name

    def forget(self, name: str) -> None:
        """Unload the modules of the plugin *name*, which was declared as source text."""
        if isinstance(self._declared.get(name), Source):
            for module in list(sys.modules):
                if module == name or module.startswith(f"{name}."):
                    del sys.modules[module]

    def close(self) -> None:
        """Unload the declared plugins, restore the modules they replaced, and leave ``sys.path``."""
        for name, module in self._before.items():
            self.forget(name)
            sys.modules.pop(name, None)
            if module is not None:
                sys.modules[name] = module
        if str(self.folder) in sys.path:
            sys.path.remove(str(self.folder))
        importlib.invalidate_caches()
