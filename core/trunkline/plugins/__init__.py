"""The plugin kernel: finds plugins, admits them, collects their contributions, and notifies them.

In this order::

    registry = plugins.load(settings)  # found, admitted; settings, event types and migrations
    collected = plugins.collect_with(registry, contexts=…)  # … and channels and routes
    async with plugins.lifespans(registry), plugins.Notifier(registry) as notifier:
        notifier.event_accepted(events)

A plugin that fails at any step keeps a record with the reason, and all its contributions are removed. The other plugins run. If
plugins are enabled by name (``plugins.enabled``), the start stops instead, with that reason. A ``SettingsInvalid`` that a
plugin raises stops the start in any case.
"""

import os
from collections.abc import Sequence

from trunkline.plugins.admission import admit
from trunkline.plugins.authentication import TokenPrincipals
from trunkline.plugins.collection import collect_routes, collect_static, collect_with
from trunkline.plugins.discovery import discover, discover_local
from trunkline.plugins.lifespans import lifespans
from trunkline.plugins.notification import Notifier
from trunkline.plugins.records import Candidate, PluginRecord
from trunkline.plugins.registry import Registry, logger_of
from trunkline.plugins.tracing import Tracer
from trunkline.plugins.watchdog import Watchdog
from trunkline.settings import Settings
from trunkline.version import __version__

__all__ = [
    "Candidate",
    "Notifier",
    "PluginRecord",
    "Registry",
    "TokenPrincipals",
    "Tracer",
    "Watchdog",
    "admit",
    "collect_routes",
    "collect_static",
    "collect_with",
    "discover",
    "discover_local",
    "lifespans",
    "load",
    "logger_of",
]


def load(settings: Settings, *, path: Sequence[str] | None = None) -> Registry:
    """Find the plugins on *path* (``sys.path`` if None), admit them, and collect contributions that need no context.

    Raises:
        SettingsInvalid: a setting names a plugin that does not exist, or a plugin's section is not valid.
        PluginFailed: a plugin that is enabled by name cannot be used.
    """
    registry = admit(
        [*discover(path=path), *discover_local(settings.plugins.paths)],
        chosen=settings.plugins,
        version=__version__,
        tracer=Tracer.from_environment(os.environ),
        products=settings.product.schemas,
    )
    collect_static(registry, sections=settings.plugin_sections, folder=settings.folder)
    return registry
