"""The registry: all plugins, their states, and their contributions."""

import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from operator import attrgetter
from types import ModuleType
from typing import Any

from msgspec import structs
from pluggy import PluginManager

from trunkline.contract import PluginContext, hookspecs
from trunkline.errors import ExtraMissing, PluginFailed
from trunkline.plugins.calls import Implementation
from trunkline.plugins.discovery import HUB
from trunkline.plugins.inspection import check_module, list_deprecations, list_hooks, list_implementations
from trunkline.plugins.records import Collected, Contributions, PluginRecord
from trunkline.plugins.tracing import Tracer


def logger_of(plugin: str) -> logging.Logger:
    """Return the logger for all messages about *plugin*."""
    return logging.getLogger(f"trunkline.plugins.{plugin}")


class Registry:
    """Every plugin that was found. With *required*, the failure of a plugin during the start of the hub stops the start.

    *start_seconds* is the time limit of each step of a plugin's start. *specifications* is the module of the hooks.
    """

    def __init__(
        self,
        records: Iterable[PluginRecord],
        *,
        required: bool,
        start_seconds: float = 30.0,
        tracer: Tracer | None = None,
        specifications: ModuleType = hookspecs,
    ) -> None:
        self.start_seconds = start_seconds
        self.tracer = tracer
        self.exits = Counter[str]()
        """How often each plugin raised an error that would have ended the process."""
        self._records = list(records)
        self._required = required
        self._contributions = {record.name: Contributions() for record in self._records}
        self._collected: Collected | None = None
        self._lock = threading.Lock()  # routes are collected in a thread while the hub runs
        self._modules: dict[str, ModuleType] = {}
        self._manager = PluginManager(hookspecs.PROJECT)
        self._manager.add_hookspecs(specifications)
        self._hooks = list_hooks(self._manager, specifications)

    @property
    def records(self) -> tuple[PluginRecord, ...]:
        """Every plugin that was found, by name; a name that two distributions claim is listed twice."""
        return tuple(self._records)

    @property
    def active(self) -> tuple[str, ...]:
        """The names of the running plugins, in order."""
        return tuple(record.name for record in self._records if record.state == "active")

    @property
    def collected(self) -> Collected:
        """The contributions of the running plugins."""
        collected = self._collected
        if collected is None:
            with self._lock:
                collected = self._collected = self._collect()
        return collected

    def _collect(self) -> Collected:
        def each(contribution: str) -> tuple[tuple[str, Any], ...]:
            offers = [(name, getattr(self._contributions[name], contribution)) for name in self.active]
            return tuple((name, value) for name, values in offers for value in values or ())

        offers = [(name, self._contributions[name].providers) for name in self.active]
        given = [(name, *item) for name, providers in offers for item in providers.items()]
        return Collected(
            event_types=tuple(value for _, value in each("event_types")),
            migrations=each("migrations"),
            connectors={value.name: (name, value) for name, value in each("connectors")},
            casters=each("casters"),
            channels={value.name: (name, value) for name, value in each("channels")},
            providers={(kind, value.name): (name, value) for name, kind, values in given for value in values},
            pages=each("pages"),
            routes=each("routes"),
        )

    def is_active(self, name: str) -> bool:
        """Return True if the plugin *name* runs."""
        return name in self.active

    def context(self, name: str) -> PluginContext | None:
        """Return the context of the plugin *name*; None before the context is made."""
        return self._contributions[name].context

    def implementation(self, hook: str, *, plugin: str) -> Implementation | None:
        """Return the implementation of *hook* in *plugin*; None if the plugin does not run, or does not implement the hook."""
        implementations = getattr(self._manager.hook, hook).get_hookimpls()
        chosen = next((each for each in implementations if each.plugin_name == plugin), None)
        if chosen is None:
            return None
        implementation = Implementation(plugin, hook, chosen.function, tuple(chosen.argnames))
        return self.tracer.hook(implementation) if self.tracer else implementation

    def implementing(self, hook: str) -> Iterator[Implementation]:
        """Yield the implementation of *hook* in each running plugin that has one."""
        for name in self.active:
            if (implementation := self.implementation(hook, plugin=name)) is not None:
                yield implementation

    def module(self, name: str) -> ModuleType | None:
        """Return the module of the plugin *name*, failed or not; None if it was not imported."""
        return self._modules.get(name)

    def implementations(self, name: str) -> Iterator[tuple[str, Callable[..., object]]]:
        """List the hooks that the module of the plugin *name* marks, each with its function."""
        module = self.module(name)
        return list_implementations(module, manager=self._manager) if module else iter(())

    def register(self, name: str, module: ModuleType) -> None:
        """Register *module* as the plugin *name*. Raises PluginFailed: this hub cannot use the module."""
        owner = self._manager.get_name(module)
        if owner is not None:
            raise PluginFailed(name, f"shares its module {module.__name__} with plugin '{owner}'")
        self._modules[name] = module
        check_module(name, module, manager=self._manager, hooks=self._hooks)
        deprecations = tuple(list_deprecations(module, manager=self._manager))
        try:
            self._manager.register(module, name)  # pluggy warns at the line of each deprecated hook
        except DeprecationWarning as warning:  # if warnings are errors
            raise PluginFailed(name, deprecations[0]) from warning
        self._note(name, deprecations=deprecations)
        for sentence in deprecations:
            logger_of(name).warning("Plugin '%s' %s", name, sentence)

    def is_own(self, name: str) -> bool:
        """Return True if the plugin *name* comes with trunkline."""
        return any(record.name == name and record.distribution == HUB for record in self._records)

    @property
    def has_only_own(self) -> bool:
        """Whether every running plugin comes with trunkline."""
        return all(map(self.is_own, self.active))

    def turn_away(self, record: PluginRecord) -> None:
        """Record a plugin as failed because a plugin that comes with trunkline has the same name and is loaded instead.

        Raises PluginFailed: the name is enabled explicitly.
        """
        reason = f"has the name of a plugin of trunkline; give {record.distribution} another"
        failure = PluginFailed(record.name, reason)
        self._records.append(structs.replace(record, state="failed", error=str(failure)))
        self._records.sort(key=attrgetter("name"))
        logger_of(record.name).error(str(failure))
        if self._required and record.state == "active":
            raise failure

    def keep(self, name: str, contributions: Contributions) -> None:
        """Store *contributions* of the plugin *name*."""
        with self._lock:
            self._contributions[name] = contributions
            self._collected = None

    def contributions_of(self, name: str) -> Contributions:
        """Return the contributions of the plugin *name*."""
        return self._contributions[name]

    def refuse(self, failure: PluginFailed) -> None:
        """Remove a plugin while the hub starts. Raises PluginFailed: *failure* itself, if plugins are enabled by name."""
        self.fail(failure.plugin, failure.reason, cause=failure.__cause__)
        if self._required:
            raise failure

    def leave_out(self, name: str, missing: ExtraMissing) -> None:
        """Disable a plugin whose packages are not installed and that is not enabled by name.

        Raises PluginFailed: plugins are enabled by name.
        """
        failure = PluginFailed(name, str(missing))
        if self._required:
            raise failure
        self._note(name, state="disabled", error=str(failure))
        logger_of(name).info(str(failure))

    def fail(self, name: str, reason: str, *, cause: BaseException | None = None) -> None:
        """Remove a plugin and all its contributions; a plugin that failed before keeps its first reason."""
        if not self.is_active(name):
            return
        sentence = str(PluginFailed(name, reason))
        self._note(name, state="failed", error=sentence)
        self.keep(name, Contributions())
        if self._manager.has_plugin(name):
            self._manager.unregister(name=name)
        logger_of(name).error(sentence, exc_info=cause)

    def _note(self, name: str, **changes: Any) -> None:
        with self._lock:
            for index, record in enumerate(self._records):
                if record.name == name and record.state != "failed":
                    self._records[index] = structs.replace(record, **changes)
            self._collected = None
