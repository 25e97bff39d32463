"""An agent with fastmcp's client, run in a separate environment with the address and a key; prints its findings as JSON."""

import asyncio
import json
import sys

from fastmcp import Client
from fastmcp.client.transports import StreamableHttpTransport


async def main(url: str, key: str) -> None:
    transport = StreamableHttpTransport(url, headers={"Authorization": f"Bearer {key}"})
    async with Client(transport) as client:
        tools = {tool.name for tool in await client.list_tools()}
        lead = {"first_name": "Jane", "last_name": "Doe", "email": "jane@fastmcp.example"}
        made = await client.call_tool("create_lead", lead)
        refused = await client.call_tool("create_lead", {"email": 7}, raise_on_error=False)
        found = await client.call_tool("find_lead", {"email": lead["email"]})
        types = await client.read_resource("trunkline://event-types")
        print(
            json.dumps(
                {
                    "tools": sorted(tools),
                    "made": made.structured_content,
                    "refused": [refused.is_error, refused.content[0].text],
                    "found": found.structured_content,
                    "types": json.loads(types[0].text),
                    "prompts": sorted(prompt.name for prompt in await client.list_prompts()),
                }
            )
        )


asyncio.run(main(*sys.argv[1:]))
