"""The example of the docs: ten lines add another channel for alerts."""

from tests.contract.test_docs import blocks
from tests.plugins.alerts.telling import tell

PAGE = "how-to/choose-who-is-told.md"


async def test_the_way_on_the_page_sends_alerts(make_hub, sqlite_database_url, receiver, tmp_path):
    [text] = blocks(PAGE, "python", "trunkline_sms.py")
    (tmp_path / "trunkline_sms.py").write_text(text)
    hub = await make_hub(sqlite_database_url, {"plugins.paths": str(tmp_path / "trunkline_sms.py")})
    request = {
        "channel": "sms",
        "target": {"url": receiver.url},
        "event_types": ["subscription.failing"],
    }
    assert (await hub.client.post("/api/v1/subscriptions", json=request)).status_code == 201
    await tell(hub, "failing")
    [sent] = await receiver.wait_for(1)
    assert sent.body.decode() == "Deliveries to https://crm.example/hooks fail (company 92)"
    code = [line for line in text.splitlines() if line.strip() and '"""' not in line and "import" not in line]
    assert len(code) <= 10
