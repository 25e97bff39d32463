"""The benchmarks run, and write the sections of ``docs/internals/performance.md`` that they own."""

import re
from pathlib import Path

import pytest
from benchmarks import report
from benchmarks.__main__ import LONG_SUITES, SUITES, module_of
from benchmarks.results import Options, Row

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/internals/performance.md").read_text(encoding="utf-8")
WITH_ALL_PLUGINS = ("agents", "portal", "profile", "push")
"""The other benchmarks start with two plugins here: a process with all of them takes a second of CPU more."""


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.parametrize("suite", [*SUITES, *LONG_SUITES])
def test_each_suite_runs_and_measures_something(suite, monkeypatch):
    if suite not in WITH_ALL_PLUGINS:
        monkeypatch.setenv("TRUNKLINE_PLUGINS__ENABLED", "webhooks,polling")
    engines = ("sqlite",)  # profile, scaling, steady, takeover and the portal's need PostgreSQL, too
    rows = module_of(suite).run(Options(scale=0.01, rounds=1, engines=engines))
    assert any(any(row.figures.values()) for row in rows)
    assert [row.name for row in rows if f"\n| {row.name} |" not in report.table(rows)] == []


def test_each_suite_has_one_section_on_the_page_and_no_other_section_is_there():
    assert sorted(re.findall(r"^<!-- (\w+) -->$", PAGE, re.MULTILINE)) == sorted([*SUITES, *LONG_SUITES])
    assert sorted(re.findall(r"^<!-- end of (\w+) -->$", PAGE, re.MULTILINE)) == sorted(
        [*SUITES, *LONG_SUITES]
    )


def test_a_section_is_rewritten_alone_and_as_often_as_wanted(tmp_path):
    page = tmp_path / "performance.md"
    page.write_text(
        "a\n<!-- push -->\nold\n<!-- end of push -->\nb\n<!-- polls -->\nkept\n<!-- end of polls -->\n"
    )
    report.write("push", r"new \1", page=page)
    report.write("push", r"newer \1", page=page)
    assert list(tmp_path.iterdir()) == [page]
    assert page.read_text() == (
        "a\n<!-- push -->\nnewer \\1\n<!-- end of push -->\nb\n<!-- polls -->\nkept\n<!-- end of polls -->\n"
    )


def test_a_suite_without_a_section_is_refused():
    with pytest.raises(ValueError, match="no section between <!-- push -->"):
        report.replaced("<!-- polls -->\n<!-- end of polls -->\n", "push", "text")


def test_a_missed_target_is_said_and_figures_carry_their_units():
    rows = [
        Row("one", {"per_second": 12_345.6, "baseline_per_second": 20_000, "cpu_us": 129.96}, 0.617, "≥ 0.65", met=False),
        Row("other", {"per_second": 999.94, "baseline_per_second": 1000, "cpu_us": 3.14159}, 0.99994, "≥ 0.65", met=True),
        Row("third", {"resident_mb": 80.0}, None, "", met=True),
    ]  # fmt: skip
    assert report.table(rows).splitlines() == [
        "|  | /s | baseline /s | CPU µs | ratio | target |",
        "| --- | ---: | ---: | ---: | ---: | --- |",
        "| one | 12,346 | 20,000 | 130.0 | 0.62 | **≥ 0.65** |",
        "| other | 999.9 | 1,000 | 3.14 | 1.00 | ≥ 0.65 |",
        "",
        "|  | resident MB |",
        "| --- | ---: |",
        "| third | 80 |",
    ]


def test_a_section_of_the_page_has_few_figures_and_no_baseline_and_says_a_target_once():
    figures = {"one": 1, "baseline_one": 9, "two": 2, "three": 3, "four": 4, "five": 5}
    rows = [Row(name, figures, 0.5, "≥ 0.65", met=False, note="shared") for name in ("first", "second")]
    assert report.section(rows, how="by hand").splitlines() == [
        "|  | one | two | three | four | ratio | target |",
        "| --- | ---: | ---: | ---: | ---: | ---: | --- |",
        "| first | 1 | 2 | 3 | 4 | 0.50 | **≥ 0.65** |",
        "| second | 1 | 2 | 3 | 4 | 0.50 | **″** |",
        "",
        "<sub>by hand</sub>",
    ]
