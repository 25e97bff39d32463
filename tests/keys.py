"""Keys for hubs in separate processes, made without ``trunkline keys create``, which takes two seconds of CPU."""

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from trunkline import settings
from trunkline.cli import opening
from trunkline_kit import hubs


def scopes_of(company_id: int | None, scopes: Sequence[str]) -> Sequence[str]:
    """Give the scopes of a company's key (None: an operator's)."""
    return scopes if company_id is not None else ("operator",)


def make_key(
    environment: Mapping[str, str], company_id: int | None, *, name: str = "test", scopes: Sequence[str] = ()
) -> str:
    with ThreadPoolExecutor(1) as beside_the_tests_loop:
        making = _make_key(environment, company_id, name=name, scopes=scopes)
        return beside_the_tests_loop.submit(asyncio.run, making).result(60)


async def _make_key(
    environment: Mapping[str, str], company_id: int | None, *, name: str, scopes: Sequence[str]
) -> str:
    async with opening.opened(settings.load(environment=environment)) as hub:
        return await hubs.make_key(hub, company_id, name=name, scopes=scopes_of(company_id, scopes))
