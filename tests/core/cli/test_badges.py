"""``trunkline new badge``: the level of a plugin in its conformance report."""

import json
from xml.etree import ElementTree as ET

import pytest

REPORT = {
    "plugins": {
        "acme": {
            "level": "complete",
            "missing": [],
            "checks": [{"outcome": "passed"}, {"outcome": "passed"}, {"outcome": "not_applicable"}],
        }
    }
}


def test_a_badge_has_the_level_the_counts_and_the_way_to_the_report(cli):
    (cli.folder / "report.json").write_text(json.dumps(REPORT))
    done = cli.done("new", "badge", "report.json", "--report-url", "https://example.com/?a=1&b=2")
    assert done == "[![trunkline: complete](badge.svg)](https://example.com/?a=1&b=2)\n"
    svg = ET.fromstring((cli.folder / "badge.svg").read_text())
    space = "{http://www.w3.org/2000/svg}"
    assert svg.find(f"{space}a").attrib["href"] == "https://example.com/?a=1&b=2"
    assert svg.find(f"{space}a/{space}title").text == "acme: complete (2 passed, 1 not applicable)"
    assert [text.text for text in svg.iter(f"{space}text")] == ["trunkline", "complete"]


def test_a_plugin_that_does_not_load_has_a_badge_that_says_so(cli):
    report = {"plugins": {"acme": {"level": None, "checks": []}}}
    (cli.folder / "report.json").write_text(json.dumps(report))
    cli.done("new", "badge", "report.json", "--into", "it.svg")
    assert "does not load" in (cli.folder / "it.svg").read_text()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("[]", "is no conformance report"),
        ('{"plugins": {"one": {}, "two": {}}}', "has the plugins one, two; name one of them with --plugin"),
    ],
)
def test_what_is_no_report_is_refused(cli, content, sentence):
    (cli.folder / "report.json").write_text(content)
    assert sentence in cli.refused("new", "badge", "report.json", code=1)
    assert not (cli.folder / "badge.svg").exists()
