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
    "core/trunkline/access/secrets_file.py": "the hub's own secrets",
    "core/trunkline/access/vault.py": "nonces, and what plugins have sealed",
    "core/trunkline/api/documents.py": "the nonces of a page's scripts",
    "core/trunkline/api/problems.py": "ids of requests",
    "core/trunkline/cli/opening.py": "the hub's own secrets",
    "core/trunkline/store/rehearsal.py": "rows of a rehearsal",
    "core/trunkline/subscribing/leasing.py": "leases, which are useless without a key",
    "plugins/mcp/trunkline_mcp/challenges.py": "what a new callback has to answer",
    "plugins/oauth/trunkline_oauth/apps.py": "the id of an app that registered itself, which is what the app said",
    "plugins/oauth/trunkline_oauth/requests.py": "what an app asks for, on its way to the consent page",
    "plugins/portal/trunkline_portal/flashes.py": "form tokens before sign-in, and messages",
    "plugins/portal/trunkline_portal/kept_forms.py": "a form whose session has ended, until its person has signed in again",
    "plugins/portal/trunkline_portal/oidc/attempts.py": "a sign-in under way",
    "plugins/portal/trunkline_portal/one_time_secret.py": "a new secret on its way to the page that shows it once",
    "plugins/portal/trunkline_portal/visits.py": "form tokens before sign-in, and messages",
}
"""Modules that make or seal random values which are no credentials of anybody."""


def rows() -> list[list[str]]:
    lines = [line for line in PAGE.splitlines() if line.startswith("| ")][1:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if "---" not in line]


def makes_secrets(path: Path) -> bool:
    """Tell whether a module makes unguessable random text, or seals a value for a browser."""
    text = path.read_text()
    if not any(word in text for word in (*_MAKERS, "purpose=")):
        return False
    for node in ast.walk(ast.parse(text)):
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
    tried = {name for name in making if "/testing/" in name or "/migrations/" in name}
    named = set(re.findall(r"`((?:core|plugins)/[^`]*\.py)`", PAGE))
    assert making - tried - named - set(_NO_SECRETS) == set()
    assert {name for name in named | set(_NO_SECRETS) if not (ROOT / name).exists()} == set()
    assert named & set(_NO_SECRETS) == set()
