"""Runs suites against many plugins in one pytest session inside this process, and collects each check's result."""

import io
import re
import sys
from collections.abc import Iterable, Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from tests.kit.broken.breaking import Broken

from trunkline.api.system import SystemHandlers
from trunkline_kit.checks import ATTRIBUTE

MODULE = "trunkline_suites_under_test"
INI = """
[pytest]
asyncio_mode = strict
asyncio_default_fixture_loop_scope = function
timeout = 120
filterwarnings = ignore
"""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The result of a check: *outcome* is ``passed``, ``failed`` or ``not_applicable``."""

    outcome: str
    message: str


@dataclass(slots=True)
class Listener:
    """Keeps the findings in the inner session's reports."""

    results: dict[tuple[str, str], CheckResult] = field(default_factory=dict)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        suite = report.nodeid.split("::")[1]
        for name, value in report.user_properties:
            if name == "trunkline":
                self.results.setdefault(
                    (suite, value["name"]), CheckResult(value["outcome"], value["message"])
                )


def run(suites: Mapping[str, type], folder: Path) -> dict[tuple[str, str], CheckResult]:
    """Run *suites*; return the results by the suite's name and the check's name."""
    module = ModuleType(MODULE)
    module.SUITES = dict(suites)
    sys.modules[MODULE] = module
    (folder / "pytest.ini").write_text(INI)
    file = (
        folder / f"test_{re.sub(r'[^a-z0-9]', '_', folder.name)}.py"
    )  # pytest imports only one module of each name
    file.write_text(f"import {MODULE}\nglobals().update({MODULE}.SUITES)\n")
    listener, output = Listener(), io.StringIO()
    options = ["-q", "--import-mode=importlib", "-p", "no:cacheprovider", "-p", "no:xdist"]
    places = [f"--rootdir={folder}", f"--confcutdir={folder}", "-c", str(folder / "pytest.ini")]
    own = set(vars(SystemHandlers))  # a broken plugin adds a handler, which must be removed
    with redirect_stdout(output), redirect_stderr(output):
        code = pytest.main([*options, *places, str(file)], [listener])
    for name in vars(SystemHandlers).keys() - own:
        delattr(SystemHandlers, name)
    assert code in {0, 1}, output.getvalue()[-5000:]
    return listener.results


def suite_of(base: type, broken: Broken, *, only: Iterable[str] | None = None) -> type:
    """Subclass the suite *base* for a plugin, with all checks or *only* some."""
    names = None if only is None else set(only)
    left_out: dict[str, Any] = {
        name: None
        for kind in base.__mro__
        for name, function in vars(kind).items()
        if names is not None
        and hasattr(function, ATTRIBUTE)
        and getattr(function, ATTRIBUTE).name not in names
    }
    return type("TestBroken", (base,), {**left_out, **broken.attributes, "plugin": broken.plugin})
