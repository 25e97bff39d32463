"""Clearing between two rows on one hub: an operator deletes the attackers' subscriptions."""

import asyncio
from collections.abc import Iterable

import aiohttp
from furniture import Company

AT_ONCE = 4
OK = 200
Made = tuple[int, str]
"""A company and its subscription."""


async def subscriptions_of(url: str, companies: Iterable[Company], *, operator_key: str) -> set[Made]:
    """List the subscriptions of *companies*; a deleted company has none."""
    made: set[Made] = set()
    async with aiohttp.ClientSession(url) as session:
        for company in companies:
            headers = _headers(operator_key, company.id)
            async with session.get("/api/v1/subscriptions", headers=headers) as answer:
                said = await answer.json() if answer.status == OK else {"subscriptions": ()}
            made |= {(company.id, each["id"]) for each in said["subscriptions"]}
    return made


async def delete(url: str, made: Iterable[Made], *, operator_key: str) -> None:
    left = iter(made)

    async with aiohttp.ClientSession(url) as session:

        async def work() -> None:
            for company_id, subscription_id in left:
                headers = _headers(operator_key, company_id)
                async with session.delete(
                    f"/api/v1/subscriptions/{subscription_id}", headers=headers
                ) as answer:
                    answer.raise_for_status()

        await asyncio.gather(*(work() for _ in range(AT_ONCE)))


def _headers(operator_key: str, company_id: int) -> dict[str, str]:
    environment = "test" if company_id < 0 else "live"
    return {
        "X-Api-Key": operator_key,
        "X-Company-Id": str(abs(company_id)),
        "X-Environment": environment,
    }
