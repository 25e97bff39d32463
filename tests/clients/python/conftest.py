"""A hub that the tests of a module share, each with its own company, and a product's database."""

import itertools
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine
from tests.clients.serving import Served

from trunkline_client import Client
from trunkline_client.outbox.rows import blocking_engine
from trunkline_client.outbox.tables import create_tables

COMPANIES = itertools.count(1000)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with Served(f"sqlite:///{tmp_path_factory.mktemp('hub') / 'hub.db'}") as served:
        yield served


@pytest.fixture
def key(served: Served) -> str:
    return served.key_of(next(COMPANIES))


@pytest.fixture
def hub(served: Served, key: str) -> Iterator[Client]:
    with Client(served.url, key) as client:
        yield client


@pytest.fixture
def product(empty_database_url: str) -> Iterator[Engine]:
    engine = blocking_engine(empty_database_url)
    create_tables(engine)
    yield engine
    engine.dispose()
