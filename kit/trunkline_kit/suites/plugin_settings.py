"""Checks of a plugin's section of the settings."""

import ast
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, get_args

from pydantic import SecretBytes, SecretStr
from pydantic.fields import FieldInfo

from trunkline.errors import PluginFailed, SettingsInvalid, TrunklineError
from trunkline_kit.checks import COMPLETE, LOADS, check, demand, fail, not_applicable
from trunkline_kit.hubs import environment_of
from trunkline_kit.inspected import InspectedPlugin
from trunkline_kit.suites.suite import Suite

SECRET_WORDS = ("secret", "password", "passphrase", "token", "api_key", "apikey", "private_key", "credential")
UNKNOWN = "no_such_setting"
_WHOLE = "*"
_MODELS = ("settings", "_settings", "config")


class SettingChecks(Suite):
    """Checks of the settings' model and its values. *labels* are settings and members of targets that only people read."""

    labels: ClassVar[Collection[str]] = ()

    @check("plugin.settings-are-described", level=COMPLETE)
    def test_settings_are_described(self, trunkline_plugin: InspectedPlugin) -> None:
        """Every setting has a description."""
        for name, field in fields_of(trunkline_plugin):
            demand(
                (field.description or "").strip(),
                f"the setting '{trunkline_plugin.name}.{name}' has no description; give it Field(description=…)",
            )

    @check("plugin.reads-what-it-declares", level=COMPLETE)
    def test_reads_what_it_declares(self, trunkline_plugin: InspectedPlugin) -> None:
        """The plugin's code reads each setting and each member of a target, except the suite's *labels*."""
        package = trunkline_plugin.candidate.module.partition(".")[0]
        targets = [channel.target for channel in trunkline_plugin.contributions.channels]
        declared = [model for model in (trunkline_plugin.model, *targets) if model is not None]
        own = [model for model in declared if model.__module__.partition(".")[0] == package]
        read = set[str]().union(*(_names_read(file) for file in trunkline_plugin.files))
        if not own or not trunkline_plugin.files or _WHOLE in read:
            not_applicable("it declares nothing, has no files, or reads all of it at once (model_dump)")
        for model in own:
            for name in model.model_fields:
                demand(
                    name in read or name in self.labels,
                    f"nothing in the plugin reads '{name}' of {model.__name__}; use it, leave it out, or name it in 'labels' if people "
                    "alone read it",
                )

    @check("plugin.missing-settings-are-named", level=LOADS)
    def test_missing_settings_are_named(self, trunkline_plugin: InspectedPlugin) -> None:
        """Without any settings, the plugin loads, or the error names each setting that the plugin needs."""
        required = [name for name, field in fields_of(trunkline_plugin) if field.is_required()]
        try:
            trunkline_plugin.build({})
        except PluginFailed as failure:
            for name in required:
                demand(
                    f"'{trunkline_plugin.name}.{name}'" in str(failure),
                    f"without settings it fails with '{failure}', which does not name the setting '{trunkline_plugin.name}.{name}'",
                )
            demand(
                "needs settings" in str(failure),
                f"without settings it fails with '{failure}'; give defaults, or make the settings required",
            )

    @check("plugin.settings-come-from-the-environment", level=COMPLETE)
    def test_settings_come_from_the_environment(self, trunkline_plugin: InspectedPlugin) -> None:
        """Each setting can be given as TRUNKLINE_{PLUGIN}__{NAME}, and the plugin's context shows the value."""
        for name, _ in fields_of(trunkline_plugin):
            full = f"{trunkline_plugin.name}.{name}"
            (variable,) = environment_of({full: ""})
            unset = _value_of(trunkline_plugin, name, None)
            seen = [_value_of(trunkline_plugin, name, value) for value in _values(trunkline_plugin, name)]
            demand(
                any(value is not None and value != unset for value in seen),
                f"the setting '{full}' stays what it is when {variable} is set; name its field as the variable, without an alias",
            )

    @check("plugin.unknown-settings-are-refused", level=COMPLETE)
    def test_unknown_settings_are_refused(self, trunkline_plugin: InspectedPlugin) -> None:
        """A setting that the plugin does not have stops the start, and the error names the setting."""
        full = f"{trunkline_plugin.name}.{UNKNOWN}"
        try:
            trunkline_plugin.build({**trunkline_plugin.settings, full: "1"})
        except SettingsInvalid as error:
            demand(
                full in str(error),
                f"an unknown setting is refused with '{error}', which does not name '{full}'",
            )
        else:
            fail(
                f"the unknown setting '{full}' is taken without a word; let the model see every name that was given"
            )

    @check("plugin.malformed-settings-are-refused", level=COMPLETE)
    def test_malformed_settings_are_refused(self, trunkline_plugin: InspectedPlugin) -> None:
        """If a number or a switch is set to other text, the start stops, and the error names the setting."""
        typed = [name for name, field in fields_of(trunkline_plugin) if kinds_of(field) & {int, float, bool}]
        if not typed:
            not_applicable("all its settings are text")
        for name in typed:
            full = f"{trunkline_plugin.name}.{name}"
            try:
                trunkline_plugin.read_settings(
                    {**trunkline_plugin.settings, full: "neither number nor switch"}
                )
            except TrunklineError as error:
                demand(
                    full in str(error),
                    f"a malformed '{full}' is refused with '{error}', which does not name it",
                )
            else:
                fail(
                    f"the setting '{full}' takes 'neither number nor switch' without a word; refuse what is malformed"
                )

    @check("plugin.secret-settings-are-secret", level=COMPLETE)
    def test_secret_settings_are_secret(self, trunkline_plugin: InspectedPlugin) -> None:
        """A setting whose name says that it is a secret has the type SecretStr, unless it is a number."""
        for name, field in fields_of(trunkline_plugin):
            if any(word in name.lower() for word in SECRET_WORDS) and kinds_of(field) != {int}:
                demand(
                    kinds_of(field) & {SecretStr, SecretBytes},
                    f"the setting '{trunkline_plugin.name}.{name}' is a secret, but its type shows it in logs; use pydantic.SecretStr",
                )

    @check("plugin.settings-are-read-once", level=COMPLETE)
    def test_settings_are_read_once(self, trunkline_plugin: InspectedPlugin) -> None:
        """Two hubs in one process have separate settings; the second does not change the settings of the first."""
        fields_of(trunkline_plugin)
        before = repr(trunkline_plugin.contributions.settings)
        changed = _changed_settings(trunkline_plugin, unlike=before)
        other = trunkline_plugin.build(changed).registry.contributions_of(trunkline_plugin.name).settings
        demand(
            repr(trunkline_plugin.contributions.settings) == before
            and other is not trunkline_plugin.contributions.settings,
            "a second hub's settings change those of the first; keep them in the context and nowhere else",
        )


