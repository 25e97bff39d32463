"""The table of credentials has every kind, every way to end each kind, and every module that makes secrets."""

import ast
import re
from pathlib import Path

from tests.reliability.credential_ways import ELSEWHERE, WAYS

from trunkline.model import principals

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/internals/credentials.md").read_text()
_MAKERS = {"token_urlsafe", "token_bytes", "urandom"}
_NO_SECRETS = {
    "core/trunkline/api/problems.py",
    "core/trunkline/store/rehearsal.py",
    "core/trunkline/subscribing/leasing.py",
}
"""Request ids, rows of a rehearsal, and leases, which are useless without a key."""


def rows() -> list[list[str]]:
    lines = [line for line in PAGE.splitlines() if line.startswith("| ")][1:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if "---" not in line]


def makes_secrets(path: Path) -> bool:
    """Tell whether a module makes unguessable random text, or seals a value for a browser."""
    for node in ast.walk(ast.parse(path.read_text())):
        name = getattr(node, "attr", getattr(node, "id", None))
        if name in _MAKERS:
            return True
        is_seal = isinstance(node, ast.Call) and getattr(node.func, "attr", None) == "seal"
        if is_seal and any(keyword.arg == "purpose" for keyword in node.keywords):
            return True
    return False


def test_every_way_of_the_table_is_tried_and_no_other():
    named = {
        (re.sub(r" *(\(JW[TK]\)|`[^`]*`,?)", "", kind), way.strip())
        for kind, _, _, _, ways, _ in rows()
        for way in ways.split(";")
    }
    assert named == set(WAYS) | set(ELSEWHERE)


def test_every_kind_of_principal_has_a_row():
    kinds = " ".join(row[0] for row in rows())
    assert [prefix for prefix in principals.KINDS if f"`{prefix}_…`" not in kinds] == []


def test_the_tests_elsewhere_are_there():
    for name in ELSEWHERE.values():
        file, _, test = name.partition("::")
        assert f"async def {test}(" in (ROOT / "tests/plugins" / file).read_text()


def test_every_module_that_makes_secrets_is_named():
    modules = (path for shelf in ("core", "plugins") for path in (ROOT / shelf).rglob("*.py"))
    making = {str(path.relative_to(ROOT)) for path in modules if makes_secrets(path)}
    tried = {name for name in making if "/testing/" in name or "/migrations/" in name} | _NO_SECRETS
    named = set(re.findall(r"`((?:core|plugins)/[^`]*\.py)`", PAGE))
    assert making - tried - named == set()
    assert {name for name in named if not (ROOT / name).exists()} == set()
