"""A plugin has a time limit for each step of its start, and the hub goes on without a plugin that exceeds it."""

import threading

import pytest

from trunkline import plugins
from trunkline.contract import Channel
from trunkline.plugins import PluginRecord, Registry
from trunkline.plugins.calls import Late, call_within
from trunkline.settings import Plugins

FAX = Channel("fax", "Fax", "By fax.")


@pytest.fixture
def forever():
    event = threading.Event()
    yield lambda: event.wait(60)
    event.set()


@pytest.mark.parametrize(
    "hook",
    [
        "register_settings", "register_event_types", "register_migrations", "register_connectors", "register_channels",
        "register_operations", "register_portal_pages", "register_routes",
    ],
)  # fmt: skip
def test_one_that_does_not_return_at_start_fails_and_the_others_run(
    make_registry, make_context, forever, hook
):
    def hang():
        forever()

    def register_channels():
        return [FAX]

    hang.__name__ = hook
    registry = make_registry(hanging=[hang], good=[register_channels])
    registry.start_seconds = 0.2
    plugins.collect_static(registry, sections={})
    assert plugins.collect_with(registry, contexts=make_context).channels == {"fax": ("good", FAX)}
    assert registry.records[0].error == f"Plugin 'hanging' did not return from {hook} within 0.2 s"


def test_one_that_does_not_end_its_import_fails(tmp_path, monkeypatch):
    (tmp_path / "acme_sleeper.py").write_text("import threading\nthreading.Event().wait(20)\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    sleeper = plugins.Candidate("sleeper", "acme_sleeper", "acme", "1.0", "")
    registry = plugins.admit([sleeper], chosen=Plugins(start_timeout_seconds=0.2), version="0.1.0")
    assert registry.records[0].error == "Plugin 'sleeper' could not be imported within 0.2 s"


def test_the_value_of_a_function_is_given_and_what_it_raises():
    assert call_within(10, lambda: 7, thread="x") == (7, None)
    for function, kind in ((lambda: 1 / 0, ZeroDivisionError), (raise_timeout, TimeoutError)):
        value, failure = call_within(10, function, thread="x")  # its own TimeoutError is not the hub's
        assert (value, type(failure)) == (None, kind)


def test_a_late_function_is_let_go_of(forever):
    with pytest.raises(Late):
        call_within(0.1, forever, thread="x")


def test_the_limit_is_that_of_the_setting():
    assert Registry([PluginRecord("a", "1", "a", "active")], required=False).start_seconds == 30
    registry = plugins.admit([], chosen=Plugins(start_timeout_seconds=7), version="0.1.0")
    assert registry.start_seconds == 7


def raise_timeout():
    raise TimeoutError