def _names_read(file: Path) -> set[str]:
    """List the attributes that *file* reads; the list has ``_WHOLE`` if it reads a whole model by ``model_dump``."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_bytes())):
        match node:
            case ast.Attribute(value=ast.Attribute(attr=model) | ast.Name(id=model), attr="model_dump") if (
                model in _MODELS
            ):
                names.add(_WHOLE)
            case ast.Attribute(attr=name, ctx=ast.Load()):
                names.add(name)
            case ast.Call(func=ast.Name(id="getattr"), args=[_, ast.Constant(value=str(name)), *_]):
                names.add(name)
            case ast.MatchClass(kwd_attrs=matched):
                names.update(matched)
            case _:
                pass
    return names


def fields_of(plugin: InspectedPlugin) -> list[tuple[str, FieldInfo]]:
    """List the settings of *plugin*. Raises NotApplicable."""
    model = plugin.model
    if model is None or not model.model_fields:
        not_applicable("it has no settings")
    return list(model.model_fields.items())


def kinds_of(field: FieldInfo) -> set[Any]:
    """List the types in a field's annotation."""

    def walk(annotation: Any) -> Iterator[Any]:
        yield annotation
        for part in get_args(annotation):
            yield from walk(part)

    return {kind for kind in walk(field.annotation) if isinstance(kind, type)}


def _values(plugin: InspectedPlugin, name: str) -> list[str]:
    """Return texts to try for the setting *name*; at least one should be a valid value other than the default."""
    current = plugin.settings.get(f"{plugin.name}.{name}")
    field = dict(fields_of(plugin))[name]
    examples = [_text(choice) for choice in field.examples or ()]
    numbers = ["1", "2", "3", "5", "0.5", "7", "60"]
    words = ["changed", "true", "false", "https://changed.example.com", "a@changed.example.com"]
    words.append("whsec_" + "Y2hhbmdlZGNo" * 3)
    options = [
        _text(choice) for part in (field.annotation, *get_args(field.annotation)) for choice in get_args(part)
    ]
    return [*([current] if current else []), *examples, *numbers, *words, *options]


def _text(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _value_of(plugin: InspectedPlugin, name: str, text: str | None) -> object:
    """Return the value of *name* when it is set to *text*; None if there is no such setting."""
    full = f"{plugin.name}.{name}"
    others = {key: value for key, value in plugin.settings.items() if key != full}
    try:
        settings = plugin.read_settings(others if text is None else {**others, full: text})
    except TrunklineError as error:
        return None if "is not a setting" in str(error) else "refused"
    return plain(getattr(settings, name, None))


def plain(value: object) -> object:
    """Return the plain value of a secret."""
    return value.get_secret_value() if isinstance(value, SecretStr | SecretBytes) else value


def _changed_settings(plugin: InspectedPlugin, *, unlike: str) -> Mapping[str, str]:
    """Return settings that the plugin reads as values other than *unlike*; if none is found, the suite's settings."""
    for name, _ in fields_of(plugin):
        for value in _values(plugin, name):
            changed = {**plugin.settings, f"{plugin.name}.{name}": value}
            try:
                if repr(plugin.read_settings(changed)) != unlike:
                    return changed
            except TrunklineError:
                continue
    return plugin.settings
