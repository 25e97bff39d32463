"""The path of a new author from an empty folder to a complete channel, by the three commands of the tutorial."""

import shutil

import pytest
from tests import spared
from tests.third_party import strangers_path

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def test_three_commands_lead_to_a_complete_channel_with_a_form_in_the_portal(tmp_path, monkeypatch):
    site = tmp_path / ".site"
    site.mkdir()
    shutil.copy(spared.__file__, site)
    monkeypatch.setenv("PYTEST_PLUGINS", "spared")
    printed = [output for _, _, output in strangers_path.walk(tmp_path)]
    assert len(printed) == 3
    assert "\nacme: complete (" in printed[-1]
    page = strangers_path.serve_and_find_form(tmp_path)
    assert all(title in page for title in ("Host", "Port", "TLS", "Queue", "Password", "Of your broker"))
    assert 'type="password"' in page
