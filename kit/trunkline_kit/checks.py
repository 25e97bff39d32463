"""Checks: the facts that a plugin must meet, each a test method of a suite with a name and a level.

::

    @check("plugin.declares-a-range", level=LOADS)
    async def test_declares_a_range(self) -> None:
        \"\"\"The distribution declares the versions of trunkline that it is made for.\"\"\"
        demand(range is not None, "'acme' depends on trunkline without a range; write trunkline>=0.1,<1")
"""

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal, NoReturn, TypeVar

import pytest

if TYPE_CHECKING:
    Skipped = BaseException
else:
    Skipped = pytest.skip.Exception

ATTRIBUTE = "__trunkline_check__"
_NAME = re.compile(r"(plugin|channel|action|search|migrations)\.[a-z0-9]+(-[a-z0-9]+)*")

Function = TypeVar("Function", bound=Callable[..., Any])


class Level(StrEnum):
    """The levels that a plugin can reach; each level includes the demands of the levels before it."""

    LOADS = "loads"
    DELIVERS = "delivers"
    COMPLETE = "complete"


LOADS, DELIVERS, COMPLETE = Level
LEVELS = tuple(Level)


Kind = Literal["", "http", "batches"]


@dataclass(frozen=True, slots=True)
class Check:
    """A fact that a plugin must meet, and the level that needs it.

    *only* restricts the check to channels that post to a URL (``http``) or to channels that take batches (``batches``).
    """

    name: str
    suite: str
    level: Level
    fact: str
    only: Kind = ""


class CheckFailed(AssertionError):
    """A plugin does not meet a check; the message is one sentence that describes the fault."""


class NotApplicable(Skipped):
    """A check does not apply to this plugin, because the plugin lacks the feature that is checked."""


class NotJudged(Skipped):
    """A check applies, but the suite lacks something that the check needs. The plugin does not reach the check's level."""


def check(name: str, *, level: Level, only: Kind = "") -> Callable[[Function], Function]:
    """Declare a test method as the check *name* (``suite.fact-in-kebab-case``).

    The first line of the method's docstring is the fact that the check verifies.
    """

    def mark(function: Function) -> Function:
        fact = (inspect.getdoc(function) or "").partition("\n")[0]
        if not _NAME.fullmatch(name) or not fact:
            msg = f"the check '{name}' needs a name of the form suite.fact and a docstring"
            raise ValueError(msg)
        setattr(function, ATTRIBUTE, Check(name, name.partition(".")[0], level, fact, only))
        return pytest.mark.asyncio(function) if inspect.iscoroutinefunction(function) else function

    return mark


def checks_of(suite: type) -> list[Check]:
    """List the checks of *suite*, sorted by name, including checks that a subclass has overridden."""
    checks: dict[str, Check] = {}
    for kind in suite.__mro__:
        for function in vars(kind).values():
            entry: Check | None = getattr(function, ATTRIBUTE, None)
            if entry is not None:
                checks.setdefault(entry.name, entry)
    return [checks[name] for name in sorted(checks)]


def demand(condition: object, sentence: str) -> None:
    """Fail the check with the message *sentence* if *condition* is false. Raises CheckFailed."""
    if not condition:
        fail(sentence)


def fail(sentence: str) -> NoReturn:
    """Fail the check with the message *sentence*. Raises CheckFailed."""
    __tracebackhide__ = True
    raise CheckFailed(sentence)


def not_judged(reason: str) -> NoReturn:
    """End the check without a result, so that the plugin does not reach the check's level. Raises NotJudged.

    *reason* says what the check lacks, and how an author can supply it.
    """
    __tracebackhide__ = True
    raise NotJudged(reason)


def not_applicable(reason: str) -> NoReturn:
    """Count the check as met, because the plugin lacks the feature that is checked. Raises NotApplicable.

    *reason* names the missing feature.
    """
    __tracebackhide__ = True
    raise NotApplicable(reason)
