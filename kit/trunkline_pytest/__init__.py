"""The entry point for pytest. Every run with the kit installed loads it, so it imports as little as possible.

``trunkline_kit.fixtures`` and ``trunkline_kit.reporting`` are loaded when a test module imports ``trunkline_kit`` (or
``trunkline.testing``), or a test uses a fixture whose name begins with ``trunkline_``.
"""

import importlib
import inspect
import sys

import pytest

PLUGINS = ("trunkline_kit.fixtures", "trunkline_kit.reporting")
PROPERTY = "trunkline"
"""The user property of a test's report with the data for ``trunkline_kit.reporting``."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option for the report."""
    group = parser.getgroup("trunkline", "conformance of plugins of trunkline")
    group.addoption(
        "--trunkline-report",
        metavar="FILE",
        default=None,
        help="write what the conformance checks found, and each plugin's level, as JSON",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Register the lazy loader."""
    config.pluginmanager.register(LazyLoader(config), "trunkline-lazy-loader")
    if config.getoption("--trunkline-report"):
        load(config)


class LazyLoader:
    """Loads the fixtures and the reporting when a test module first needs them."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    def pytest_pycollect_makeitem(self, collector: pytest.Collector, name: str, obj: object) -> None:
        """Load the fixtures and the reporting if a module that was just imported, or a test in it, needs them."""
        del collector, name
        if "trunkline_kit" in sys.modules or _asks_for_fixture(obj):
            load(self._config)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Pass on the finding of a check; under pytest-xdist the controlling process may have collected no tests."""
        if any(name == PROPERTY for name, _ in report.user_properties):
            load(self._config)
            sys.modules[PLUGINS[1]].collect(self._config, report)


def load(config: pytest.Config) -> None:
    """Register the fixtures and the reporting, unless they are registered."""
    for module in PLUGINS:
        if not config.pluginmanager.has_plugin(module):
            config.pluginmanager.register(importlib.import_module(module), module)


def _asks_for_fixture(obj: object) -> bool:
    return inspect.isfunction(obj) and any(
        name.startswith("trunkline_") for name in inspect.signature(obj).parameters
    )
