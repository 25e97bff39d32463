"""Checks of a plugin's casters, which convert payloads between versions of an event type."""

from collections.abc import Callable

import hypothesis
import orjson

from trunkline.schemas.catalog import Json
from trunkline.schemas.versions import SchemaVersions
from trunkline_kit.checks import COMPLETE, DELIVERS, check, demand, fail, not_applicable
from trunkline_kit.inspected import InspectedPlugin
from trunkline_kit.payloads import payloads
from trunkline_kit.suites.suite import Suite

TRIED = 100
"""Number of generated payloads to try for each step, in addition to the examples."""

Step = tuple[str, int, int]


class CasterChecks(Suite):
    """Checks of casters with the examples of each version and with generated payloads."""

    @check("plugin.casters-give-valid-payloads", level=DELIVERS)
    def test_casters_give_valid_payloads(self, trunkline_plugin: InspectedPlugin) -> None:
        """A caster converts every valid payload to a payload that is valid in the other version."""
        versions = trunkline_plugin.hub.schema_versions
        _try_all(trunkline_plugin, lambda payload, step: _cast(versions, payload, step))

    @check("plugin.casters-round-trip", level=DELIVERS)
    def test_casters_round_trip(self, trunkline_plugin: InspectedPlugin) -> None:
        """A payload that is cast up and down again is unchanged, digit by digit, so that readers of the old version lose nothing."""
        versions = trunkline_plugin.hub.schema_versions

        def verify(payload: bytes, step: Step) -> None:
            name, source, target = step
            if target < source:
                return
            back = _cast(versions, _cast(versions, payload, step), (name, target, source))
            demand(
                orjson.loads(back) == orjson.loads(payload),
                f"{payload.decode()[:200]} of '{name}', cast from version {source} to {target} and back, becomes "
                f"{back.decode()[:200]}; the casters should give it back as it was",
            )

        _try_all(trunkline_plugin, verify)

    @check("plugin.casters-are-pure", level=COMPLETE)
    def test_casters_are_pure(self, trunkline_plugin: InspectedPlugin) -> None:
        """A caster gives the same result for the same payload every time, so that pushed, polled and replayed bytes are equal."""
        versions = trunkline_plugin.hub.schema_versions

        def verify(payload: bytes, step: Step) -> None:
            first, second = _cast(versions, payload, step), _cast(versions, payload, step)
            demand(
                first == second,
                f"{payload.decode()[:200]} of '{step[0]}' is cast to {first.decode()[:200]} and then to "
                f"{second.decode()[:200]}; a caster should depend on nothing but the payload",
            )

        _try_all(trunkline_plugin, verify)


def _cast(versions: SchemaVersions, payload: bytes, step: Step) -> bytes:
    name, source, target = step
    try:
        return versions.cast(name, payload, from_version=source, to_version=target)
    except ValueError as error:
        fail(f"{error}, of {payload.decode()[:200]}; it should take every valid payload")


def _try_all(plugin: InspectedPlugin, verify: Callable[[bytes, Step], object]) -> None:
    """Call *verify* with examples and generated payloads for each step of the plugin's casters."""
    casters = [caster for owner, caster in plugin.hub.registry.collected.casters if owner == plugin.name]
    if not casters:
        not_applicable("the plugin gives no casters")
    for caster in casters:
        _try_step(plugin, (caster.event_type, caster.from_version, caster.to_version), verify)


def _try_step(plugin: InspectedPlugin, step: Step, verify: Callable[[bytes, Step], object]) -> None:
    catalog, (name, version, _) = plugin.hub.catalog, step
    kind = catalog.get(name, version)
    assert kind is not None
    for example in kind.schema["examples"]:
        verify(orjson.dumps(example), step)

    @hypothesis.settings(
        max_examples=TRIED,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=(
            hypothesis.HealthCheck.too_slow,
            hypothesis.HealthCheck.filter_too_much,
            hypothesis.HealthCheck.data_too_large,
        ),
    )
    @hypothesis.given(payloads(kind.schema))
    def try_one(payload: Json) -> None:
        if not catalog.check(name, payload, version=version):
            verify(orjson.dumps(payload), step)

    try_one()
