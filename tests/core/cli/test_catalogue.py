"""``trunkline plugins search`` and ``badge``: the available plugins, and the level of a plugin of one's own."""

import json
import tomllib
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from xml.etree import ElementTree as ET

import pytest
from typer.testing import CliRunner

from trunkline.cli import app
from trunkline.plugins.catalogue import MAX_BYTES, read_catalogue

ROOT = Path(__file__).parents[3]
OWN = {
    "format": 1,
    "later": True,
    "plugins": [{"name": "pigeon", "package": "acme-pigeon", "summary": "By air."}],
}


def invoke(*arguments: str):
    return CliRunner().invoke(app, ["plugins", *arguments])


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_the_catalogue_that_comes_along_is_found_through_by_every_word():
    done = invoke("search", "broker", "mqtt")
    assert done.exit_code == 0
    assert [line.split("\t")[:3] for line in done.stdout.splitlines()[1:]] == [
        ["mqtt", "trunkline-mqtt", "complete"]
    ]


def test_it_has_what_is_in_the_repository_as_it_is_there():
    for entry in read_catalogue(None).plugins:
        folders = [file.parent for file in (ROOT / "tests/third_party").glob("*/pyproject.toml")]
        projects = [tomllib.loads((folder / "pyproject.toml").read_text())["project"] for folder in folders]
        (project,) = [project for project in projects if project["name"] == entry.package]
        assert (
            project["entry-points"]["trunkline"].keys(),
            f"trunkline{entry.requires}" in project["dependencies"],
        ) == (
            {entry.name},
            True,
        )
        assert f"`{entry.package}`" in (ROOT / "docs/connectors.md").read_text()
    assert len(read_catalogue(None).plugins) == len(folders)


def test_a_mirror_is_a_file_or_a_url_and_settings_name_it(tmp_path, monkeypatch):
    file = tmp_path / "mirror.json"
    file.write_text(json.dumps(OWN))
    monkeypatch.setenv("TRUNKLINE_PLUGINS__CATALOGUE", str(file))
    listed = json.loads(invoke("search", "--json").stdout)
    assert [(entry["name"], entry["level"]) for entry in listed["plugins"]] == [("pigeon", None)]


def test_a_mirror_may_be_asked_over_http_and_its_answer_is_bounded(tmp_path):
    (tmp_path / "mirror.json").write_text(json.dumps(OWN))
    (tmp_path / "long.json").write_bytes(b" " * (MAX_BYTES + 1))
    with ThreadingHTTPServer(("127.0.0.1", 0), SimpleHTTPRequestHandler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        place = f"http://127.0.0.1:{server.server_port}"
        assert "pigeon" in invoke("search", "--catalogue", f"{place}/mirror.json").stdout
        assert "is longer than" in invoke("search", "--catalogue", f"{place}/long.json").stderr
        assert (
            "cannot be read: File not found" in invoke("search", "--catalogue", f"{place}/none.json").stderr
        )
        server.shutdown()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "cannot be read: No such file"),
        ("{", "is none of format 1"),
        ('{"format": 2, "plugins": []}', "Setting 'format': must be 1"),
        ('{"format": 1, "plugins": [{"name": "A B"}]}', "plugins.0.name"),
    ],
)
def test_what_is_no_catalogue_is_said_in_a_sentence(tmp_path, content, sentence):
    if content is not None:
        (tmp_path / "mirror.json").write_text(content)
    done = invoke("search", "--catalogue", "mirror.json")
    assert (done.exit_code, sentence in done.stderr) == (2, True), done.stderr


def test_nothing_that_is_found_is_said():
    done = invoke("search", "carrier", "pigeon")
    assert (done.exit_code, done.stderr) == (0, "The catalogue has nothing with carrier and pigeon.\n")


REPORT = {
    "plugins": {
        "acme": {
            "level": "complete",
            "missing": [],
            "checks": [{"outcome": "passed"}, {"outcome": "passed"}, {"outcome": "not_applicable"}],
        }
    }
}


def test_a_badge_has_the_level_the_counts_and_the_way_to_the_report(tmp_path):
    (tmp_path / "report.json").write_text(json.dumps(REPORT))
    done = invoke("badge", "report.json", "--report-url", "https://example.com/?a=1&b=2")
    assert (done.exit_code, done.stdout) == (
        0,
        "[![trunkline: complete](badge.svg)](https://example.com/?a=1&b=2)\n",
    )
    svg = ET.fromstring((tmp_path / "badge.svg").read_text())
    space = "{http://www.w3.org/2000/svg}"
    assert svg.find(f"{space}a").attrib["href"] == "https://example.com/?a=1&b=2"
    assert svg.find(f"{space}a/{space}title").text == "acme: complete (2 passed, 1 not applicable)"
    assert [text.text for text in svg.iter(f"{space}text")] == ["trunkline", "complete"]


def test_a_plugin_that_does_not_load_has_a_badge_that_says_so(tmp_path):
    (tmp_path / "report.json").write_text(json.dumps({"plugins": {"acme": {"level": None, "checks": []}}}))
    assert invoke("badge", "report.json", "--into", "it.svg").exit_code == 0
    assert "does not load" in (tmp_path / "it.svg").read_text()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("[]", "is no conformance report"),
        ('{"plugins": {"one": {}, "two": {}}}', "has the plugins one, two; name one of them with --plugin"),
    ],
)
def test_what_is_no_report_is_refused(tmp_path, content, sentence):
    (tmp_path / "report.json").write_text(content)
    done = invoke("badge", "report.json")
    assert (done.exit_code, sentence in done.stderr, (tmp_path / "badge.svg").exists()) == (1, True, False)
