"""The plan of a new plugin, and the files written from it: each template becomes a file, unless the plan lacks its feature."""

import keyword
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from importlib.resources import files
from pathlib import Path

from trunkline.errors import Refused
from trunkline.settings import Settings
from trunkline.version import __version__
from trunkline_kit.beginning.products import make_environment

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
"""The possible features of a plugin, with descriptions; the first is the default."""

_NAME = re.compile(r"[a-z][a-z0-9]*(?:[-_][a-z0-9]+)*", re.ASCII)
_MAX_NAME = 30
_IN_URLS = ("audit", "channels", "consumers", "deliveries", "erasures", "event_types", "integrations", "keys",
            "lookups", "me", "quarantine", "replays", "subscriptions")  # fmt: skip
"""Names after ``/api/v1/`` in the hub's own routes, which come before those of plugins."""
LINE = 110
_FILES: Mapping[str, tuple[str, str | None]] = {
    "pyproject.toml": ("pyproject.toml", None),
    "README.md": ("README.md", None),
    "gitignore": (".gitignore", None),
    "tests.yml": (".github/workflows/tests.yml", None),
    "publish.yml": (".github/workflows/publish.yml", None),
    "init.py": ("{package}/__init__.py", None),
    "py.typed": ("{package}/py.typed", None),
    "settings.py": ("{package}/settings.py", "push"),
    "channel.py": ("{package}/channel.py", "push"),
    "targets.py": ("{package}/targets.py", "push"),
    "broker.py": ("{package}/broker.py", "broker"),
    "broker_server.py": ("tests/broker_server.py", "broker"),
    "feed.py": ("{package}/feed.py", "pull"),
    "event_types.py": ("{package}/event_types.py", "event-types"),
    "tables.py": ("{package}/tables.py", "tables"),
    "migration.py": ("{package}/migrations/0001_notes.py", "tables"),
    "actions.py": ("{package}/actions.py", "action"),
    "searches.py": ("{package}/searches.py", "search"),
    "create_note.json": ("{package}/definitions/create_{module}_note.json", "action"),
    "find_note.json": ("{package}/definitions/find_{module}_note.json", "search"),
    "pages.py": ("{package}/pages.py", "portal-page"),
    "test_conformance.py": ("tests/test_conformance.py", None),
    "test_plugin.py": ("tests/test_{module}.py", None),
}
"""Each template, with its file and its feature; None means that every plugin has the file."""


def check_name(name: str) -> str:
    """Check the name of a new plugin.

    Raises:
        Refused: *name* is reserved, or not valid for an entry point, a package, a table and a URL.
    """
    if not _NAME.fullmatch(name) or len(name) > _MAX_NAME or keyword.iskeyword(name):
        msg = (
            f"'{name}' cannot be a plugin's name: take lower-case letters and digits, with '-' between words, "
            f"up to {_MAX_NAME} characters and no keyword of Python, such as 'acme' or 'acme-crm'."
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
    """Return the names that no new plugin may have: its package, settings or routes would collide with the hub's.

    ``trunkline_client`` is the light client, and ``trunkline_hub`` the module that ``export python`` writes.
    """
    own = [metadata.distribution(name).entry_points for name in ("trunkline", "trunkline-kit")]
    provided = [entry for entries in own for entry in entries]
    plugins = (entry.name for entry in provided if entry.group == "trunkline")
    packages = (entry.module.partition(".")[0].removeprefix("trunkline_") for entry in provided)
    return frozenset([*plugins, *packages, "kit", "client", "hub", *Settings.model_fields, *_IN_URLS]) - {
        "trunkline"
    }


@dataclass(frozen=True, slots=True)
class Plan:
    """A plugin to be written: its *name* and its ``FEATURES``.

    An action or a search needs records, so choosing one also chooses the table.
    """

    name: str
    features: Collection[str] = ("push",)

    @property
    def slug(self) -> str:
        """Return the name as it is used in URLs and distributions."""
        return self.name.replace("_", "-")

    @property
    def module(self) -> str:
        """Return the name as it is used in Python, entry points and tables."""
        return self.name.replace("-", "_")

    @property
    def package(self) -> str:
        """Return the import package."""
        return f"trunkline_{self.module}"

    @property
    def distribution(self) -> str:
        """Return the name of the distribution and of its folder."""
        return f"trunkline-{self.slug}"

    @property
    def title(self) -> str:
        """Return the name that is shown to people."""
        return self.slug.replace("-", " ").title()

    @property
    def broker_channel(self) -> str:
        """Return the name of the broker's channel: the plugin's name, unless the posting channel has that name."""
        return f"{self.module}_broker" if self.has("push") else self.module

    def has(self, feature: str) -> bool:
        """Return whether the plugin has *feature*."""
        return feature in self.features or (
            feature == "tables" and not {"action", "search"}.isdisjoint(self.features)
        )


def write_plugin(plan: Plan, folder: Path) -> list[Path]:
    """Write the package of *plan* into the new *folder*; return its files, sorted by path.

    Raises:
        Refused: *folder* exists and is not empty. Nothing was written.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        msg = f"{folder} is there already; name another folder with --into, or remove it."
        raise Refused(msg)
    written = dict(_render(plan))
    for path, text in written.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    return [folder / path for path in sorted(written)]


def _render(plan: Plan) -> Iterator[tuple[str, str]]:
    environment = make_environment(
        _read,
        block_start_string="<%",
        block_end_string="%>",
        variable_start_string="<<",
        variable_end_string=">>",
        comment_start_string="<#",
        comment_end_string="#>",
    )
    major, minor, *_ = __version__.split(".")
    words = {
        "plan": plan,
        "range": f">={major}.{minor},<{int(major) + 1}",
        "imports": _imports,
        "broker_channel": plan.broker_channel,
        **{feature.replace("-", "_"): plan.has(feature) for feature in FEATURES},
    }
    for template, (path, feature) in _FILES.items():
        if feature is None or plan.has(feature):
            name = path.format(package=plan.package, module=plan.module)
            yield name, environment.get_template(template).render(words)


def _read(template: str) -> str:
    return (files("trunkline_kit.scaffold") / "templates" / f"{template}.jinja").read_text(encoding="utf-8")


def _imports(module: str, names: Sequence[str]) -> str:
    """Write an import, wrapped as formatters do."""
    line = f"from {module} import {', '.join(names)}"
    if len(line) <= LINE:
        return line
    return "\n".join([f"from {module} import (", *(f"    {name}," for name in names), ")"])
