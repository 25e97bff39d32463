"""Forbidden addresses of MCP Events callbacks, in any notation: nothing is sent to them, and no subscription is made."""

import pytest
from tests.plugins.mcp.callbacks import SECRET
from tests.plugins.mcp.conversation import Conversation

SETTINGS = {"delivery.allow_http": "false", "delivery.allow_private_networks": "false"}
"""The settings of a usual deployment."""
LOOPBACK = (
    "127.0.0.1", "127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "017700000001", "0", "0.0.0.0",
    "127.0.0.1.", "127%2e0%2e0%2e1", "%31%32%37.0.0.1", "\uff11\uff12\uff17.0.0.1", "\u2460\u2461\u2466.0.0.1", "127\u30020\u30020\u30021",
    "localhost", "LOCALHOST", "localhost.", "x.localhost", "\u24db\u24de\u24d2\u24d0\u24db\u24d7\u24de\u24e2\u24e3",
    "[::1]", "[0:0:0:0:0:0:0:1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[64:ff9b::127.0.0.1]",
    "[64:ff9b:1::7f00:1]", "[2002:7f00:1::]", "[2001:0:0:0:0:0:80ff:fffe]",
)  # fmt: skip
OTHERS = (
    "10.0.0.1", "172.16.0.1", "192.168.0.1", "0xC0A80001", "169.254.169.254", "[fd00:ec2::254]", "[fe80::1]", "[fe80::1%25eth0]",
    "[fc00::1]", "100.64.0.1", "198.18.0.1", "224.0.0.1", "255.255.255.255", "[ff02::1]", "metadata.google.internal", "instance-data",
)  # fmt: skip
FORMS = (
    "http://agent.example/", "ftp://agent.example/", "file:///etc/passwd", "//agent.example/", "agent.example", "", "https://",
    "https:///path", "https://jane@agent.example/", "https://jane:pw@agent.example/", "https://@agent.example/",
    "https://agent.example\\@127.0.0.1/", "https://127.0.0.1\\.agent.example/", "https://agent.example:0/", "https://agent.example:99999/",
    "https://agent.example/\r\nX-Api-Key: 1", "https://agent.example/#fragment", "https://exa mple.com/",
    "javascript:alert(1)", "gopher://127.0.0.1:6379/_INFO", "https://" + "a" * 3000 + ".example/",
)  # fmt: skip


@pytest.fixture
async def agent(lend_hub) -> Conversation:
    return Conversation((await lend_hub("sqlite", SETTINGS)).client)


async def test_no_notation_of_a_place_within_is_taken(agent):
    taken = []
    for url in (*(f"https://{host}/hook" for host in (*LOOPBACK, *OTHERS)), *FORMS):
        delivery = {"mode": "webhook", "url": url, "secret": SECRET}
        answer = (await agent.send("events/subscribe", {"name": "lead.created", "delivery": delivery})).json()
        error = answer.get("error", {})
        data = error.get("data") or {}
        faults = [fault["path"] for fault in data.get("errors", ())]
        if error.get("code") != -32602 or faults != ["/delivery/url"]:
            taken.append((url[:60], answer))
    assert taken == [], taken
    listed = await agent.http.get("/api/v1/subscriptions", params={"channel": "mcp"})
    assert listed.json()["subscriptions"] == []
