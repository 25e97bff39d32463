"""Every fault of a plugin has its own sentence, and stops no other plugin."""

import re
import sys

import pytest

from trunkline import plugins
from trunkline.errors import PluginFailed, SettingsInvalid
from trunkline.settings import Plugins

SENTENCES = {
    name: f"Plugin '{name}' {fault}"
    for name, fault in {
        "argument": "takes 'ctx' in register_channels, which takes only: context",
        "broken": "could not be imported: RuntimeError: no such luck",
        "exits": "could not be imported: SystemExit: 3",
        "hookless": "implements no hook; put @trunkline.hookimpl over each function that is one",
        "misspelt": "implements 'register_chanels', which is not a hook; did you mean 'register_channels'?",
        "rangeless": "does not say which trunkline it is for; acme-rangeless must depend on trunkline with a range",
        "syntax": "could not be imported: SyntaxError: invalid syntax (syntax.py, line 8)",
        "too_new": "needs trunkline >=99, but this is trunkline 0.1.0",
        "too_old": "needs trunkline <0.1, but this is trunkline 0.1.0",
        "twin": "is claimed by more than one distribution: acme-twin-one 1.2, acme-twin-two 1.2; uninstall all but one",
        "unmarked": "defines register_channels without @hookimpl, so it would never be called",
    }.items()
}


def admit(folder, *, only=None, version="0.1.0", **chosen):
    candidates = plugins.discover(path=[str(folder)])
    return plugins.admit(
        [candidate for candidate in candidates if only is None or candidate.name in only],
        chosen=Plugins(**chosen),
        version=version,
    )


def test_every_broken_plugin_is_recorded_with_its_sentence_and_the_others_run(importable):
    registry = admit(importable)
    failed = [record for record in registry.records if record.state == "failed"]
    assert {record.name: record.error for record in failed} == SENTENCES
    twins = [record.distribution for record in failed if record.name == "twin"]
    assert twins == ["acme-twin-one", "acme-twin-two"]
    assert registry.active == ("clash_one", "clash_two", "good", "nonsense", "raises")


@pytest.mark.parametrize("name", sorted(SENTENCES))
def test_a_broken_plugin_that_is_asked_for_by_name_stops_the_start(importable, name):
    with pytest.raises(PluginFailed, match=f"^{re.escape(SENTENCES[name])}$"):
        admit(importable, enabled=("good", name))


def test_only_what_is_enabled_runs(importable):
    registry = admit(importable, enabled=("good",))
    assert registry.active == ("good",)
    assert {record.state for record in registry.records if record.name != "good"} == {"disabled"}


@pytest.mark.parametrize(
    ("chosen", "state"), [({"disabled": ("good",)}, "disabled"), ({"version": "99.0"}, "failed")]
)
def test_a_plugin_that_is_disabled_or_outside_its_range_is_not_imported(importable, chosen, state):
    (record,) = admit(importable, only=("good",), **chosen).records
    assert (record.name, record.version, record.distribution) == ("good", "1.2", "acme-good")
    assert (record.state, record.module, record.requires) == (state, "acme_good.good", "<99,>=0.1")
    assert "acme_good.good" not in sys.modules


def test_a_pre_release_of_the_hub_lies_in_the_range(importable):
    assert admit(importable, only=("good",), version="0.2.0.dev1").active == ("good",)


@pytest.mark.parametrize("setting", ["enabled", "disabled"])
def test_an_unknown_name_in_the_settings_stops_the_start(importable, setting):
    sentence = f"Setting 'plugins.{setting}': there is no plugin 'goood'; found are: broken, good; did you mean 'good'?"
    with pytest.raises(SettingsInvalid, match=f"^{re.escape(sentence)}$"):
        admit(importable, only=("broken", "good"), **{setting: ("good", "goood")})


def test_a_module_that_interrupts_fails_alone(tmp_path, monkeypatch):
    (tmp_path / "acme_interrupt.py").write_text("raise KeyboardInterrupt")
    monkeypatch.syspath_prepend(str(tmp_path))
    registry = plugins.admit([candidate(module="acme_interrupt")], chosen=Plugins(), version="0.1.0")
    assert registry.records[0].error == "Plugin 'acme' could not be imported: KeyboardInterrupt"


def candidate(name="acme", module="acme", distribution="acme", requires=""):
    return plugins.Candidate(name, module, distribution, "1.0", requires)


@pytest.mark.parametrize(
    ("candidates", "fault"),
    [
        (
            [candidate(name="Acme-Fax")],
            "must have a name of at most 32 lower-case letters, digits and underscores that starts with a letter",
        ),
        ([candidate(name="server")], "has the name of a settings section of trunkline itself"),
        ([candidate(module="acme:plugin")], "has the entry point 'acme:plugin', which must name a module"),
        ([candidate(requires="around 1")], "needs trunkline around 1, which is not a range of versions"),
        ([candidate(), candidate(module="other")], "is declared twice by acme 1.0"),
        (
            [candidate(module="acme_not_there")],
            "could not be imported: ModuleNotFoundError: No module named 'acme_not_there'",
        ),
    ],
)
def test_what_no_installer_would_let_through_has_a_sentence_too(candidates, fault):
    registry = plugins.admit(candidates, chosen=Plugins(), version="0.1.0")
    assert {record.error for record in registry.records} == {f"Plugin '{candidates[0].name}' {fault}"}


def test_a_built_in_plugin_needs_no_range(importable):
    only = candidate(name="good", module="acme_good.good", distribution="Trunkline", requires=None)
    assert plugins.admit([only], chosen=Plugins(), version="0.1.0").active == ("good",)


def test_two_plugins_may_not_share_a_module(importable):
    candidates = [candidate(name=name, module="acme_good.good") for name in ("one", "two")]
    registry = plugins.admit(candidates, chosen=Plugins(), version="0.1.0")
    assert registry.active == ("one",)
    assert registry.records[1].error == "Plugin 'two' shares its module acme_good.good with plugin 'one'"


def test_a_failure_is_logged_once_under_the_plugins_name(importable, caplog):
    admit(importable, only=("broken",))
    assert [(line.name, line.getMessage()) for line in caplog.records] == [
        ("trunkline.plugins.broken", SENTENCES["broken"])
    ]
