"""Companies for tests: make them, fill them with data of every kind, and count their rows in every table.

Tests use companies that they make, not those of a shared hub, because a new id follows the largest one.
"""

import asyncio
import itertools

from sqlalchemy import text
from tests.answers import json_of

from trunkline.access.keys import COMPANY_SCOPES
from trunkline.store import tables

COMPANIES = "/api/v1/companies"
HOOKS = "/api/v1/webhooks/subscriptions"
LEAD = {"first_name": "Jane", "last_name": "Doe", "email": "jane@example.com"}
NUMBERS = itertools.count(1)
KEPT = {
    "no", "id", "company_id", "channel", "signature", "status", "disabled_ms", "start_position", "resume_position",
    "failures", "failing_since_ms", "failing_ms", "failed_ms", "created_ms", "updated_ms", "version", "timeout_seconds", "max_in_flight", "rate", "failing_level", "told_ms",
}  # fmt: skip
"""The columns of a subscription that an erasure keeps: numbers, times, and the hub's own words."""
EMPTIED = (
    {column.name for column in tables.subscriptions.columns} - KEPT - {"target_url", "event_types", "sealed"}
)


def reference() -> str:
    return f"acme-{next(NUMBERS)}:eu.1"


async def make(hub, **values) -> dict:
    return json_of(await hub.operator.post(COMPANIES, json={"reference": reference(), **values}), 201)


async def emit(hub, company: int | str, type: str = "client.created", **more):
    event = {"type": type, "payload": hub.events(type), "companyId": company}
    return await hub.operator.post("/api/v1/events", json=event, **more)


async def rows_of(hub, company_id: int) -> dict[str, int]:
    """Count a company's rows in every table with a company column."""
    found = {}
    async with hub.hub.engines.read() as connection:
        kind = await connection.run_sync(lambda sync: sync.dialect.name)
        names = (
            "SELECT name FROM sqlite_master WHERE type = 'table'"
            if kind == "sqlite"
            else "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        )
        for (table,) in (await connection.execute(text(names))).all():
            columns = await connection.execute(text(f"SELECT * FROM {table} WHERE false"))
            for column in {"company_id", "namespace"} & set(columns.keys()):
                where = f"{column} = {company_id}"
                if table == "subscriptions":
                    kept = "target_url <> '' OR event_types <> '[]' OR length(sealed) > 0"
                    where += f" AND ({kept} OR {' OR '.join(f'{name} IS NOT NULL' for name in EMPTIED)})"
                count = await connection.execute(text(f"SELECT count(*) FROM {table} WHERE {where}"))
                found[table] = count.scalar_one()
    return {table: count for table, count in found.items() if count and table != "erasures"}


async def receipt_of(hub, erasure: str) -> dict:
    return (await hub.operator.get(f"/api/v1/erasures/{erasure}")).json()


async def completed(hub, erasure: str) -> dict:
    async with asyncio.timeout(60):
        while (receipt := await receipt_of(hub, erasure))["status"] != "completed":
            await asyncio.sleep(0.25)
    return receipt


async def fill(hub, made: dict, target_url: str):
    customer = await hub.client_of(made["id"], COMPANY_SCOPES)
    hook = await customer.post(HOOKS, json={"target_url": target_url, "event_types": ["*"]})
    lead = await customer.post("/api/v1/integrations/leads", json=LEAD, headers={"Idempotency-Key": "one"})
    assert (hook.status_code, lead.status_code) == (201, 201), lead.text
    note = {"text": "called"}
    client = lead.json()["client_id"]
    await customer.post(f"/api/v1/integrations/clients/{client}/notes", json=note)
    await customer.post("/api/v1/integrations/affiliates", json=LEAD)
    await customer.post("/api/v1/integrations/employees", json={"full_name": "Max"})
    await hub.operator.post("/api/v1/portal/links", json={"company_id": made["id"]})
    for key in ("one", "two"):
        await emit(hub, made["id"], headers={"Idempotency-Key": f"{made['id']}-{key}"})
    event = {"type": "client.created", "payload": hub.events("client.created")}
    await customer.post("/api/v1/events", json=event, headers={"Idempotency-Key": "own"})
    path = f"{HOOKS}/{hook.json()['id']}"
    assert (await customer.post(f"{path}/replay", json={})).status_code == 202
    await customer.put("/api/v1/consumers/billing")
    return customer
