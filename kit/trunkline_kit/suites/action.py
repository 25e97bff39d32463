"""ActionConformance: checks of actions. The actions are called over HTTP, as customers call them."""

from typing import ClassVar

from trunkline.schemas.definitions import Kind
from trunkline_kit.suites.action_answers import ActionAnswerChecks
from trunkline_kit.suites.action_inputs import ActionInputChecks
from trunkline_kit.suites.action_records import ActionRecordChecks


class ActionConformance(ActionAnswerChecks, ActionInputChecks, ActionRecordChecks):
    """Judges every action of a plugin. Subclass it, and name the plugin.

    ::

        class TestAcmeActions(ActionConformance):
            plugin = "acme"

            async def request_for(self, hub, definition):
                if definition.name == "update_note":
                    return Request({"note_id": await make_note(hub)}, {"title": "New"})
                return await super().request_for(hub, definition)
    """

    kinds: ClassVar[tuple[Kind, ...]] = ("action",)
