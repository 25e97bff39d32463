"""The texts: each operational event type has one, which fits the type's own example."""

import json
import re

import pytest

from trunkline.schemas.files import operational_event_types
from trunkline_alerts.messages import TEMPLATES, write
from trunkline_alerts.services import chat_body, pagerduty_body
from trunkline_alerts.settings import Settings

TYPES = {kind.name: kind for kind in operational_event_types()}


def test_every_operational_event_type_has_a_text():
    assert set(TEMPLATES) == set(TYPES)


@pytest.mark.parametrize("name", sorted(TYPES))
def test_a_text_names_whose_it_is_and_what_to_do(name):
    payload = TYPES[name].schema["examples"][0]
    message = write(name, payload, whose="Acme", link="https://hub.example/portal", waiting=7)
    assert message.subject.endswith("(Acme)")
    assert "What to do: " in message.body
    assert message.body.endswith("https://hub.example/portal")
    assert "None" not in message.subject + message.body


def test_what_is_null_is_unknown_and_a_subject_is_one_line():
    payload = {
        "subscription": {"id": "sub_1", "target_url": "https://a\r\nBcc: x"},
        "failing_since_utc": None,
    }
    message = write("subscription.recovered", payload, whose="Acme")
    assert "Failing since: unknown" in message.body
    assert "\n" not in message.subject


def test_an_event_that_is_not_operational_is_shown_as_it_is():
    message = write("lead.created", {"email": "{x}"}, whose="company 92")
    assert (message.subject, message.severity) == ("lead.created (company 92)", "info")
    assert '"email": "{x}"' in message.body
    assert "links" in pagerduty_body(message, "R0")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"smtp_host": "mail.example"}, "alerts.sender must be set"),
        ({"sender": "two@a.example, b@b.example"}, "pattern"),
        ({"operators": [f"n{n}@a.example" for n in range(21)]}, "at most 20 addresses"),
    ],
)
def test_settings_that_cannot_work_are_refused(settings, words):
    with pytest.raises(ValueError, match=words):
        Settings.model_validate(settings)


@pytest.mark.parametrize("form", ["slack", "teams"])
def test_what_somebody_entered_makes_no_hidden_link_in_a_room_and_calls_nobody(form):
    entered = "[Sign in](https://evil.example) ![](https://evil.example/pixel) <!channel> @channel @Here @all"
    alert = write("lead.created", {"first_name": entered, "email": "a@all.example"}, whose=entered)
    written = json.dumps(chat_body(alert, form), ensure_ascii=False)
    assert "](" not in written
    assert re.findall(r"@(?:channel|here|all)\b", written, re.IGNORECASE) == ["@all"]
    assert "a@all.example" in written
    assert form == "teams" or "<!channel>" not in written
    assert "https://evil.example" in written
