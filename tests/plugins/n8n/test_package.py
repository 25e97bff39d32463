"""n8n's official tools judge the package: it builds, has no lint, and passes the review's scan."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from tests.plugins.awkward_product import PRODUCT as AWKWARD
from tests.plugins.n8n.products import PLACED, TINY, UPDATE_ORDER, field, installed_product
from tests.plugins.npm import node_environment
from tests.plugins.own_product import own_product
from tests.programs import output_of

from trunkline.pages import AuthorizationServer, Product
from trunkline_n8n.generator import generate

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
SCAN = """
import { analyzePackage, SOURCE_FILE_PATTERNS } from '@n8n/scan-community-package/scanner/scanner.mjs';
const asked = [undefined, SOURCE_FILE_PATTERNS, ['**/*.js', 'package.json']];
const results = [];
for (const patterns of asked) results.push(await analyzePackage(process.cwd(), patterns));
console.log(JSON.stringify(results));
"""


def extended_product() -> Product:
    """Give our product with one more event type, and an action about a new kind of record."""
    product = installed_product()
    action = dataclasses.replace(
        UPDATE_ORDER, name="cancel_companies_policy", title="Cancel Policy", path="/companies/{number}"
    )
    return dataclasses.replace(
        product,
        event_types=(*product.event_types, PLACED),
        actions=(*product.actions, dataclasses.replace(action, parameters=numbered())),
    )


def numbered() -> dict[str, Any]:
    return {"type": "object", "properties": {"number": field("integer", "Number")}, "required": ["number"]}


def issuer() -> AuthorizationServer:
    """Give a product's own issuer, with values that must be escaped."""
    url = "https://login.example.com/realms/main/protocol/openid-connect"
    asked = {"resource": "https://events.example.com", "prompt": "consent", "note": 'it\'s "ours" & {{ $x }}'}
    return AuthorizationServer(
        f"{url}/auth?kc_idp_hint=it's", f"{url}/token", parameters=asked, issuer="https://login.example.com"
    )


@pytest.mark.parametrize(
    "product",
    [
        TINY,
        extended_product(),
        own_product(),
        AWKWARD,
        dataclasses.replace(TINY, auth="oauth"),
        dataclasses.replace(TINY, auth="both"),
        dataclasses.replace(TINY, auth="oauth", issuer=issuer()),
    ],
    ids=["tiny", "extended", "own", "awkward", "by OAuth", "by either", "by an issuer"],
)
def test_the_official_tools_find_nothing(product, n8n_tools, tmp_path):
    folder = n8n_tools.write(generate(product), tmp_path / "package")
    n8n_tools.build(folder)
    assert "warning" not in n8n_tools.run(folder, "n8n-node", "lint")
    n8n_tools.run(folder, "prettier", "--check", "credentials", "nodes", "package.json", "eslint.config.mjs")
    for result in scan(folder):
        assert result == {"passed": True}


def scan(folder: Path) -> Any:
    scanner = ["node", "--input-type=module", "-e", SCAN]
    return json.loads(output_of(*scanner, cwd=folder, env=node_environment(), timeout=300))


def test_a_new_event_type_and_a_new_action_appear(n8n_tools, tmp_path):
    made = generate(extended_product())
    assert b"'order.placed'" in made["nodes/shared/eventTypes.ts"]
    assert b"path: '/companies/{number}'" in made["nodes/Wlcro/resources/company/cancelCompaniesPolicy.ts"]
