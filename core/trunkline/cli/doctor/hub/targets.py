"""Checks the certificates of subscriptions' targets over connections like the hub's; sends nothing."""

import asyncio
from collections.abc import Collection, Mapping
from urllib.parse import urlsplit

from trunkline.cli.doctor import path
from trunkline.cli.doctor.certificates import RENEWAL
from trunkline.cli.doctor.checks import Check, Verdict, error, ok, warning
from trunkline.errors import StoreUnavailable
from trunkline.model.environments import company_title
from trunkline.outbound.resolving import NameServers
from trunkline.settings import Settings
from trunkline.store import subscriptions as store
from trunkline.store.engines import direct_of
from trunkline.targets.addresses import AddressPolicy

MAX_TARGETS = 500
"""The limit of different hosts and ports to connect to."""
MAX_URLS = 10_000
AT_ONCE = 20
STEP_SECONDS, ALL_SECONDS = 5.0, 60.0
"""Time limits in seconds: of each step of a connection, and of all connections together."""
NAMED = 10
"""The number of targets that are named, and of companies for each; further targets are only counted."""


async def examine_targets(settings: Settings, *, now: float) -> Check:
    """Judge the certificates of the https targets. *now* is Unix seconds."""
    try:
        async with direct_of(settings.database) as database, database.read() as connection:
            targets = await store.https_targets(connection, limit=MAX_URLS)
    except StoreUnavailable as away:
        fix = "start the database"
        return error("target-certificates", f"The targets cannot be read: {away}", fix=fix)
    owners: dict[str, dict[str, None]] = {}
    for url, company_id in targets:
        owners.setdefault(f"https://{urlsplit(url).netloc}/", {})[company_title(company_id)] = None
    origins = list(owners)
    examined: dict[str, Check | None] = {}  # None if the connection to the target failed
    delivery = settings.delivery
    policy = AddressPolicy(
        allow_http=delivery.allow_http, allow_private_networks=delivery.allow_private_networks
    )
    names = NameServers(delivery.name_servers or None)
    turns = asyncio.Semaphore(AT_ONCE)

    async def examine(origin: str) -> None:
        async with turns:
            explored = await path.explore(
                origin,
                policy=policy,
                timeout_seconds=STEP_SECONDS,
                now=now,
                resolve=names.resolve,
                renewal=RENEWAL,
            )
        found = [check for check in explored.checks if check.name == "certificate"]
        examined[origin] = found[0] if found else None

    try:
        async with asyncio.timeout(ALL_SECONDS), asyncio.TaskGroup() as group:
            for origin in origins[:MAX_TARGETS]:
                group.create_task(examine(origin))
    except TimeoutError:
        pass
    finally:
        await names.close()
    return _judge(examined, owners, left_out=len(origins) - len(examined))


def _judge(
    examined: Mapping[str, Check | None], owners: Mapping[str, Collection[str]], *, left_out: int
) -> Check:
    seen = {origin: check for origin, check in examined.items() if check is not None}
    faulty = {origin: check for origin, check in seen.items() if check.verdict is not Verdict.GOOD}
    counts = f"Certificates seen: {len(seen)}"
    if silent := len(examined) - len(seen):
        counts += f", targets that did not answer: {silent}"
    if left_out:
        counts += f", targets left out: {left_out}"
    if not faulty:
        return ok("target-certificates", f"{counts}; none ends within {RENEWAL.days} days.")
    named = "; ".join(
        f"{origin} ({', '.join(list(owners[origin])[:NAMED])}) {check.sentence}"
        for origin, check in list(faulty.items())[:NAMED]
    )
    more = f"; and {len(faulty) - NAMED} more" if len(faulty) > NAMED else ""
    fix = "tell the companies that own them"
    return warning("target-certificates", f"{counts}. To be renewed: {named}{more}", fix=fix)
