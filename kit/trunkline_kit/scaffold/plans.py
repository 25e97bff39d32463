"""The plan of a new plugin: its name and its features."""

import keyword
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from importlib import metadata

from trunkline.errors import Refused
from trunkline.settings import Settings

FEATURES: Mapping[str, str] = {
    "push": "a channel that sends each event somewhere",
    "broker": "a channel to a queue of a broker that customers name, with a form in the portal",
    "pull": "a channel that customers read from",
    "action": "an action: a write into the plugin's own table",
    "search": "a search in that table",
    "event-types": "an event type of its own",
    "portal-page": "a page in the admin portal",
    "tables": "a table with its migrations",
}
"""What a plugin may have, with what it is; the first is what it has if nothing is asked for."""

_NAME = re.compile(r"[a-z][a-z0-9]*(?:[-_][a-z0-9]+)*", re.ASCII)
_MAX_NAME = 30


def check_name(name: str) -> str:
    """Accept the name of a new plugin.

    Raises:
        Refused: it is none that an entry point, a package, a table and a URL can all have.
    """
    if not _NAME.fullmatch(name) or len(name) > _MAX_NAME or keyword.iskeyword(name):
        msg = (
            f"'{name}' cannot be a plugin's name: take lower-case letters and digits, with '-' between words, "
            f"up to {_MAX_NAME} characters, such as 'acme' or 'acme-crm'."
        )
        raise Refused(msg)
    if name.replace("-", "_") in reserved_names():
        msg = (
            f"'{name}' is taken: a part of the hub, a plugin that comes with it, or a section of its settings has that name. "
            f"Take another one, such as 'acme-{name}'."
        )
        raise Refused(msg)
    if name.replace("-", "_") == "trunkline" or name.startswith(("trunkline-", "trunkline_")):
        msg = f"'{name}' is named after the hub; leave 'trunkline' out, the package gets it by itself."
        raise Refused(msg)
    return name


def reserved_names() -> frozenset[str]:
    """Name what no new plugin may be called: its package would lie over one of the hub's, or its settings over a section."""
    own = [metadata.distribution(name).entry_points for name in ("trunkline", "trunkline-kit")]
    provided = [entry for entries in own for entry in entries]
    plugins = (entry.name for entry in provided if entry.group == "trunkline")
    packages = (entry.module.partition(".")[0].removeprefix("trunkline_") for entry in provided)
    return frozenset([*plugins, *packages, "kit", *Settings.model_fields]) - {"trunkline"}


@dataclass(frozen=True, slots=True)
class Plan:
    """A plugin to be written: its *name*, and which of ``FEATURES`` it has.

    An action and a search need records, and so bring the table.
    """

    name: str
    features: Collection[str] = ("push",)

    @property
    def slug(self) -> str:
        """The name as URLs and distributions have it."""
        return self.name.replace("_", "-")

    @property
    def module(self) -> str:
        """The name as Python, entry points and tables have it."""
        return self.name.replace("-", "_")

    @property
    def package(self) -> str:
        """The import package."""
        return f"trunkline_{self.module}"

    @property
    def distribution(self) -> str:
        """The distribution, and the folder that it is written to."""
        return f"trunkline-{self.slug}"

    @property
    def title(self) -> str:
        """The name as people read it."""
        return self.slug.replace("-", " ").title()

    @property
    def broker_channel(self) -> str:
        """The name of the channel to a broker: the plugin's, unless the channel that posts has it."""
        return f"{self.module}_broker" if self.has("push") else self.module

    def has(self, feature: str) -> bool:
        """Tell whether the plugin has *feature*."""
        return feature in self.features or (
            feature == "tables" and not {"action", "search"}.isdisjoint(self.features)
        )
