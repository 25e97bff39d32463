"""The table of security events equals the events in the code."""

import re
from pathlib import Path

import trunkline_oauth.security_events as of_oauth
from trunkline.routes import SecurityEvent
from trunkline_portal import audit as of_portal

PAGE = Path(__file__).parents[2] / "docs/explanation/security.md"


def test_the_page_has_each_security_event_and_its_level():
    declared = {
        value.name: "warning" if value.is_refusal else "info"
        for module in (of_oauth, of_portal)
        for value in vars(module).values()
        if isinstance(value, SecurityEvent)
    }
    table = PAGE.read_text().partition("### Security events")[2].partition("\n## ")[0]
    assert dict(re.findall(r"^- `(\w+)` \((\w+)\): ", table, re.MULTILINE)) == declared
