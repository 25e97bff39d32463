"""Every secret that the hub issues is redacted in the log: checked for each function that draws random bytes."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from trunkline.access.keys import new_key
from trunkline.runtime.redaction import redact
from trunkline.targets.signatures import new_secret
from trunkline_oauth import secrets as of_oauth

ROOT = Path(__file__).parents[2]
SOURCES = ("core/trunkline", "kit/trunkline_kit", "plugins")
CHANCE = {"token_urlsafe", "token_hex", "token_bytes", "urandom"}
OF_OAUTH = {
    name: value for name, value in vars(of_oauth).items() if isinstance(value, str) and value.endswith("_")
}

SECRETS: dict[str, list[str]] = {
    "core/trunkline/access/keys.py new_key": [
        new_key("acme", 92),
        new_key("wlcro", -92),
        new_key("a1", None),
    ],
    "core/trunkline/targets/signatures.py new_secret": [
        new_secret(name) for name in ("standard", "github", "ed25519")
    ],
    "plugins/oauth/trunkline_oauth/secrets.py new": [
        *map(of_oauth.new, OF_OAUTH.values()),
        of_oauth.successor_of("ort_x", salt="s"),
    ],
    "plugins/portal/trunkline_portal/sessions.py _new": [f"pses_{'0a' * 16}"],
    "plugins/portal/trunkline_portal/links.py make": [f"plnk_{'0a' * 16}"],
}
"""The secrets that the hub issues or keeps, by the function that draws them."""
OPENS_NOTHING = {
    "core/trunkline/store/operational.py tell",
    "core/trunkline/access/companies.py delete",
    "core/trunkline/access/keys.py _insert",
    "core/trunkline/access/secrets_file.py _draft",
    "core/trunkline/access/secrets_file.py new_secret",
    "core/trunkline/access/vault.py seal",
    "core/trunkline/api/documents.py show_docs",
    "kit/trunkline_kit/beginning/products.py write_product",
    "kit/trunkline_kit/demo/stage.py _scenario",
    "core/trunkline/subscribing/leasing.py _lease_next",
    "core/trunkline/subscribing/leasing.py _try",
    "core/trunkline/cli/doctor/trials.py __init__",
    "core/trunkline/cli/opening.py inspected",
    "core/trunkline/dispatch/dispatcher.py __init__",
    "core/trunkline/dispatch/ledger/replay.py begin",
    "core/trunkline/ingest/requests.py item_steps",
    "core/trunkline/operations/service.py _act_elsewhere",
    "core/trunkline/operations/service.py _try_in_transaction",
    "core/trunkline/operations/service.py call",
    "core/trunkline/operations/service.py once",
    "core/trunkline/store/rehearsal.py rehearse_append",
    "core/trunkline/stream/erasing.py __init__",
    "core/trunkline/subscribing/trial.py _test",
    "kit/trunkline_kit/far_sides.py __init__",
    "kit/trunkline_kit/suites/plugin_tokens.py strangers_tokens",
    "plugins/mcp/trunkline_mcp/challenges.py _exchange",
    "plugins/mcp/trunkline_mcp/challenges.py _post",
    "plugins/mcp/trunkline_mcp/channel.py _terminate",
    "plugins/mcp/trunkline_mcp/raw_json.py __init__",
    "plugins/oauth/trunkline_oauth/apps.py register",
    "plugins/oauth/trunkline_oauth/grants.py exchange",
    "plugins/portal/trunkline_portal/oidc/attempts.py begin",
    "plugins/portal/trunkline_portal/visits.py begin",
}
"""Functions that draw ids, nonces, and values that stay in the process, in a file or in a sealed cookie."""


def places() -> Iterator[str]:
    """Name each function that draws random bytes."""
    for path in sorted(file for source in SOURCES for file in (ROOT / source).rglob("*.py")):
        text = path.read_text()
        if not any(name in text for name in CHANCE):
            continue
        tree = ast.parse(text)
        functions = [
            node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        ]
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and node.attr in CHANCE:
                around = [one.name for one in functions if one.lineno <= node.lineno <= (one.end_lineno or 0)]
                yield f"{path.relative_to(ROOT)} {around[-1] if around else ''}".strip()


def test_each_place_that_draws_random_bytes_is_known():
    assert set(places()) == OPENS_NOTHING | set(SECRETS), (
        "add it above: a secret with samples, or what opens nothing"
    )


@pytest.mark.parametrize(
    "secret",
    [
        pytest.param(each, id=f"{maker}-{number}")  # secrets differ between processes
        for maker, samples in SECRETS.items()
        for number, each in enumerate(samples)
    ],
)
def test_no_secret_that_the_hub_gives_out_stands_in_the_log(secret):
    hidden = redact(f'{{"message":"got {secret}"}}')
    assert secret[-12:] not in hidden
    assert hidden.endswith('…"}')


async def test_sealed_texts_are_hidden_in_the_addresses_and_cookies_that_hold_them(api):
    link = (await api.operator.post("/api/v1/portal/links", json={"company_id": 92})).json()["url"]
    hidden = redact(link)
    assert hidden == f"{link.partition('?')[0]}?link=…"
    page = await api.anonymous.get(link)
    cookie = page.headers["set-cookie"].partition(";")[0]
    assert redact(f"Cookie: {cookie}").endswith("=…")
