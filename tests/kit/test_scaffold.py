"""``trunkline new plugin``: for any choice, the written code is formatted, typed, found by the hub, and works."""

import re
import shutil
import sys
import tomllib
from collections.abc import Iterable
from itertools import combinations
from pathlib import Path

import pytest
from tests import spared
from tests.programs import output_of
from typer.testing import CliRunner

from trunkline.cli import app
from trunkline.errors import Refused
from trunkline_kit.scaffold.plans import FEATURES, Plan, check_name, write_plugin

BIN = Path(sys.executable).parent
LONGEST = "acme-of-the-long-and-winding-x"
EVERYTHING = tuple(FEATURES)
IN_TUTORIALS = ("push", "broker")
"""The features whose code the tutorials ``first-connector`` and ``broker-channel`` write alone and judge complete by the kit."""
CHOICES = [
    *combinations(FEATURES, 1),
    ("action", "event-types"),
    ("push", "portal-page"),
    ("broker", "push"),
    ("broker", "pull"),
    EVERYTHING,
]


def files_of(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["acme", LONGEST])
def test_what_is_written_is_formed_and_linted_whatever_is_chosen(tmp_path, name):
    for number, features in enumerate(CHOICES):
        write_plugin(Plan(name, features), tmp_path / str(number))
    select = "E,F,W,I,B,UP,SIM,RET,PT,ASYNC,RUF"
    for arguments in (
        ["check", "--select", select, "--line-length", "110"],
        ["format", "--check", "--line-length", "110"],
    ):
        output_of(BIN / "ruff", *arguments, "--no-cache", tmp_path)


def test_every_choice_has_its_files_and_no_others(tmp_path):
    always = {
        ".github/workflows/publish.yml", ".github/workflows/tests.yml", ".gitignore", "README.md", "pyproject.toml", "tests/test_acme.py",
        "tests/test_conformance.py", "trunkline_acme/__init__.py", "trunkline_acme/py.typed",
    }  # fmt: skip
    write_plugin(Plan("acme", ("pull",)), tmp_path / "pull")
    assert files_of(tmp_path / "pull") == always | {"trunkline_acme/feed.py"}
    write_plugin(Plan("acme", ("broker",)), tmp_path / "broker")
    assert files_of(tmp_path / "broker") == always | {"trunkline_acme/broker.py", "tests/broker_server.py"}
    project = tomllib.loads((tmp_path / "broker/pyproject.toml").read_text())["project"]
    assert "trunkline-plugin" in project["keywords"]
    publishing = (tmp_path / "broker/.github/workflows/publish.yml").read_text()
    assert "id-token: write" in publishing
    assert "password" not in publishing
    write_plugin(Plan("acme", ("search",)), tmp_path / "search")
    assert files_of(tmp_path / "search") - always == {
        "trunkline_acme/searches.py", "trunkline_acme/definitions/find_acme_note.json",
        "trunkline_acme/tables.py", "trunkline_acme/migrations/0001_notes.py",
    }  # fmt: skip


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_what_is_written_is_typed(tmp_path):
    write_plugin(Plan("acme", EVERYTHING), tmp_path / "acme")
    options = ["--cache-dir", tmp_path / "cache", "--python-executable", sys.executable]
    output_of(BIN / "mypy", "--strict", *options, ".", cwd=tmp_path / "acme")


def written(folder: Path, features: Iterable[str]) -> Path:
    """Write a plugin by the command, and install it beside itself; return the folder of the installation."""
    chosen = [word for feature in features for word in ("--with", feature)]
    made = CliRunner().invoke(app, ["new", "plugin", "acme", "--into", str(folder), *chosen])
    assert made.exit_code == 0, made.output
    assert len(made.stdout.splitlines()) == len(files_of(folder))
    site = folder.with_name("site")
    pip = ["-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--target"]
    output_of(sys.executable, *pip, site, folder)
    return site


