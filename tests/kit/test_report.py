"""The level of a plugin, derived from its findings."""

import pytest

from trunkline_kit.checks import COMPLETE, DELIVERS, LOADS
from trunkline_kit.report import Finding, Report, Verdict

PLUGIN = [("plugin.a", LOADS), ("plugin.b", DELIVERS), ("plugin.c", COMPLETE)]
CHANNEL = [("channel.a", LOADS), ("channel.b", COMPLETE)]


def report_of(*outcomes, contributed=None):
    """Make a report: each outcome is a check's name and its result."""
    report = Report()
    for name, outcome in outcomes:
        suite = name.partition(".")[0]
        checks = PLUGIN if suite == "plugin" else CHANNEL
        finding = Finding(
            "acme",
            name,
            suite,
            dict(checks).get(name, COMPLETE),
            outcome,
            message="it does not" if outcome == "failed" else "",
            subject="acme" if suite == "channel" else "",
        )
        report.add(finding, expected=checks if suite in {"plugin", "channel"} else [(name, COMPLETE)])
    report.of("acme").contributed.update(contributed or {})
    return report


def judged(*outcomes, **more) -> Verdict:
    (verdict,) = report_of(*outcomes, **more).verdicts()
    return verdict


MET = [("plugin.a", "passed"), ("plugin.b", "not_applicable"), ("plugin.c", "passed")]
CHANNEL_MET = [("channel.a", "passed"), ("channel.b", "passed")]
UNJUDGED = "no suite has judged {}; subclass trunkline.testing.{}"


def but(name, outcome):
    """Give the outcomes of MET with another *outcome* of one check."""
    return [(check, outcome if check == name else usual) for check, usual in MET]


@pytest.mark.parametrize(
    ("outcomes", "channels", "level", "missing"),
    [
        pytest.param(MET, (), COMPLETE, (), id="all-checks-met"),
        pytest.param(but("plugin.a", "failed"), (), None, ("plugin.a: it does not",), id="fails-to-load"),
        pytest.param(but("plugin.b", "failed"), (), LOADS, ("plugin.b: it does not",), id="fails-to-deliver"),
        pytest.param(
            but("plugin.c", "failed"), (), DELIVERS, ("plugin.c: it does not",), id="fails-the-last"
        ),
        pytest.param(MET[:2], (), DELIVERS, ("plugin.c: did not run",), id="one-did-not-run"),
        pytest.param(
            but("plugin.c", "not_judged"), (), DELIVERS, ("plugin.c: was not judged: ",), id="one-not-judged"
        ),
        pytest.param(
            MET,
            ("acme", "acme-slow"),
            LOADS,
            tuple(
                UNJUDGED.format(f"the channel '{name}'", "ChannelConformance")
                for name in ("acme", "acme-slow")
            ),
            id="channels-without-a-suite",
        ),
        pytest.param(MET + CHANNEL_MET, ("acme",), COMPLETE, (), id="channel-with-its-suite"),
        pytest.param(
            CHANNEL_MET,
            (),
            None,
            (UNJUDGED.format("the plugin itself", "PluginConformance"),),
            id="plugin-without-its-suite",
        ),
    ],
)
def test_the_level_and_what_is_missing(outcomes, channels, level, missing):
    verdict = judged(*outcomes, contributed={"channel": channels} if channels else {})
    assert (verdict.level, verdict.missing) == (level, missing)


@pytest.mark.parametrize(
    ("outcomes", "line"),
    [
        (MET, "acme: complete (2 passed, 1 not applicable)"),
        (but("plugin.a", "failed"), "acme: does not load (1 passed, 1 failed, 1 not applicable)"),
        (but("plugin.c", "not_judged"), "acme: delivers (1 passed, 1 not judged, 1 not applicable)"),
    ],
    ids=["complete", "does-not-load", "not-judged"],
)
def test_the_line_has_the_level_and_counts_the_outcomes(outcomes, line):
    assert judged(*outcomes).line() == line


@pytest.mark.parametrize(
    ("kind", "suite"),
    [
        ("action", "ActionConformance"),
        ("search", "SearchConformance"),
        ("migrations", "MigrationsConformance"),
    ],
)
def test_what_a_plugin_gives_must_have_been_judged_by_its_suite(kind, suite):
    assert judged(*MET, contributed={kind: ("one", "two")}).missing == (
        f"no suite has judged one, two; subclass trunkline.testing.{suite}",
    )
    assert judged(*MET, (f"{kind}.a", "passed"), contributed={kind: ("one", "two")}).level == COMPLETE


def test_of_a_check_that_ran_several_times_the_worst_counts():
    verdict = judged(*MET, ("plugin.c", "failed"), ("plugin.c", "not_applicable"))

    assert verdict.level == DELIVERS
    assert [finding.outcome for finding in verdict.findings] == ["passed", "not_applicable", "failed"]


def test_the_json_has_a_level_what_is_missing_and_every_check():
    document = report_of(("plugin.a", "passed"), ("channel.a", "failed")).as_json()

    common = {"level": "loads", "seconds": 0.0}
    of_channel = {"name": "channel.a", "suite": "channel", "outcome": "failed", "message": "it does not"}
    of_plugin = {"name": "plugin.a", "suite": "plugin", "outcome": "passed", "message": ""}
    assert document["plugins"]["acme"]["level"] is None
    assert document["plugins"]["acme"]["checks"] == [
        common | of_channel | {"subject": "acme"},
        common | of_plugin,
    ]


def test_reasons_for_what_did_not_apply_are_told_once_each():
    verdict = judged(*((name, "not_applicable") for name, _ in MET))

    assert verdict.reasons() == {"": ["plugin.a", "plugin.b", "plugin.c"]}
