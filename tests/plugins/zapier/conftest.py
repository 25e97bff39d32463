"""A small product, and the app of a running hub on Zapier's real core."""

import dataclasses
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from trunkline.pages import Product

from .core import HERE, ZapierApp, start
from .products import make_product
from .zaps import PEOPLE, Shop


@pytest.fixture
def product() -> Product:
    return make_product()


@pytest.fixture(scope="module")
def open_app(
    install_node_packages: Callable[[Path], Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., ZapierApp]]:
    """Export the app of a running hub with our command, and open it on the core with the hub's key.

    With *url* the app calls that address instead of the hub.
    """
    packages = install_node_packages(HERE / "client")
    processes: list[subprocess.Popen[str]] = []

    def open_app(hub: Any, *, url: str | None = None) -> ZapierApp:
        folder = tmp_path_factory.mktemp("zapier") / "app"
        environment = hub.environment | {"TRUNKLINE_SERVER__PUBLIC_URL": url or hub.url}
        exporting = dataclasses.replace(hub, environment=environment)
        exporting.run("export", "zapier", str(folder))
        process = start(folder, packages=packages)
        processes.append(process)
        return ZapierApp(folder, process, hub.key)

    yield open_app
    for process in processes:
        process.communicate(timeout=60)


@pytest.fixture(scope="module")
def opened(served_hub: Any, open_app: Callable[..., Any]) -> Shop:
    operator_key = served_hub.make_key(company_id=None)
    return Shop(served_hub, open_app(served_hub), operator_key)


@pytest.fixture
def shop(opened: Shop) -> Shop:
    """Give the app, connected with a company without records."""
    return opened.connect()


@pytest.fixture
def staffed(shop: Shop) -> Shop:
    """Give the app, connected with a company that has one lead, one employee and one approved affiliate."""
    shop.call("POST", f"{PEOPLE}/employees", json={"full_name": "Maria Lopez"})
    person = {"first_name": "Rosa", "last_name": "Bennett", "email": "rosa@example.com"}
    affiliate = shop.call("POST", f"{PEOPLE}/affiliates", json=person)["affiliate_id"]
    shop.call("PATCH", f"{PEOPLE}/affiliates/{affiliate}", json={"is_approved_affiliate": True})
    shop.app.operation("creates", "create_lead", inputData=shop.fill_in("creates", "create_lead"))
    return shop
