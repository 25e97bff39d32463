"""What of the hooks will go is said to whoever still uses it: in the log, in the plugin's record, and as a warning."""

import re
import sys
import warnings
from pathlib import Path
from types import ModuleType

import pluggy
import pytest

import trunkline
from trunkline import old_names, plugins
from trunkline.contract import AcceptedEvent, ListedEvent
from trunkline.contract.hookspecs import hookimpl
from trunkline.errors import PluginFailed
from trunkline.plugins import PluginRecord, Registry
from trunkline.plugins.old_names import names_in
from trunkline.schemas.definitions import Definition
from trunkline.settings import Plugins

ROOT = Path(__file__).parents[3]

hookspec = pluggy.HookspecMarker("trunkline")


def make_specifications():
    """A module of hooks of which one goes, and of another an argument."""

    @hookspec(warn_on_impl=DeprecationWarning("register_pigeons replaces it, and it goes with 1.0"))
    def register_birds(context): ...

    @hookspec(warn_on_impl_args={"color": DeprecationWarning("it is always None, and goes with 1.0")})
    def bird_seen(name, color): ...

    @hookspec
    def register_pigeons(context): ...

    module = ModuleType("specifications")
    for function in (register_birds, bird_seen, register_pigeons):
        setattr(module, function.__name__, function)
    return module


def module_of(*functions):
    module = ModuleType("aviary")
    for function in functions:
        setattr(module, function.__name__, hookimpl(function))
    return module


def register_birds(context):
    return []


def bird_seen(color):
    pass


def register_pigeons(context):
    return []


BIRDS = "implements register_birds, which is deprecated: register_pigeons replaces it, and it goes with 1.0"
COLOR = "takes 'color' in bird_seen, which is deprecated: it is always None, and goes with 1.0"


@pytest.fixture
def registry():
    record = PluginRecord("aviary", "1.0", "trunkline-aviary", "active")
    return Registry([record], required=False, specifications=make_specifications())


@pytest.mark.parametrize(("function", "sentence"), [(register_birds, BIRDS), (bird_seen, COLOR)])
def test_a_deprecated_hook_or_argument_is_logged_and_kept_with_the_plugins_name(
    registry, caplog, function, sentence
):
    with pytest.warns(DeprecationWarning, match="goes with 1.0"):
        registry.register("aviary", module_of(function))
    assert registry.records[0].deprecations == (sentence,)
    assert registry.active == ("aviary",)
    (line,) = caplog.records
    assert (line.name, line.levelname) == ("trunkline.plugins.aviary", "WARNING")
    assert line.getMessage() == f"Plugin 'aviary' {sentence}"


def test_the_warning_stands_at_the_authors_line(registry):
    with pytest.warns(DeprecationWarning, match="goes with 1.0") as caught:
        registry.register("aviary", module_of(register_birds))
    (warning,) = caught.list
    assert (warning.filename, warning.lineno) == (__file__, register_birds.__code__.co_firstlineno)


def test_where_warnings_are_errors_the_plugin_fails_with_the_sentence(registry):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(PluginFailed) as caught:
            registry.register("aviary", module_of(register_birds))
    assert caught.value.reason == BIRDS
    assert isinstance(caught.value.__cause__, DeprecationWarning)


def test_a_hook_that_stays_warns_of_nothing(registry, caplog):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        registry.register("aviary", module_of(register_pigeons))
    assert registry.records[0].deprecations == ()
    assert caplog.records == []


def test_a_hook_that_does_not_take_the_argument_warns_of_nothing(registry, caplog):
    def bird_seen(name):
        pass

    registry.register("aviary", module_of(bird_seen))
    assert (registry.records[0].deprecations, caplog.records) == ((), [])


# ---- what Hook API 1 had -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(old_names.INSTEAD))
def test_a_name_that_has_moved_is_there_and_says_what_to_write(name):
    with pytest.warns(DeprecationWarning, match=re.escape(f"write '{old_names.INSTEAD[name]}'")) as caught:
        value = getattr(trunkline, name)
    assert caught[0].filename == __file__
    written: dict[str, object] = {}
    exec(old_names.INSTEAD[name], written)
    (instead,) = [value for key, value in written.items() if key != "__builtins__"]
    assert value is instead or instead in value.__mro__


def test_names_that_have_moved_are_said_of_the_plugin_that_takes_them(tmp_path, monkeypatch, caplog):
    (tmp_path / "acme_old").mkdir()
    (tmp_path / "acme_old" / "__init__.py").write_text(
        "import trunkline\nfrom acme_old import calls\n\n@trunkline.hookimpl\ndef register_actions():\n"
        '    return [trunkline.Action("ring", calls.ring)]\n'
    )
    (tmp_path / "acme_old" / "calls.py").write_text(
        "from trunkline import (  # both are elsewhere\n    Answer,\n    Caller,\n    Routes as R,\n)\n\nasync def ring(call):\n    return Answer({})\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    candidate = plugins.Candidate("old", "acme_old", "acme", "1.0", "")
    with pytest.warns(DeprecationWarning, match="goes with 1.0"):
        registry = plugins.admit([candidate], chosen=Plugins(), version="0.1.0")
    with pytest.warns(DeprecationWarning, match="write 'from trunkline import Operation'"):
        collected = plugins.collect_with(
            registry, contexts=lambda name, settings: None, definitions=[definition("ring")]
        )
    for name in ("acme_old", "acme_old.calls"):
        del sys.modules[name]
    assert collected.providers["action", "ring"][1].kind == "action"
    moved = "takes Caller, Routes from trunkline, which is deprecated: 'from trunkline.routes import Caller, Routes' replaces it, and it goes with 1.0"
    replaced = "takes Action from trunkline, which is deprecated: 'from trunkline import Operation' replaces it, and it goes with 1.0"
    assert registry.records[0].deprecations[1:] == (replaced, moved)
    assert f"Plugin 'old' {moved}" in caplog.text


def definition(name):
    return Definition("action", name, "Ring", "Rings.", "POST", "/ring", {}, {}, {})


@pytest.mark.parametrize(
    ("value", "old", "new"),
    [
        (AcceptedEvent(7, 92, "a.b", b"{}"), "position", "event_id"),
        (ListedEvent(7, "a.b", 0, b"{}"), "id", "event_id"),
    ],
)
def test_an_events_id_goes_on_under_its_old_name(value, old, new):
    with pytest.warns(DeprecationWarning, match=f"write '{new}'"):
        assert getattr(value, old) == getattr(value, new) == 7


def test_the_hubs_own_plugins_and_examples_take_no_old_name():
    files = [*(ROOT / "plugins").rglob("*.py"), *(ROOT / "docs" / "examples").rglob("*.py")]
    files += [
        file
        for name in ("redis", "mqtt", "postgres")
        for file in (ROOT / "tests/third_party" / name).rglob("*.py")
    ]
    assert len(files) > 100
    assert [file for file in files if list(names_in(file.read_text()))] == []
