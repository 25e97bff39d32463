"""A deployment with another product (``product.schemas``): nothing of WhiteLabelCRO is loaded, served, exported or shown."""

import json
import re
import shutil
import sys
from collections import Counter
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from tests.example_product import DEFINITIONS, EVENT_TYPES
from tests.keys import scopes_of
from tests.plugins.mcp.conversation import Conversation
from tests.programs import output_of

from trunkline import settings
from trunkline.cli import opening
from trunkline.errors import SettingsInvalid
from trunkline.model.principals import COMPANY_SCOPES
from trunkline.targets.signatures import new_secret

SHOP = Path(__file__).parents[2] / "docs" / "examples" / "shop" / "schemas"
TYPE = "order.created"


def _names_of_operations() -> list[str]:
    return [definition.name for definition in DEFINITIONS]


FOREIGN = re.compile(
    "|".join(
        [
            "white.?label.?cro",
            r"wlcro",
            *map(re.escape, EVENT_TYPES),
            *(
                rf"\b{name}\b" for name in _names_of_operations() if "_" in name
            ),  # otherwise it is a common word
            r"\bleads\b",
            "affiliate",
            r"credit.repair",
            r"trunkline_crm",
        ]
    ),
    re.IGNORECASE,
)
"""Words that belong only to that product."""
_ADDRESS = re.compile(r'(?:href|src|action|data-[a-z-]+)="(/[^"#]*)"')
_IDS = re.compile(r"\d+|(?:sub|dlv|key|rpl|qtn)_\w+|(?<==)[^&]*")
_PARAMETER = re.compile(r"\{(\w+)\}")
_ASSETS = ("/docs/assets/", "/portal/static/")


def found(text: str) -> str:
    """Give the matches of FOREIGN in *text* with their surroundings; empty if there are none."""
    match = FOREIGN.search(text)
    return text[max(match.start() - 80, 0) : match.end() + 80] if match else ""


@pytest.fixture
def schemas(tmp_path: Path) -> Path:
    folder = tmp_path / "schemas"
    shutil.copytree(SHOP, folder)
    (folder / "brand.json").write_text(json.dumps({"slug": "acme-shop", "title": "Acme Shop"}))
    return folder


@pytest.fixture
async def shop(make_hub: Any, sqlite_database_url: str, schemas: Path) -> Any:
    """Start a hub with every plugin and the shop as its product, and make a record of every kind."""
    hub = await make_hub(
        sqlite_database_url,
        {
            "product.schemas": str(schemas),
            "validation.default": "quarantine",
            "actions.provider_url": "http://127.0.0.1:9",
            "actions.provider_secret": new_secret("standard"),
            "delivery.breaker_failures": "1",
            "delivery.breaker_span_seconds": "0",
        },
    )
    for path, body in (
        ("/webhooks/subscriptions", {"target_url": "http://127.0.0.1:9/hook", "event_types": ["*"]}),
        ("/zapier/hooks", {"hookUrl": "http://127.0.0.1:9/zap", "event": TYPE}),
        ("/events/test", {"type": TYPE}),
        ("/events", {"type": TYPE, "payload": {}}),
    ):
        await hub.client.post(f"/api/v1{path}", json=body)
    return hub


async def sign_in(hub: Any, company_id: int | None) -> None:
    """Give the anonymous client the cookies of a person who signed in with a key."""
    _, key = await hub.hub.keys.create(
        company_id, name="somebody", scopes=scopes_of(company_id, COMPANY_SCOPES)
    )
    hub.anonymous.cookies.clear()
    page = await hub.anonymous.get("/portal/sign-in")
    token = unescape(re.findall(r'name="csrf" value="([^"]*)"', page.text)[0])
    answer = await hub.anonymous.post("/portal/sign-in", data={"csrf": token, "key": key, "next": "/portal"})
    assert answer.status_code == 303


async def pages(hub: Any, *starts: str) -> dict[str, str]:
    """Load every page that can be reached from *starts* by links, forms and scripts' addresses."""
    seen: dict[str, str] = {}
    kinds: Counter[str] = Counter()
    waiting = list(starts)
    while waiting:
        address = waiting.pop()
        if address in seen or address.startswith(_ASSETS) or "sign-out" in address or "?next=" in address:
            continue
        kinds[kind := _IDS.sub("*", address)] += 1
        if kinds[kind] > 3:  # one page of each kind
            continue
        answer = await hub.anonymous.get(address, follow_redirects=True)
        seen[address] = answer.text
        waiting += [unescape(found) for found in _ADDRESS.findall(answer.text)]
    return seen


