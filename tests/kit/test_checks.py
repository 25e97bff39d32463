"""Checks: their names, their levels, and how they end."""

import pytest

from trunkline_kit import CheckFailed, PluginConformance, check, demand, list_checks, not_applicable
from trunkline_kit.checks import ATTRIBUTE, COMPLETE, LEVELS, LOADS, NotApplicable, checks_of


def test_the_levels_have_an_order():
    assert LEVELS == ("loads", "delivers", "complete")


def test_a_check_has_a_name_a_level_and_a_fact():
    @check("channel.keeps-time", level=LOADS)
    def judge():
        """It keeps time.

        To the second.
        """

    entry = getattr(judge, ATTRIBUTE)
    assert (entry.name, entry.suite, entry.level, entry.fact) == (
        "channel.keeps-time",
        "channel",
        LOADS,
        "It keeps time.",
    )


@pytest.mark.parametrize("name", ["keeps-time", "channel.Keeps-Time", "other.keeps-time", "channel."])
def test_a_check_without_a_proper_name_is_refused(name):
    def judge():
        """It keeps time."""

    with pytest.raises(ValueError, match=r"needs a name of the form suite\.fact"):
        check(name, level=LOADS)(judge)


def test_a_check_without_a_fact_is_refused():
    with pytest.raises(ValueError, match="a docstring"):
        check("channel.keeps-time", level=LOADS)(lambda: None)


def test_a_coroutine_is_marked_for_asyncio_whatever_the_mode():
    @check("channel.keeps-time", level=LOADS)
    async def judge():
        """It keeps time."""

    assert [mark.name for mark in judge.pytestmark] == ["asyncio"]


def test_a_check_that_a_subclass_overrides_is_still_expected():
    class Lax(PluginConformance):
        def test_runs_alone(self):
            """Nothing is looked at."""

    assert "plugin.runs-alone" in {entry.name for entry in checks_of(Lax)}


def test_a_demand_that_is_not_met_fails_with_its_sentence():
    demand(1, "never")
    with pytest.raises(CheckFailed, match=r"^it does not; mend it$"):
        demand("", "it does not; mend it")


def test_what_is_not_applicable_is_a_skip_of_its_own_kind():
    with pytest.raises(NotApplicable, match="has no route") as caught:
        not_applicable("has no route")
    assert isinstance(caught.value, pytest.skip.Exception)


def test_the_names_of_all_checks_differ_and_all_say_something():
    checks = list_checks()

    assert len({entry.name for entry in checks}) == len(checks) > 80
    assert {entry.level for entry in checks} == set(LEVELS)
    assert all(entry.fact.endswith(".") for entry in checks)
    assert COMPLETE in {entry.level for entry in checks if entry.suite == "migrations"}
