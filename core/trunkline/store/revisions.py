"""The revisions of a migration history, read from its files without running them."""

import ast
from pathlib import Path


def read(folder: Path) -> list[str]:
    """List the revisions of the alembic files in *folder*, each after the one that it builds on.

    Raises:
        ValueError: they are not one line: two build on the same one, or one builds on what is not there.
    """
    successors: dict[str | None, str] = {}
    files = sorted(folder.glob("[!_]*.py"))
    for file in files:
        identifiers = _identifiers(file)
        successors[identifiers["down_revision"]] = str(identifiers["revision"])
    line: list[str] = []
    while (following := successors.get(line[-1] if line else None)) and following not in line:
        line.append(following)
    if len(line) != len(files):
        msg = f"the revisions in {folder} are not one line, each with the one before it as its down_revision"
        raise ValueError(msg)
    return line


def _identifiers(file: Path) -> dict[str, str | None]:
    """Find what *file* sets as its ``revision`` and ``down_revision``. Raises ValueError."""
    identifiers: dict[str, str | None] = {}
    for node in ast.parse(file.read_text(encoding="utf-8"), file.name).body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        for target in targets:
            if isinstance(target, ast.Name) and target.id in {"revision", "down_revision"}:
                identifiers[target.id] = _literal(node)
    if not identifiers.get("revision") or "down_revision" not in identifiers:
        msg = f"{file} must set revision and down_revision, to text or None"
        raise ValueError(msg)
    return identifiers


def _literal(node: ast.stmt) -> str | None:
    value = getattr(node, "value", None)
    return value.value if isinstance(value, ast.Constant) and isinstance(value.value, str) else None
