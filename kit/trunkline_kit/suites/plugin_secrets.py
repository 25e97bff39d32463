"""Checks that the secrets of a plugin's settings do not leak."""

from collections.abc import Mapping

from pydantic import SecretBytes, SecretStr

from trunkline.errors import TrunklineError
from trunkline_kit.checks import COMPLETE, check, demand, not_applicable
from trunkline_kit.hubs import MakeTestHub
from trunkline_kit.inspected import InspectedPlugin
from trunkline_kit.suites.plugin_running import RunningChecks
from trunkline_kit.suites.plugin_settings import fields_of, kinds_of, plain

_MALFORMED = ("zz-not-the-secret-you-want", "\N{SNOWMAN}zz-odd-secret", "zz-long-secret-" * 500)


class SecretChecks(RunningChecks):
    """Checks of places where secrets must not appear. The suite's *settings* have one for each SecretStr."""

    @check("plugin.secrets-are-in-no-repr", level=COMPLETE)
    def test_secrets_are_in_no_repr(self, trunkline_plugin: InspectedPlugin) -> None:
        """The reprs of the plugin's settings and of the values that its register hooks return show no secret."""
        secrets = _secrets(trunkline_plugin)
        reprs = {"its settings": repr(trunkline_plugin.contributions.settings)}
        reprs |= {
            hook: repr(trunkline_plugin.call(hook))
            for hook in trunkline_plugin.hooks
            if hook.startswith("register_")
        }
        for place, text in reprs.items():
            advice = "keep it in a SecretStr or a field with repr=False"
            _demand_unseen(secrets, text, f"the repr of what {place} gives", advice)

    @check("plugin.secrets-are-in-no-error", level=COMPLETE)
    def test_secrets_are_in_no_error(self, trunkline_plugin: InspectedPlugin) -> None:
        """The error about a refused setting names the setting, and shows no secret value."""
        secrets = _secrets(trunkline_plugin)
        for full in secrets:
            for value in _MALFORMED:
                _demand_silent(trunkline_plugin, {full: value}, {full: value})
        wrong = {f"{trunkline_plugin.name}.no_such_setting": "1"}
        _demand_silent(trunkline_plugin, wrong, secrets)

    @check("plugin.secrets-are-in-no-log", level=COMPLETE)
    async def test_secrets_are_in_no_log(
        self, trunkline_hub: MakeTestHub, trunkline_plugin: InspectedPlugin
    ) -> None:
        """No log line from start to stop, even at debug level, shows a secret."""
        secrets = _secrets(trunkline_plugin)
        hub = await self._run(trunkline_hub)
        _demand_unseen(
            secrets, hub.log.text, "the log at debug level", "log what happened, and not with what"
        )

    @check("plugin.secrets-are-in-no-answer", level=COMPLETE)
    async def test_secrets_are_in_no_answer(
        self, trunkline_hub: MakeTestHub, trunkline_plugin: InspectedPlugin
    ) -> None:
        """No document of the hub and no answer of the plugin's own routes shows a secret."""
        secrets = _secrets(trunkline_plugin)
        hub = await self.start(trunkline_hub, dispatch=False)
        own = [
            route.path for route in trunkline_plugin.routes if route.method == "GET" and "{" not in route.path
        ]
        for path in ("/openapi.json", "/asyncapi.json", "/api/v1/plugins", "/readyz", "/metrics", *own):
            answer = await hub.operator.get(path, headers={"X-Company-Id": "92"})
            shown = f"{answer.text}\n{answer.headers}"
            _demand_unseen(secrets, shown, f"the answer to GET {path}", "answer without it")


def _secrets(plugin: InspectedPlugin) -> Mapping[str, str]:
    """Return the values of the plugin's secrets, keyed by the names of their settings."""
    secrets: dict[str, str] = {}
    for name, field in fields_of(plugin):
        if kinds_of(field) & {SecretStr, SecretBytes}:
            value = plain(getattr(plugin.contributions.settings, name))
            if value:
                secrets[f"{plugin.name}.{name}"] = value.decode() if isinstance(value, bytes) else str(value)
    return secrets or not_applicable("none of its settings is a secret that is set")


def _demand_unseen(secrets: Mapping[str, str], text: str, place: str, advice: str) -> None:
    for name, secret in secrets.items():
        without_prefix = secret.partition("_")[2]  # the part after a prefix such as whsec_ is the secret
        for form in (secret, without_prefix) if len(without_prefix) > 12 else (secret,):
            demand(form not in text, f"{place} shows the secret '{name}'; {advice}")


def _demand_silent(plugin: InspectedPlugin, changed: Mapping[str, str], secrets: Mapping[str, str]) -> None:
    try:
        plugin.build({**plugin.settings, **changed})
    except TrunklineError as error:
        advice = "say what is wrong with it, and not what it is"
        _demand_unseen(secrets, str(error), f"the refusal of {', '.join(changed)}", advice)
