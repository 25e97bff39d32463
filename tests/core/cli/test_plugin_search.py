"""``trunkline plugins search``: the available plugins."""

import json
import tomllib
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from trunkline_kit.plugin_search import MAX_BYTES, read_catalogue

ROOT = Path(__file__).parents[3]
OWN = {
    "format": 1,
    "later": True,
    "plugins": [{"name": "pigeon", "package": "acme-pigeon", "summary": "By air."}],
}


def test_the_catalogue_that_comes_along_is_found_through_by_every_word(cli):
    rows = cli.done("plugins", "search", "broker", "mqtt").splitlines()[1:]
    assert [row.split("\t")[:3] for row in rows] == [["mqtt", "trunkline-mqtt", "complete"]]


def test_it_has_what_is_in_the_repository_as_it_is_there():
    for entry in read_catalogue(None).plugins:
        folders = [file.parent for file in (ROOT / "tests/third_party").glob("*/pyproject.toml")]
        projects = [tomllib.loads((folder / "pyproject.toml").read_text())["project"] for folder in folders]
        (project,) = [project for project in projects if project["name"] == entry.package]
        assert project["entry-points"]["trunkline"].keys() == {entry.name}
        assert f"trunkline{entry.requires}" in project["dependencies"]
        assert f"`{entry.package}`" in (ROOT / "docs/connectors.md").read_text()
    assert len(read_catalogue(None).plugins) == len(folders)


def test_a_mirror_is_a_file_or_a_url_and_settings_name_it(cli):
    file = cli.folder / "mirror.json"
    file.write_text(json.dumps(OWN))
    listed = cli.changed(TRUNKLINE_PLUGINS__CATALOGUE=str(file)).json("plugins", "search")
    assert [(entry["name"], entry["level"]) for entry in listed["plugins"]] == [("pigeon", None)]


def test_a_mirror_may_be_asked_over_http_and_its_answer_is_bounded(cli):
    (cli.folder / "mirror.json").write_text(json.dumps(OWN))
    (cli.folder / "long.json").write_bytes(b" " * (MAX_BYTES + 1))
    search = ("plugins", "search", "--catalogue")
    handler = partial(SimpleHTTPRequestHandler, directory=cli.folder)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        place = f"http://127.0.0.1:{server.server_port}"
        assert "pigeon" in cli.done(*search, f"{place}/mirror.json")
        assert "is longer than" in cli.refused(*search, f"{place}/long.json")
        assert "cannot be read: File not found" in cli.refused(*search, f"{place}/none.json")
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
def test_what_is_no_catalogue_is_said_in_a_sentence(cli, content, sentence):
    if content is not None:
        (cli.folder / "mirror.json").write_text(content)
    assert sentence in cli.refused("plugins", "search", "--catalogue", "mirror.json")


def test_nothing_that_is_found_is_said(cli):
    done = cli.invoke("plugins", "search", "carrier", "pigeon")
    assert (done.exit_code, done.stderr) == (0, "The catalogue has nothing with carrier and pigeon.\n")
