"""A catalogue with one more event type and action: both work on Zapier like the others."""

import asyncio
import json

import pytest

from trunkline_kit.receiver import Receiver

from .zaps import PEOPLE, Shop, use_create, use_trigger

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

GROWN = {
    "events/client.archived.json": {
        "title": "Client Archived",
        "description": "A client was archived.",
        "type": "object",
        "properties": {
            "client_id": {"title": "Client ID", "description": "Their number.", "type": "integer"},
            "reason": {
                "title": "Reason",
                "description": "Why.",
                "type": "object",
                "properties": {"code": {"title": "Code", "description": "In short.", "type": "string"}},
            },
        },
        "required": ["client_id"],
        "additionalProperties": False,
        "examples": [{"client_id": 12345, "reason": {"code": "moved"}}],
    },
    "actions/shelve_client.json": {
        "name": "shelve_client",
        "title": "Archive Client",
        "description": "Archives a client.",
        "method": "PATCH",
        "path": "/clients/{client_id}/archive",
        "emits": ["client.archived"],
        "parameters": {
            "type": "object",
            "properties": {
                "client_id": {
                    "title": "Client",
                    "description": "Their number.",
                    "type": "integer",
                    "x-lookup": "clients",
                }
            },
            "required": ["client_id"],
            "additionalProperties": False,
        },
        "input": {
            "type": "object",
            "properties": {
                "reason": {
                    "title": "Reason",
                    "description": "Why.",
                    "type": "object",
                    "properties": {
                        "code": {
                            "title": "Code",
                            "description": "In short.",
                            "type": "string",
                            "examples": ["moved"],
                        }
                    },
                }
            },
            "additionalProperties": False,
        },
        "output": {
            "type": "object",
            "properties": {"success": {"title": "Success", "description": "True.", "type": "boolean"}},
            "required": ["success"],
            "additionalProperties": False,
        },
        "examples": [
            {
                "parameters": {"client_id": 12345},
                "input": {"reason": {"code": "moved"}},
                "output": {"success": True},
            }
        ],
    },
}


async def test_what_is_added_to_the_catalogue_is_used_as_the_rest(serve_hub, open_app, receiver, tmp_path):
    for name, content in GROWN.items():
        file = tmp_path / "grown" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(content))
    async with Receiver() as product:
        product.answer(body=json.dumps({"output": {"success": True}}).encode())
        hub = await asyncio.to_thread(
            lambda: serve_hub(
                TRUNKLINE_PRODUCT__SCHEMAS=f"whitelabelcro,{tmp_path / 'grown'}",
                TRUNKLINE_ACTIONS__PROVIDER_URL=product.url,
                TRUNKLINE_ACTIONS__PROVIDER_SECRET="whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3",
                TRUNKLINE_ACTIONS__PROVIDER_OPERATIONS="shelve_client",
            )
        )
        shop = Shop(hub, await asyncio.to_thread(open_app, hub))
        assert shop.app.handle(command="validate") == []
        lead = {"first_name": "Jane", "last_name": "Doe", "email": "jane@example.com"}
        await asyncio.to_thread(shop.call, "POST", f"{PEOPLE}/leads", json=lead)
        await asyncio.to_thread(use_create, shop, "shelve_client")
        (called,) = product.requests
        assert json.loads(called.body)["input"]["reason"] == {"code": "moved"}
        example = GROWN["events/client.archived.json"]["examples"][0]
        await use_trigger(shop, "client_archived", {"type": "client.archived", "payload": example}, receiver)
