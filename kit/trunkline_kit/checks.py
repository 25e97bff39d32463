"""Checks: the facts that a plugin must meet, each a test method of a suite with a name and a level.

::

    @check("plugin.declares-a-range", level=LOADS)
    async def test_declares_a_range(self) -> None:
        \"\"\"The distribution says for which versions of trunkline it is made.\"\"\"
        demand(range is not None, "'acme' depends on trunkline without a range; write trunkline>=0.1,<1")
"""

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import pytest

if TYPE_CHECKING:
    Skipped = BaseException
else:
    Skipped = pytest.skip.Exception

ATTRIBUTE = "__trunkline_check__"
_NAME = re.compile(r"(plugin|channel|action|search|migrations)\.[a-z0-9]+(-[a-z0-9]+)*")

Function = TypeVar("Function", bound=Callable[..., Any])


class Level(StrEnum):
    """How far a plugin goes; each level asks for all that the one before it does."""

    LOADS = "loads"
    DELIVERS = "delivers"
    COMPLETE = "complete"


LOADS, DELIVERS, COMPLETE = Level
LEVELS = tuple(Level)


@dataclass(frozen=True, slots=True)
class Check:
    """One fact that a plugin is judged by, and the level that it belongs to."""

    name: str
    suite: str
    level: Level
    fact: str


class CheckFailed(AssertionError):
    """A plugin does not do what it should; the message is one sentence that says so."""


class NotApplicable(Skipped):
    """A check does not apply to this plugin: it lacks what is checked."""


class NotJudged(Skipped):
    """A check applies, and the suite gives no means to see what it is about: the level is not reached."""


def check(name: str, *, level: Level) -> Callable[[Function], Function]:
    """Make a test method the check *name* (``suite.fact-in-kebab-case``); its docstring's first line is the fact."""

    def mark(function: Function) -> Function:
        fact = (inspect.getdoc(function) or "").partition("\n")[0]
        if not _NAME.fullmatch(name) or not fact:
            msg = f"the check '{name}' needs a name of the form suite.fact and a docstring"
            raise ValueError(msg)
        setattr(function, ATTRIBUTE, Check(name, name.partition(".")[0], level, fact))
        return pytest.mark.asyncio(function) if inspect.iscoroutinefunction(function) else function

    return mark


def checks_of(suite: type) -> list[Check]:
    """List the checks of *suite* by name, including checks that a subclass has overridden."""
    checks: dict[str, Check] = {}
    for kind in suite.__mro__:
        for function in vars(kind).values():
            entry: Check | None = getattr(function, ATTRIBUTE, None)
            if entry is not None:
                checks.setdefault(entry.name, entry)
    return [checks[name] for name in sorted(checks)]


def demand(condition: object, sentence: str) -> None:
    """Let the check fail with *sentence* unless *condition* holds. Raises CheckFailed."""
    if not condition:
        fail(sentence)


def fail(sentence: str) -> NoReturn:
    """Let the check fail with *sentence*. Raises CheckFailed."""
    __tracebackhide__ = True
    raise CheckFailed(sentence)


def not_judged(reason: str) -> NoReturn:
    """End the check: *reason* says what the suite lacks to judge it, and what would give it. It does not count as met. Raises NotJudged."""
    __tracebackhide__ = True
    raise NotJudged(reason)


def not_applicable(reason: str) -> NoReturn:
    """End the check: *reason* says what the plugin does not have. It counts as met. Raises NotApplicable."""
    __tracebackhide__ = True
    raise NotApplicable(reason)
