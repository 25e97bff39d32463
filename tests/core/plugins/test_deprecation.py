"""A deprecated hook or argument is reported to its users: in the log, in the plugin's record, and as a warning."""

from types import ModuleType

import pluggy
import pytest

from trunkline.contract.hookspecs import hookimpl
from trunkline.errors import PluginFailed
from trunkline.plugins import PluginRecord, Registry

hookspec = pluggy.HookspecMarker("trunkline")


def make_specifications():
    """Make a module of hooks with a deprecated hook and a deprecated argument."""

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
    with pytest.warns(DeprecationWarning, match="goes with 1.0") as caught:
        registry.register("aviary", module_of(function))
    (warning,) = caught.list
    assert (warning.filename, warning.lineno) == (__file__, function.__code__.co_firstlineno)
    assert registry.records[0].deprecations == (sentence,)
    assert registry.active == ("aviary",)
    (line,) = caplog.records
    assert (line.name, line.levelname) == ("trunkline.plugins.aviary", "WARNING")
    assert line.getMessage() == f"Plugin 'aviary' {sentence}"


def test_where_warnings_are_errors_the_plugin_fails_with_the_sentence(registry):
    with pytest.raises(PluginFailed) as caught:
        registry.register("aviary", module_of(register_birds))
    assert caught.value.reason == BIRDS
    assert isinstance(caught.value.__cause__, DeprecationWarning)


def bird_seen_without_its_color(name):
    pass


bird_seen_without_its_color.__name__ = "bird_seen"


@pytest.mark.parametrize("function", [register_pigeons, bird_seen_without_its_color])
def test_a_hook_that_stays_or_does_not_take_the_argument_warns_of_nothing(registry, caplog, function):
    registry.register("aviary", module_of(function))
    assert (registry.records[0].deprecations, caplog.records) == ((), [])
