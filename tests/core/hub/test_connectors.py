"""The input of connectors, and the files that they may make."""

from collections.abc import Callable, Mapping
from pathlib import PurePosixPath
from typing import Any

import pytest
from tests.core.cli.conftest import SECRETS

from trunkline import settings
from trunkline.contract import Connector
from trunkline.errors import Conflict, PluginFailed, SettingsInvalid
from trunkline.hub.connectors import make_files, product_of
from trunkline.hub.hub import Hub
from trunkline.schemas.products import Product


def product_with(**environment: str) -> Product:
    changed = {f"TRUNKLINE_{name}": value for name, value in environment.items()}
    loaded = settings.load(environment=SECRETS | changed)
    hub = Hub(loaded, dispatch=False, serves=False)
    return product_of(loaded, event_types=hub.catalog.types(), operations=hub.operations)


def files_of(generate: Callable[[Product], Any]) -> Mapping[PurePosixPath, bytes]:
    connector = Connector("acme", title="Acme", description="a", generate=generate)
    return make_files(connector, product_with(), plugin="acme")


def test_a_product_is_what_the_deployment_offers():
    product = product_with(SERVER__PUBLIC_URL="https://api.example.com/")
    assert product.api_url == "https://api.example.com"
    assert len(product.event_types) == 10
    assert len(product.actions) == 12
    assert [one.name for one in product.searches][:3] == ["find_client", "find_lead", "get_affiliate"]
    assert [one.name for one in product.lookups] == ["affiliates", "client-statuses", "clients", "employees"]
    assert (product.brand.slug, product.brand.title) == ("wlcro", "WhiteLabelCRO")


def test_what_nobody_carries_out_is_not_offered():
    product = product_with(PLUGINS__DISABLED="crm")
    assert (product.actions, product.searches, product.lookups) == ((), (), ())
    assert product.event_types


def test_the_settings_lie_over_the_brand_of_the_schemas(tmp_path):
    logo = tmp_path / "logo.svg"
    logo.write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    brand = product_with(BRAND__TITLE="Acme", BRAND__SLUG="acme", BRAND__LOGO=str(logo)).brand
    assert (brand.title, brand.slug, brand.version) == ("Acme", "acme", "1.0.0")
    assert brand.logo == logo.read_text()
    assert brand.logo_dark is None
    assert (brand.docs_url, list(brand.categories)) == ("", ["Sales"])
    named = {"BRAND__DOCS_URL": "https://acme.example/n8n", "BRAND__CATEGORIES": "Analytics,Data & Storage"}
    brand = product_with(**named).brand
    assert (brand.docs_url, brand.categories) == ("https://acme.example/n8n", ("Analytics", "Data & Storage"))


def test_a_deployment_without_schemas_of_a_product_has_a_plain_brand(tmp_path):
    plain = {"PRODUCT__SCHEMAS": str(tmp_path), "PLUGINS__DISABLED": "crm", "AUTH__KEY_PREFIX": "acme"}
    brand = product_with(**plain).brand
    assert (brand.slug, brand.title) == ("acme", "acme")


@pytest.mark.parametrize(
    ("content", "reason"),
    [(None, "cannot be read"), ("PNG", "is not an SVG document")],
    ids=["missing", "PNG"],
)
def test_a_logo_that_cannot_serve_is_named(tmp_path, content, reason):
    logo = tmp_path / "logo.svg"
    if content:
        logo.write_text(content)
    with pytest.raises(SettingsInvalid, match=f"'brand.logo': the file {logo} {reason}"):
        product_with(BRAND__LOGO=str(logo))


def test_files_come_in_the_order_of_their_paths():
    made = files_of(lambda _: {"b/c.txt": b"1", "a.txt": b"2"})
    assert list(made.items()) == [(PurePosixPath("a.txt"), b"2"), (PurePosixPath("b/c.txt"), b"1")]


def _fail(_: Product) -> Mapping[str, bytes]:
    raise KeyError("no")


def _refuse(_: Product) -> Mapping[str, bytes]:
    raise ValueError("the field 'a' is not possible; rename it")


def test_what_a_platform_cannot_represent_is_told_in_the_words_of_its_connector():
    sentence = "Acme cannot offer this product: the field 'a' is not possible; rename it."
    with pytest.raises(Conflict, match=sentence):
        files_of(_refuse)


@pytest.mark.parametrize(
    ("generate", "reason"),
    [
        (_fail, "failed to make the connector 'acme': KeyError: 'no'"),
        (lambda _: None, "made no files for the connector 'acme'"),
        (lambda _: {}, "made no files for the connector 'acme'"),
        (lambda _: {"a.txt": "text"}, "made 'a.txt' of str, not of bytes"),
        (lambda _: {"../a.txt": b""}, "made '../a.txt', which is not below the folder that it is made for"),
        (lambda _: {"/etc/a.txt": b""}, "made '/etc/a.txt', which is not below the folder"),
    ],
    ids=["raises", "None", "nothing", "text", "above", "absolute"],
)
def test_a_generator_that_gives_nonsense_is_told(generate, reason):
    with pytest.raises(PluginFailed, match=reason):
        files_of(generate)
