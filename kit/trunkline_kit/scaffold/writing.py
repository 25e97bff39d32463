"""Writes a plan: each template becomes a file, unless the plan lacks the template's feature."""

from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from pathlib import Path

from trunkline.cli.beginning.products import make_environment
from trunkline.errors import Refused
from trunkline.version import __version__
from trunkline_kit.scaffold.plans import FEATURES, Plan

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