def run_tests(folder: Path, site: Path, *arguments: str) -> str:
    """Run the tests in *folder* against the installation in *site*; all of them must pass."""
    shutil.copy(spared.__file__, site)
    environment = {"PATH": f"{BIN}:/usr/bin:/bin", "HOME": str(folder.parent)}
    environment |= {"PYTHONPATH": str(site), "PYTEST_PLUGINS": "spared"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments, folder]
    return output_of(*command, cwd=folder.parent, env=environment)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_what_is_written_installs_and_passes_the_kit_at_once(tmp_path):
    """Use the features that no tutorial writes; the tests of the tutorials cover the others."""
    folder = tmp_path / "trunkline-acme"
    site = written(folder, (feature for feature in EVERYTHING if feature not in IN_TUTORIALS))
    output = run_tests(folder, site)
    assert re.search(r"acme: complete \(\d+ passed, \d+ not applicable\)", output), output[-3000:]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_what_is_written_with_everything_is_a_sound_plugin_that_delivers_by_each_channel(tmp_path):
    """The code of each channel equals its code alone, which the kit judges completely (above, and in the tutorials)."""
    folder = tmp_path / "trunkline-acme"
    site = written(folder, EVERYTHING)
    output = run_tests(
        folder,
        site,
        "-vv",
        "-k",
        "TestPlugin or test_acme or test_delivers_once or test_gives_what_was_accepted",
    )
    passed = set(re.findall(r"(Test\w+|test_acme\.py)::test_\w+ PASSED", output))
    assert passed == {"TestPlugin", "TestChannel", "TestBroker", "TestFeed", "test_acme.py"}


@pytest.mark.parametrize("name", ["acme", "acme-crm", "acme_crm", "a1"])
def test_a_fit_name_is_taken(name):
    assert check_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "webhooks",
        "portal",
        "schemas",
        "server",
        "kit",
        "client",
        "hub",
        "pytest",
        "events",
        "n8n",
        "event-types",
    ],
)
def test_a_name_of_the_hubs_own_is_refused(name, tmp_path):
    with pytest.raises(Refused, match=rf"'{name}' is taken: .* such as 'acme-{name}'"):
        check_name(name)


async def test_a_name_in_the_hubs_own_urls_is_refused(api):
    paths = (await api.anonymous.get("/openapi.json")).json()["paths"]
    names = {path.split("/")[3] for path in paths if path.startswith("/api/v1/")}
    assert {"quarantine", "deliveries"} <= names
    for name in names:
        with pytest.raises(Refused, match=rf"'{name}' is taken"):
            check_name(name)


@pytest.mark.parametrize(
    ("features", "channel"),
    [
        pytest.param(("portal-page",), "None", id="of-every-channel"),
        pytest.param(("portal-page", "broker"), '"acme"', id="of-its-broker"),
        pytest.param(("portal-page", "push"), '"acme"', id="of-its-push"),
    ],
)
def test_a_page_lists_subscriptions_of_the_plugins_channel_if_it_has_any(tmp_path, features, channel):
    write_plugin(Plan("acme", features), tmp_path / "acme")
    assert f"channel={channel}" in (tmp_path / "acme/trunkline_acme/pages.py").read_text()


@pytest.mark.parametrize(
    "name", ["Acme", "1acme", "acme.crm", "a" * 31, "", "class", "acme-", "trunkline", "trunkline-x"]
)
def test_a_name_that_not_everything_can_have_is_refused(name):
    with pytest.raises(Refused, match=r"cannot be a plugin's name|named after the hub"):
        check_name(name)


class TestTheCommand:
    def invoke(self, *arguments, stdin=None):
        return CliRunner().invoke(app, ["new", "plugin", *arguments], input=stdin)

    def test_a_channel_that_pushes_is_what_there_is_without_a_choice(self, tmp_path):
        done = self.invoke("acme", "--into", str(tmp_path / "acme"))
        assert done.exit_code == 0
        assert (tmp_path / "acme/trunkline_acme/channel.py").exists()

    def test_a_folder_that_is_there_is_left_alone(self, tmp_path):
        (tmp_path / "kept.txt").write_text("mine")
        done = self.invoke("acme", "--into", str(tmp_path))
        assert (done.exit_code, files_of(tmp_path)) == (1, {"kept.txt"})
        assert "is there already; name another folder with --into" in done.stderr

    def test_a_choice_that_there_is_not_is_named(self, tmp_path):
        done = self.invoke("acme", "--with", "pushing", "--into", str(tmp_path / "acme"))
        assert (done.exit_code, (tmp_path / "acme").exists()) == (2, False)
        assert "'pushing' is none of push, broker, pull" in " ".join(done.stderr.split())

    def test_a_name_that_is_refused_writes_nothing(self, tmp_path):
        done = self.invoke("Acme", "--into", str(tmp_path / "acme"))
        assert (done.exit_code, (tmp_path / "acme").exists()) == (1, False)
