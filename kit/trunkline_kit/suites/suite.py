"""The base of every suite: the plugin under test, its settings, and starting a hub with it."""

import contextlib
from collections.abc import Collection, Mapping, Sequence
from typing import ClassVar

from trunkline.contract import Clock
from trunkline.errors import ExtraMissing, PluginFailed, SchemaInvalid, SettingsInvalid
from trunkline.plugins.extras import require_extra
from trunkline_kit.checks import fail
from trunkline_kit.databases import Engine
from trunkline_kit.hubs import MakeTestHub, TestHub
from trunkline_kit.sources import PluginSource, name_of

BUILT_INS = ("actions", "crm", "docs", "make", "mcp", "n8n",
             "oauth", "polling", "portal", "searches", "webhooks", "zapier")  # fmt: skip
NEED_AN_EXTRA = ("mcp",)
"""Built-in plugins that need an extra of the same name."""


def built_ins() -> list[str]:
    """List the names of the plugins that come with trunkline and can run here."""
    names = [name for name in BUILT_INS if name not in NEED_AN_EXTRA]
    for name in NEED_AN_EXTRA:
        with contextlib.suppress(ExtraMissing):
            require_extra(name)
            names.append(name)
    return sorted(names)


class Suite:
    """A suite to subclass.

    *plugin* is the name of the plugin's entry point; *settings* are dotted names and text, as environment variables
    give them. *replaces* names the built-in plugins that the plugin replaces; a hub never runs both. *patience_seconds*
    is the time limit for operations that the hub gives up after five seconds.
    """

    plugin: ClassVar[PluginSource] = ""
    settings: ClassVar[Mapping[str, str]] = {}
    replaces: ClassVar[Collection[str]] = ()
    patience_seconds: ClassVar[float] = 5.0

    @property
    def name(self) -> str:
        """The plugin's name."""
        return name_of(self.plugin)

    async def start(
        self,
        make_hub: MakeTestHub,
        *,
        beside: Sequence[PluginSource] = (),
        settings: Mapping[str, str] | None = None,
        database: Engine = "sqlite",
        url: str | None = None,
        dispatch: bool = True,
        clock: Clock | None = None,
    ) -> TestHub:
        """Start a hub with the plugin and the plugins in *beside*. *settings* override the suite's. Raises CheckFailed."""
        others = [other for other in beside if name_of(other) != self.name]
        try:
            return await make_hub(
                plugins=[self.plugin, *others],
                settings={**self.settings, **(settings or {})},
                database=database,
                url=url,
                dispatch=dispatch,
                clock=clock,
            )
        except (PluginFailed, SettingsInvalid, SchemaInvalid) as error:
            company = f"beside {', '.join(map(name_of, others))}" if others else "alone"
            fail(f"a hub does not start with '{self.name}' {company}: {error}")
