"""Only specified hooks, with the specified arguments, are accepted."""

from types import ModuleType

import pytest
from pluggy import PluginManager

from trunkline.contract.hookspecs import hookimpl
from trunkline.errors import PluginFailed
from trunkline.plugins import Registry
from trunkline.plugins.inspection import list_hooks

HOOKS = list_hooks(PluginManager("trunkline"))


def register(**functions):
    module = ModuleType("acme")
    vars(module).update(functions)
    Registry([], required=False).register("acme", module)


@hookimpl
async def asynchronous():
    return []


@hookimpl
def defaulted(context=None):
    return []


@hookimpl
def by_keyword(*, context):
    return []


@hookimpl
def argument(value):
    return []


@hookimpl
def unknown():
    return []


@hookimpl(wrapper=True)
def wrapping(context):
    return (yield)


@hookimpl(specname="register_channels")
def channels(context):
    return []


@pytest.mark.parametrize(
    ("functions", "reason"),
    [
        (
            {"register_event_types": asynchronous},
            "makes register_event_types an async function; it must be a plain one",
        ),
        (
            {"register_channels": defaulted},
            "takes 'context' in register_channels, with a default, so it would never be passed",
        ),
        (
            {"register_channels": by_keyword},
            "takes 'context' in register_channels, by keyword only, but hooks are called with positional arguments",
        ),
        ({"register_settings": argument}, "takes 'value' in register_settings, which takes no arguments"),
        ({"event_accepted": argument}, "takes 'value' in event_accepted, which takes only: context, events"),
        (
            {"frobnicate": unknown},
            f"implements 'frobnicate', which is not a hook; the hooks are {', '.join(sorted(HOOKS))}",
        ),
        (
            {"register_channels": wrapping},
            "makes register_channels a hook wrapper, which trunkline does not have",
        ),
        ({"channels": channels, "register_channels": channels}, "implements register_channels twice"),
    ],
)
def test_a_wrong_hook_is_refused_with_a_sentence(functions, reason):
    with pytest.raises(PluginFailed) as caught:
        register(**functions)
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    "functions",
    [
        {"register_channels": unknown},
        {"channels": channels},
        {"register_channels": unknown, "later": hookimpl(optionalhook=True)(argument)},
    ],
    ids=["takes-fewer-arguments", "has-another-name-in-the-module", "is-optional-and-of-a-later-hub"],
)
def test_a_hook_is_taken_that(functions):
    register(**functions)
