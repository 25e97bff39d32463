"""The kit itself is tested: for every check there is a broken plugin, and the check fails for it with a sentence.

All broken plugins of a suite run in one pytest session inside this process (``harness``).
"""

import re

import pytest
from tests.kit import harness
from tests.kit.broken import (
    action,
    channel,
    channel_batches,
    channel_content,
    channel_delivery,
    channel_headers,
    channel_outcomes,
    channel_safety,
    channel_time,
    dialling,
    migrations,
    mqtt,
    pigeons,
    plugin,
    plugin_notifications,
    plugin_routes,
    plugin_settings,
    plugin_tokens,
    plugin_values,
    rewriting,
    search,
)
from tests.kit.broken.acme import acme
from tests.kit.broken.breaking import broken_in

from trunkline_kit import (
    ActionConformance,
    ChannelConformance,
    MigrationsConformance,
    PluginConformance,
    SearchConformance,
)
from trunkline_kit.checks import checks_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

CASTERS = ["plugin.casters-give-valid-payloads", "plugin.casters-round-trip", "plugin.casters-are-pure"]
PLUGIN = (plugin, plugin_settings, plugin_values, plugin_routes, plugin_notifications, plugin_tokens)
OF_TOKENS = sorted({check for check, _, _ in broken_in(plugin_tokens)})
CHANNEL = (
    channel_batches,
    channel_content,
    channel_delivery,
    channel_outcomes,
    channel_headers,
    channel_safety,
    channel_time,
    dialling,
    mqtt,
    pigeons,
    rewriting,
)
OF_BROKERS = [
    "channel.declares-its-secrets",
    "channel.bounds-its-connections",
    "channel.dials-for-the-company",
    "channel.encrypts-where-asked",
    "channel.ends-when-cancelled",
    "channel.keeps-credentials-apart",
    "channel.leaves-nothing-open",
    "channel.leaves-nothing-to-later-listeners",
    "channel.makes-one-try-per-attempt",
    "channel.refuses-what-its-transport-cannot-name",
    "channel.retries-after-a-broken-connection",
    "channel.retries-a-wrong-secret",
    "channel.retries-when-nobody-listens",
    "channel.says-that-a-secret-is-wrong",
    "channel.signs-by-the-chosen-scheme",
    "channel.tries-a-connection-without-sending",
]
OF_CONSUMERS = [
    "channel.follows-a-changed-target",
    "channel.is-held-while-disabled",
    "channel.makes-one-try-per-attempt",
    "channel.serves-each-target",
]
"""Checks that failed for deliveries that a consumer had not received yet."""
OF_CONTENT = [
    "channel.counts-what-was-taken",
    "channel.delivers-every-event-type",
    "channel.encrypts-where-asked",
    "channel.keeps-any-text",
    "channel.keeps-the-bytes",
    "channel.keeps-the-filter-of-a-request",
    "channel.leaves-nothing-open",
    "channel.refuses-what-its-transport-cannot-name",
    "channel.retries-when-nobody-listens",
    "channel.sends-the-same-on-every-attempt",
    "channel.serves-each-target",
]
OF_BATCHES = sorted({check for check, _, _ in broken_in(channel_batches)})
JUDGED = {
    "plugin": (
        PluginConformance,
        PLUGIN,
        {
            acme(): None,
            plugin_values.versioned(): CASTERS,
            plugin_tokens.good: OF_TOKENS,
            plugin_routes.good_keeping: ["plugin.routes-keep-companies-apart"],
        },
    ),
    "channel": (
        ChannelConformance,
        CHANNEL,
        {
            **channel.GOOD,
            channel_batches.good: OF_BATCHES,
            dialling.good_rows: ["channel.encrypts-where-asked"],
            mqtt.good: OF_BROKERS,
            mqtt.good_with_a_late_consumer: OF_CONSUMERS,
            rewriting.good_chat: OF_CONTENT,
            rewriting.good_mail: OF_CONTENT,
            rewriting.good_streams: [
                "channel.bounds-its-connections",
                "channel.retries-when-refused-for-now",
                "channel.says-what-became-of-each-of-a-batch",
            ],
            rewriting.good_subjects: [
                "channel.encrypts-where-asked",
                "channel.retries-when-nobody-listens",
                "channel.retries-when-refused-for-now",
            ],
            pigeons.good: ["channel.tells-companies-apart-at-one-target"],
        },
    ),
    "action": (
        ActionConformance,
        (action,),
        {action.good: None, action.good_copying: ["action.takes-nothing-of-another-company"]},
    ),
    "search": (SearchConformance, (search,), {search.good: None}),
    "migrations": (MigrationsConformance, (migrations,), {migrations.ledger(): None}),
}
"""Each suite with its broken plugins, and with its good plugins: all checks of each, or the named ones."""
ONLY_WITHHOLDS = {"channel.meets-a-failure"}
"""A feature that a suite lacks is no fault of the plugin; the plugin only misses the level."""
DID_NOT_RUN = harness.CheckResult("did not run", "")
BREAKS = [
    pytest.param(suite, check, name, id=f"{check}-{name}")
    for suite, (_, modules, _) in JUDGED.items()
    for check, name, _ in broken_in(*modules)
]


@pytest.fixture(scope="module")
def results(request, tmp_path_factory):
    """Give the results of the checks: one session for each suite, run when a test first needs it."""
    known = {}

    def ask(suite):
        if suite not in known:
            known[suite] = None  # kept even if the session breaks, so that it is not repeated for every check
            base, modules, goods = JUDGED[suite]
            suites = {
                f"TestBroken{number}": harness.suite_of(base, broken, only=[check])
                for number, (check, _, broken) in enumerate(broken_in(*modules))
            }
            for number, (good, only) in enumerate(goods.items()):
                suites[f"TestGood{number}"] = harness.suite_of(base, good, only=only)
            answers = harness.run(suites, tmp_path_factory.mktemp(suite))
            known[suite] = {
                "broken": {
                    (check, name): answers.get((f"TestBroken{number}", check), DID_NOT_RUN)
                    for number, (check, name, _) in enumerate(broken_in(*modules))
                },
                "good": [
                    (check, answer)
                    for (name, check), answer in answers.items()
                    if name.startswith("TestGood")
                ],
            }
        assert known[suite] is not None, f"the session of the suite '{suite}' broke; the first test says how"
        return known[suite]

    return ask


@pytest.mark.parametrize("suite", JUDGED)
def test_every_check_has_something_that_is_broken_for_it(suite):
    base, modules, _ = JUDGED[suite]
    assert {check for check, _, _ in broken_in(*modules)} == {check.name for check in checks_of(base)}


@pytest.mark.parametrize(("suite", "check", "name"), BREAKS)
def test_the_check_catches_it(results, suite, check, name):
    answer = results(suite)["broken"][check, name]

    assert answer.outcome == ("not_judged" if check in ONLY_WITHHOLDS else "failed"), answer
    assert not re.match(r"\w+(Error|Failed|Group|Iteration): ", answer.message), (
        f"no sentence of the check's own: {answer.message}"
    )
    assert len(answer.message) > 20


@pytest.mark.parametrize("suite", JUDGED)
def test_what_is_good_passes_every_check(results, suite):
    base, _, _ = JUDGED[suite]
    answers = results(suite)["good"]

    assert [(check, answer) for check, answer in answers if answer.outcome == "failed"] == []
    assert {check for check, answer in answers if answer.outcome == "passed"} == {
        check.name for check in checks_of(base)
    }
