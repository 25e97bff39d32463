"""Checks of a plugin's event types and connectors."""

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

import orjson

from trunkline.contract import Connector
from trunkline.schemas.catalog import EventType, Validator
from trunkline_kit.checks import COMPLETE, DELIVERS, LOADS, check, demand, not_applicable
from trunkline_kit.hubs import MakeTestHub
from trunkline_kit.inspected import InspectedPlugin
from trunkline_kit.suites.suite import Suite


class ValueChecks(Suite):
    """Checks of event types and generators of connectors."""

    @check("plugin.event-types-have-valid-examples", level=LOADS)
    def test_event_types_have_valid_examples(self, trunkline_plugin: InspectedPlugin) -> None:
        """Every example of an event type is valid by the type's schema."""
        for kind in _event_types(trunkline_plugin):
            validator = Validator(kind.schema, name=kind.name)
            for number, example in enumerate(kind.schema.get("examples", ())):
                faults = validator.check(example)
                demand(
                    not faults,
                    f"example {number} of '{kind.name}' breaks its schema at {faults[0].path if faults else ''}; mend one or the other",
                )

    @check("plugin.event-types-are-described", level=COMPLETE)
    def test_event_types_are_described(self, trunkline_plugin: InspectedPlugin) -> None:
        """Every event type, and every field of its payload, has a title and a description."""
        for kind in _event_types(trunkline_plugin):
            demand(
                kind.title.strip() and kind.description.strip(),
                f"the event type '{kind.name}' needs a title and a description",
            )
            for name, field in kind.schema.get("properties", {}).items():
                demand(
                    field.get("description") or "$ref" in field,
                    f"the field '{name}' of '{kind.name}' has no description; say what it holds",
                )

    @check("plugin.event-types-are-closed", level=COMPLETE)
    def test_event_types_are_closed(self, trunkline_plugin: InspectedPlugin) -> None:
        """A payload with an unknown field is refused, so that no misspelt field is lost silently."""
        for kind in _event_types(trunkline_plugin):
            odd = {**dict(kind.example), "no_such_field": 1}
            demand(
                Validator(kind.schema, name=kind.name).check(odd),
                f"the event type '{kind.name}' takes the field 'no_such_field'; set additionalProperties to false",
            )

    @check("plugin.event-types-are-accepted", level=DELIVERS)
    async def test_event_types_are_accepted(
        self, trunkline_hub: MakeTestHub, trunkline_plugin: InspectedPlugin
    ) -> None:
        """An event of each type can be sent to the hub, and is unchanged when it is read."""
        kinds = _event_types(trunkline_plugin)
        hub = await self.start(trunkline_hub, beside=["polling"], dispatch=False)
        for kind in kinds:
            sent = {"type": kind.name, "payload": dict(kind.example), "version": kind.version}
            answer = await hub.client.post("/api/v1/events", json=sent)
            demand(
                answer.status_code == 201,
                f"an event '{kind.name}' with its own example is refused: {answer.text[:300]}",
            )
            versions = {"versions": f"{kind.name}:{kind.version}"}
            read = await hub.client.get(f"/api/v1/events/{answer.json()['id']}", params=versions)
            demand(
                read.json().get("payload") == orjson.loads(kind.example_json),
                f"an event '{kind.name}' is read as {read.text[:200]}, which is not what was sent",
            )

    @check("plugin.connectors-are-reproducible", level=COMPLETE)
    def test_connectors_are_reproducible(self, trunkline_plugin: InspectedPlugin) -> None:
        """A connector's generator makes the same files from the same product every time."""
        for connector, files in _connectors(trunkline_plugin):
            again = connector.generate(trunkline_plugin.hub.deployment.product())
            different = sorted(path for path in {*files, *again} if files.get(path) != again.get(path))
            demand(
                not different,
                f"the connector '{connector.name}' makes {different[0] if different else ''} differently each time; leave out time, chance and order of sets",
            )

    @check("plugin.connectors-stay-in-their-folder", level=COMPLETE)
    def test_connectors_stay_in_their_folder(self, trunkline_plugin: InspectedPlugin) -> None:
        """The files of a connector have relative paths inside its folder."""
        for connector, files in _connectors(trunkline_plugin):
            demand(files, f"the connector '{connector.name}' makes no file")
            for path in files:
                demand(
                    not PurePosixPath(path).is_absolute()
                    and ".." not in path.split("/")
                    and "\\" not in path,
                    f"the connector '{connector.name}' makes '{path}', which leads out of its folder; give relative paths",
                )

    @check("plugin.connectors-keep-secrets-out", level=COMPLETE)
    def test_connectors_keep_secrets_out(self, trunkline_plugin: InspectedPlugin) -> None:
        """No file of a connector contains a secret of the hub or of the plugin's settings."""
        settings = trunkline_plugin.contributions.settings
        values: Mapping[str, Any] = settings.model_dump() if settings is not None else {}
        hidden = [value for value in values.values() if hasattr(value, "get_secret_value")]
        secrets = [str(value.get_secret_value()) for value in hidden if value.get_secret_value()]
        for connector, files in _connectors(trunkline_plugin):
            for path, content in files.items():
                demand(
                    not any(secret.encode() in content for secret in (*secrets, "p" * 32, "e" * 32)),
                    f"the connector '{connector.name}' writes a secret into '{path}'; whoever installs it gives it there",
                )


def _event_types(plugin: InspectedPlugin) -> tuple[EventType, ...]:
    return plugin.contributions.event_types or not_applicable("it gives no event types")


def _connectors(plugin: InspectedPlugin) -> Iterator[tuple[Connector, Mapping[str, bytes]]]:
    connectors = plugin.contributions.connectors or not_applicable("it gives no connectors")
    for connector in connectors:
        yield connector, connector.generate(plugin.hub.deployment.product())
