"""Plugins without a distribution: files, packages, and folders of them, which ``plugins.paths`` names."""

import json

import pytest

from trunkline import plugins
from trunkline.errors import PluginFailed, SettingsInvalid
from trunkline.plugins.descriptions import describe_plugins
from trunkline_kit.hubs import settings_for

PIGEON = """
from trunkline import Channel, Outcome, Result, hookimpl

async def deliver(push, http):
    return Result(Outcome.DELIVERED)

@hookimpl
def register_channels():
    return [Channel("pigeon", "Pigeon", "Carries each event away.", deliver, schemes=("pigeon",))]
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "plugins").mkdir()
    return tmp_path / "plugins"


def load(place, **settings):
    return plugins.load(settings_for("sqlite:///none.db", {"plugins.paths": str(place), **settings}))


def records_of(registry, name):
    return [record for record in registry.records if record.name == name]


def test_a_file_is_a_plugin_by_its_name(folder):
    (folder / "pigeon.py").write_text(PIGEON)
    file = folder / "pigeon.py"
    (record,) = records_of(load(file), "pigeon")
    assert (record.state, record.version, record.distribution) == ("active", "local", str(file))


def test_a_folder_gives_its_files_and_packages_and_leaves_out_what_is_hidden(folder):
    (folder / "pigeon.py").write_text(PIGEON)
    for name in ("_draft.py", ".hidden.py", "notes.txt"):
        (folder / name).write_text("raise SystemExit")
    (folder / "dove").mkdir()
    (folder / "dove/__init__.py").write_text("from .inside import register_channels\n")
    (folder / "dove/inside.py").write_text(PIGEON.replace("pigeon", "dove"))
    states = {record.name: record.state for record in load(folder).records}
    assert (states["pigeon"], states["dove"]) == ("active", "active")
    assert not {"_draft", ".hidden", "notes"} & states.keys()


def test_a_file_named_like_a_library_stands_in_nobodys_place(folder):
    (folder / "json.py").write_text("VALUE = 1\n")
    registry = load(folder)
    module = registry.module("json")
    assert module is not None
    assert (module.VALUE, module is json) == (1, False)


def test_two_that_have_one_name_are_both_refused(folder):
    for place in (folder, folder / "more"):
        place.mkdir(exist_ok=True)
        (place / "pigeon.py").write_text(PIGEON)
    record, other = records_of(load(f"{folder},{folder / 'more'}"), "pigeon")
    assert {record.state, other.state} == {"failed"}
    assert str(folder / "pigeon.py") in str(record.error)


def test_one_that_has_the_name_of_a_plugin_of_trunkline_fails_alone(folder):
    (folder / "webhooks.py").write_text(PIGEON)
    registry = load(folder)
    own, other = records_of(registry, "webhooks")
    assert (own.state, own.distribution, own.error) == ("active", "trunkline", None)
    assert other.state == "failed"
    assert other.error == (
        f"Plugin 'webhooks' has the name of a plugin of trunkline; give {folder / 'webhooks.py'} another"
    )
    assert registry.module("webhooks").__name__ == "trunkline_webhooks"
    shown = describe_plugins(registry, "webhooks")
    assert [bool(each["hooks"]) for each in shown] == [True, False]
    with pytest.raises(PluginFailed, match="has the name of a plugin of trunkline"):
        load(folder, **{"plugins.enabled": "webhooks"})


def test_one_that_breaks_is_listed_with_its_reason_and_stops_the_start_where_it_is_asked_for(folder):
    (folder / "broken.py").write_text("import no_such_library\n")
    (record,) = records_of(load(folder), "broken")
    assert record.state == "failed"
    assert "no_such_library" in str(record.error)
    with pytest.raises(PluginFailed, match="no_such_library"):
        load(folder, **{"plugins.enabled": "broken"})


@pytest.mark.parametrize(
    ("path", "sentence"),
    [("nowhere", "there is no file or folder"), ("notes.txt", "is no plugin; a plugin is a file NAME.py")],
)
def test_what_is_no_plugin_stops_the_start(folder, path, sentence):
    (folder / "notes.txt").write_text("")
    with pytest.raises(SettingsInvalid, match=f"'plugins.paths'.*{sentence}"):
        plugins.discover_local([folder / path])


def test_a_name_that_no_plugin_can_have_is_said(folder):
    (folder / "carrier-pigeon.py").write_text(PIGEON)
    (record,) = records_of(load(folder), "carrier-pigeon")
    assert "must have a name of at most 32 lower-case letters" in str(record.error)
