"""The level of a plugin, derived from its findings."""

import pytest

from trunkline_kit.checks import COMPLETE, DELIVERS, LOADS
from trunkline_kit.report import Finding, Report, Verdict

PLUGIN = [("plugin.a", LOADS), ("plugin.b", DELIVERS), ("plugin.c", COMPLETE)]
CHANNEL = [("channel.a", LOADS), ("channel.b", COMPLETE)]


def report_of(*outcomes, contributed=None, channel="acme"):
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
            subject=channel if suite == "channel" else "",
        )
        report.add(finding, expected=checks if suite in {"plugin", "channel"} else [(name, COMPLETE)])
    report.of("acme").contributed.update(contributed or {})
    return report


def judged(*outcomes, **more) -> Verdict:
    (verdict,) = report_of(*outcomes, **more).verdicts()
    return verdict


MET = [("plugin.a", "passed"), ("plugin.b", "not_applicable"), ("plugin.c", "passed")]


def test_a_plugin_that_meets_every_check_is_complete():
    verdict = judged(*MET)

    assert (verdict.level, verdict.missing) == (COMPLETE, ())
    assert verdict.line() == "acme: complete (2 passed, 1 not applicable)"


@pytest.mark.parametrize(
    ("failing", "level"), [("plugin.a", None), ("plugin.b", LOADS), ("plugin.c", DELIVERS)]
)
def test_a_check_that_fails_holds_back_its_level_and_those_above(failing, level):
    verdict = judged(*((name, "failed" if name == failing else outcome) for name, outcome in MET))

    assert verdict.level == level
    assert verdict.missing == (f"{failing}: it does not",)


def test_what_does_not_load_says_so_in_its_line():
    assert judged(("plugin.a", "failed"), *MET[1:]).line() == (
        "acme: does not load (1 passed, 1 failed, 1 not applicable)"
    )


def test_a_check_that_did_not_run_holds_back_its_level():
    verdict = judged(*MET[:2])

    assert (verdict.level, verdict.missing) == (DELIVERS, ("plugin.c: did not run",))


def test_a_channel_that_no_suite_has_judged_holds_the_plugin_at_loads():
    verdict = judged(*MET, contributed={"channel": ("acme", "acme-slow")})

    assert verdict.level == LOADS
    assert verdict.missing == (
        "no suite has judged the channel 'acme'; subclass trunkline.testing.ChannelConformance",
        "no suite has judged the channel 'acme-slow'; subclass trunkline.testing.ChannelConformance",
    )


def test_a_channel_that_was_judged_is_not_missing():
    verdict = judged(
        *MET, ("channel.a", "passed"), ("channel.b", "passed"), contributed={"channel": ("acme",)}
    )

    assert (verdict.level, verdict.missing) == (COMPLETE, ())


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


def test_without_the_suite_for_the_plugin_itself_there_is_no_level():
    verdict = judged(("channel.a", "passed"), ("channel.b", "passed"))

    assert verdict.level is None
    assert verdict.missing == (
        "no suite has judged the plugin itself; subclass trunkline.testing.PluginConformance",
    )


def test_of_a_check_that_ran_several_times_the_worst_counts():
    verdict = judged(*MET, ("plugin.c", "failed"), ("plugin.c", "not_applicable"))

    assert verdict.level == DELIVERS
    assert [finding.outcome for finding in verdict.findings] == ["passed", "not_applicable", "failed"]


def test_the_json_has_a_level_what_is_missing_and_every_check():
    document = report_of(("plugin.a", "passed"), ("channel.a", "failed")).as_json()

    assert document["plugins"]["acme"]["level"] is None
    assert document["plugins"]["acme"]["checks"] == [
        {
            "name": "channel.a",
            "suite": "channel",
            "level": "loads",
            "outcome": "failed",
            "seconds": 0.0,
            "message": "it does not",
            "subject": "acme",
        },
        {
            "name": "plugin.a",
            "suite": "plugin",
            "level": "loads",
            "outcome": "passed",
            "seconds": 0.0,
            "message": "",
        },
    ]


def test_what_was_not_judged_holds_back_its_level_and_is_named():
    verdict = judged(*((name, "not_judged" if name == "plugin.c" else outcome) for name, outcome in MET))

    assert verdict.level == DELIVERS
    assert verdict.missing == ("plugin.c: was not judged: ",)
    assert verdict.line() == "acme: delivers (1 passed, 1 not judged, 1 not applicable)"


def test_reasons_for_what_did_not_apply_are_told_once_each():
    verdict = judged(*((name, "not_applicable") for name, _ in MET))

    assert verdict.reasons() == {"": ["plugin.a", "plugin.b", "plugin.c"]}
