"""The selection of tests, their databases, and their order. ``conftest`` has the hooks."""

import itertools
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from trunkline_kit.databases import Engine

TESTS = Path(__file__).parent
WAITING = (
    "core/api/test_companies.py",
    "core/api/test_connections.py",
    "core/api/test_environments.py",
    "core/cli/test_companies.py",
    "core/dispatch",
)
"""Modules whose tests mostly wait, for retries and time limits."""
SLOW_ON_POSTGRESQL = (
    "core/access/test_secret_checks.py",
    "core/access/test_secret_replacement.py",
    "core/api",
    "core/cli/test_quarantine.py",
    "core/dispatch/test_batches.py",
    "core/dispatch/test_breaker.py",
    "core/dispatch/test_cancelled_replays.py",
    "core/dispatch/test_catching_up.py",
    "core/dispatch/test_changes.py",
    "core/dispatch/test_channels.py",
    "core/dispatch/test_matching_lane.py",
    "core/dispatch/test_ordering.py",
    "core/dispatch/test_outcomes.py",
    "core/dispatch/test_paces.py",
    "core/dispatch/test_replay_pages.py",
    "core/dispatch/test_reports.py",
    "core/dispatch/test_stopping.py",
    "core/dispatch/test_supervision.py",
    "core/dispatch/test_telling.py",
    "core/dispatch/test_treatments.py",
    "core/dispatch/test_unreadable.py",
    "core/insight/test_overview.py",
    "core/insight/test_status.py",
    "core/operations",
    "core/runtime/test_metrics.py",
    "core/schemas/test_versions_side_by_side.py",
    "core/stream/test_retention.py",
    "core/subscribing",
    "plugins/alerts",
    "plugins/crm",
    "plugins/oauth",
    "plugins/polling",
    "plugins/portal",
    "plugins/test_rest_hooks.py",
    "plugins/webhooks",
)
"""Tests whose PostgreSQL case is marked as slow: ``core/store`` and its neighbours test their SQL on both engines.

They are about the HTTP API, subscriptions, operations, pages, the product's records, plugins, and parts of the
dispatcher.
"""
FAST_ON_BOTH = (
    "core/dispatch/test_changes.py::test_an_attempt_under_way_while_its_subscription_is_deleted",
    "core/dispatch/test_changes.py::test_retries_of_a_paused_subscription",
    "core/dispatch/test_changes.py::test_what_is_pending_ends_as_gone",
    "core/dispatch/test_ordering.py::test_a_failing_delivery",
    "core/dispatch/test_ordering.py::test_a_key_that_fails_in_a_replay",
    "core/dispatch/test_ordering.py::test_beyond_a_bound",
    "core/dispatch/test_ordering.py::test_deliveries_of_one_key",
    "core/dispatch/test_ordering.py::test_skipping_ends_a_delivery",
    "core/dispatch/test_ordering.py::test_what_is_held_ends_with_its_subscription",
    "core/insight/test_overview.py::test_a_list_is_the_newest_first",
    "core/insight/test_overview.py::test_text_is_found",
    "core/insight/test_overview.py::test_the_numbers_are_those_of_a_recount",
    "core/insight/test_status.py::test_the_ledger_of_a_hub",
    "core/subscribing/test_creating.py",
    "core/subscribing/test_finding.py",
    "plugins/alerts/test_choices.py",
    "plugins/crm/test_lists.py",
    "plugins/crm/test_searches.py",
    "plugins/oauth/test_tokens.py",
    "plugins/portal/test_links.py",
    "plugins/portal/test_oidc_users.py",
    "plugins/portal/test_sign_in.py",
)
"""Exceptions from ``SLOW_ON_POSTGRESQL``: every statement about orders and about ending open deliveries, counts, searches and
lists, and the tables of the portal, of OAuth and of alerts.
"""
_SLOW_AS_A_WHOLE = re.compile(r"^pytestmark = .*\bpytest\.mark\.slow\b", re.MULTILINE)
_SLOW = re.compile(r"^@pytest\.mark\.slow$", re.MULTILINE)
_TESTS = re.compile(
    r"^(?:async )?def test_|^class Test|^test_\w+ = |^from \S+ import .*\btest_", re.MULTILINE
)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """If slow tests are deselected, skip modules with only slow tests, and folders with only such modules.

    Otherwise each worker would import everything that they need.
    """
    if config.option.markexpr != "not slow":
        return None
    if collection_path.is_dir():
        modules = list(collection_path.rglob("test_*.py"))
    else:
        modules = [collection_path] if collection_path.name.startswith("test_") else []
    return (bool(modules) and all(map(_is_slow_as_a_whole, modules))) or None


def _is_slow_as_a_whole(module: Path) -> bool:
    text = module.read_text()
    is_marked = _SLOW_AS_A_WHOLE.search(text) is not None
    return is_marked or len(_SLOW.findall(text)) == len(_TESTS.findall(text)) > 0


def collect_another_part_first(config: pytest.Config, worker: Mapping[str, Any]) -> None:
    """Make each worker begin with a different part of the tests: in a fresh clone each compiles only a share."""
    folders = (TESTS / "core", TESTS / "plugins", TESTS)
    found = [path for folder in folders for path in sorted(folder.iterdir()) if path not in folders]
    parts = [path for path in found if path.name.startswith("test_") or _has_tests(path)]
    first = int(worker["workerid"].removeprefix("gw")) * len(parts) // worker["workercount"]
    config.args = list(map(str, parts[first:] + parts[:first]))


def _has_tests(folder: Path) -> bool:
    return folder.is_dir() and any(folder.rglob("test_*.py"))


@pytest.hookimpl(tryfirst=True)  # earlier than the hook that reads the marks for ``-m``
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark the PostgreSQL case of a test as slow if the packages below have already tested its SQL on both engines."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: item.path)
        _spread(items)
    of_sqlite = {_function_of(item) for item in items if _is_of(item, "sqlite")}
    for item in items:
        name = f"{item.path.relative_to(TESTS).as_posix()}::{item.name}"
        is_second = _is_of(item, "postgresql") and _function_of(item) in of_sqlite
        if is_second and name.startswith(SLOW_ON_POSTGRESQL) and not name.startswith(FAST_ON_BOTH):
            item.add_marker("slow")


def _is_of(item: pytest.Item, engine: Engine) -> bool:
    callspec = getattr(item, "callspec", None)
    return callspec is not None and engine in callspec.params.values()


def _function_of(item: pytest.Item) -> tuple[Path, str]:
    return item.path, item.nodeid.partition("[")[0]


def _spread(items: list[pytest.Item]) -> None:
    """Mix waiting modules and computing modules evenly: workers with the same kind of module compete for the cores."""
    modules = [list(group) for _, group in itertools.groupby(items, key=lambda item: item.path)]
    parts: tuple[list[list[pytest.Item]], ...] = ([], [])
    for module in modules:
        parts[module[0].path.relative_to(TESTS).as_posix().startswith(WAITING)].append(module)
    placed = [pair for part in parts for pair in _placed(part)]
    items[:] = itertools.chain.from_iterable(module for _, module in sorted(placed, key=lambda pair: pair[0]))


def _placed(modules: list[list[pytest.Item]]) -> Iterator[tuple[float, list[pytest.Item]]]:
    """Give each module with its relative position: the share of all tests that are before the module in the list."""
    done, total = 0, sum(map(len, modules))
    for module in modules:
        yield done / total, module
        done += len(module)