def calls(document: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for path, operations in document["paths"].items():
        for method in operations:
            yield method.upper(), _PARAMETER.sub("1", path)


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_every_page_error_document_and_export_is_the_products_own(shop):
    document = await shop.client.get("/openapi.json")
    texts = {"openapi": document.text, "asyncapi": (await shop.client.get("/asyncapi.json")).text}
    for company_id in (92, None):
        await sign_in(shop, company_id)
        if company_id is None:
            page = await shop.anonymous.get("/portal/company")
            token = unescape(re.findall(r'name="csrf" value="([^"]*)"', page.text)[0])
            await shop.anonymous.post("/portal/company", data={"csrf": token, "company_id": "92"})
        walked = await pages(shop, "/portal", "/docs", "/portal/no-such-page", "/docs/events")
        assert len(walked) > 30
        texts |= {f"{path} of {company_id}": text for path, text in walked.items()}
    for method, path in calls(document.json()):
        for client, sent in (
            (shop.anonymous, {}),
            (shop.client, {"no_such": 1}),
            (shop.client, {"type": "no.such", "event_types": ["no.such"], "versions": 1}),
            (shop.operator, {"companyId": 92}),
        ):
            answer = await client.request(
                method, path, json=sent if method not in {"GET", "DELETE"} else None
            )
            texts[f"{method} {path} {sent}"] = answer.text
    wrong = await shop.anonymous.get("/api/v1/me", headers={"x-api-key": "nonsense"})
    assert "acmeshop_live_92_" in wrong.text
    assert "acmeshop_live_92_" in document.text
    texts["wrong key"] = wrong.text
    for connector in shop.hub.deployment.connectors():
        for path, content in shop.hub.deployment.connector_files(connector.name).items():
            texts[f"{connector.name} {path}"] = path + content.decode(errors="replace")
    talk = Conversation(shop.client)
    for method in ("tools/list", "prompts/list", "resources/list"):
        texts[f"mcp {method}"] = json.dumps(await talk.ask(method))
    for path in ("/metrics", "/readyz", "/api/v1/plugins", "/api/v1/actions", "/api/v1/events"):
        texts[path] = (await shop.client.get(path)).text
    assert len(texts) > 300
    foreign = {name: words for name, text in texts.items() if (words := found(name + text))}
    assert foreign == {}, "\n".join(f"{name}: {words!r}" for name, words in foreign.items())


@pytest.mark.slow
def test_nothing_of_the_reference_product_is_imported(schemas):
    program = f"""if True:
        import sys
        from trunkline import settings
        from trunkline.cli import opening
        hub = opening.inspected(settings.load(environment={{"TRUNKLINE_PRODUCT__SCHEMAS": {str(schemas)!r}}}))
        assert hub.registry.is_active("webhooks"), hub.registry.records
        print(*sorted(name for name in sys.modules if name.startswith(("trunkline_crm", "trunkline_schemas"))))
    """
    assert output_of(sys.executable, "-c", program) == "\n"


def of(**chosen: str) -> settings.Settings:
    return settings.load(environment={f"TRUNKLINE_{name.upper()}": value for name, value in chosen.items()})


@pytest.mark.parametrize(
    ("chosen", "prefix", "title"),
    [
        pytest.param({}, "wlcro", "WhiteLabelCRO", id="the-reference-product-without-the-setting"),
        pytest.param({"product__schemas": str(SHOP)}, "trunkline", "trunkline", id="neutral-without-a-name"),
        pytest.param({"product__schemas": "whitelabelcro", "auth__key_prefix": "acme"}, "acme", "WhiteLabelCRO", id="set-apart"),
    ],
)  # fmt: skip
def test_keys_have_the_prefix_of_the_product_or_of_the_setting(chosen, prefix, title):
    hub = opening.inspected(of(**chosen, plugins__enabled="webhooks"))
    assert (hub.keys.prefix, hub.deployment.brand.title) == (prefix, title)
    assert ("client.created" in hub.catalog.names()) is (title == "WhiteLabelCRO")


def test_the_reference_product_may_be_chosen_and_added_to(schemas):
    hub = opening.inspected(of(product__schemas=f"whitelabelcro,{schemas}", plugins__enabled="crm"))
    assert {"client.created", TYPE} <= set(hub.catalog.names())
    assert (hub.keys.prefix, hub.registry.active) == ("wlcro", ("crm",))


def test_a_product_that_is_not_there_is_named_with_those_that_are():
    with pytest.raises(SettingsInvalid) as refused:
        opening.inspected(of(product__schemas="shp", plugins__enabled="webhooks"))
    assert str(refused.value) == (
        "Setting 'product.schemas': there is no folder shp, nor an installed package of schemas of that name; "
        "installed are: whitelabelcro"
    )


def test_a_plugin_of_another_product_is_not_started_by_its_name(schemas):
    with pytest.raises(SettingsInvalid, match="'crm' is for the product 'whitelabelcro'"):
        opening.inspected(of(product__schemas=str(schemas), plugins__enabled="webhooks,crm"))


def test_a_setting_of_before_that_leaves_the_other_plugin_out_is_no_fault(schemas):
    assert (
        "crm"
        not in opening.inspected(of(product__schemas=str(schemas), plugins__disabled="crm")).registry.active
    )
