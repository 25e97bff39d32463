"""The contributions of plugins are collected one by one, checked, and removed when the plugin fails."""

import pytest
from fastapi import APIRouter
from pydantic import BaseModel, field_validator

from trunkline import Url, plugins
from trunkline.contract import Batch, Channel, Migrations, PortalPage, Routes
from trunkline.errors import PluginFailed, SettingsInvalid
from trunkline.schemas.catalog import EventType
from trunkline.settings import CORE_SECTIONS, Plugins, Settings

FAX = Channel("fax", "Fax", "By fax.")
PARCEL = EventType("parcel.sent", "Parcel sent", "A parcel left.", {"examples": [{}]})


def giving(hook, value):
    def function():
        if isinstance(value, BaseException):
            raise value
        return value

    function.__name__ = hook
    return function


def collect_all(registry, make_context, sections=None):
    plugins.collect_static(registry, sections=sections or {})
    return plugins.collect_with(registry, contexts=make_context)


def errors_of(registry):
    return {record.name: record.error for record in registry.records if record.error}


def test_an_installed_plugin_gives_settings_event_types_migrations_channels_and_routes(
    importable, make_context
):
    settings = Settings(
        plugins=Plugins(enabled=("good",)), plugin_sections={"good": {"retries": "7"}, "twin": {"any": 1}}
    )
    registry = plugins.load(settings, path=[str(importable)])
    assert [event_type.name for event_type in registry.collected.event_types] == ["parcel.sent"]
    assert registry.collected.migrations == (("good", Migrations("acme_good:migrations")),)
    assert registry.contributions_of("good").settings.model_dump() == {"token": "none", "retries": 7}
    assert not registry.collected.channels

    collected = plugins.collect_with(registry, contexts=make_context)
    assert collected.channels == {"pigeon": ("good", Channel("pigeon", "Pigeon", "7 birds."))}
    ((plugin, routes),) = collected.routes
    assert (plugin, routes.prefix, routes.router.routes[0].path) == ("good", "/good", "/pigeons")


def test_where_nothing_is_served_no_plugin_is_asked_for_routes(importable, make_context):
    settings = Settings(plugins=Plugins(enabled=("good",)))
    registry = plugins.load(settings, path=[str(importable)])
    collected = plugins.collect_with(registry, contexts=make_context, with_routes=False)
    assert collected.routes == ()
    assert collected.channels.keys() == {"pigeon"}


CLASH = "gives the channel 'fax', which plugin 'clash_{}' gives too; disable one of them"


def test_installed_plugins_that_fail_leave_the_others_running(importable, make_context):
    registry = plugins.load(Settings(), path=[str(importable)])
    plugins.collect_with(registry, contexts=make_context)
    assert registry.active == ("good",)
    faults = {
        "raises": "raised in register_event_types: KeyError: 'types'",
        "nonsense": "returned None from register_event_types, which must return a list or tuple of EventType",
        "clash_one": CLASH.format("two"),
        "clash_two": CLASH.format("one"),
    }
    sentences = {name: f"Plugin '{name}' {fault}" for name, fault in faults.items()}
    assert sentences.items() <= errors_of(registry).items()


@pytest.mark.parametrize("name", ["raises", "nonsense"])
def test_a_plugin_asked_for_by_name_that_fails_stops_the_start(importable, name):
    with pytest.raises(PluginFailed, match=f"^Plugin '{name}' r"):
        plugins.load(Settings(plugins=Plugins(enabled=(name,))), path=[str(importable)])


def test_a_clash_of_plugins_asked_for_by_name_stops_the_start(make_registry, make_context):
    channels = giving("register_channels", [FAX])
    registry = make_registry(required=True, one=[channels], two=[channels])
    with pytest.raises(PluginFailed, match=r"^Plugin 'one' gives the channel 'fax', which plugin 'two'"):
        collect_all(registry, make_context)


def test_a_plugin_that_exits_when_asked_fails_alone(make_registry, make_context):
    registry = make_registry(
        bad=[giving("register_channels", SystemExit("bye"))], good=[giving("register_channels", [FAX])]
    )
    assert collect_all(registry, make_context).channels == {"fax": ("good", FAX)}
    assert errors_of(registry) == {"bad": "Plugin 'bad' raised in register_channels: SystemExit: bye"}


def test_two_claims_to_an_event_type_are_both_refused_with_all_they_gave(make_registry, make_context):
    types = giving("register_event_types", [PARCEL])
    registry = make_registry(one=[types, giving("register_channels", [FAX])], two=[types])
    collected = collect_all(registry, make_context)
    assert (collected.event_types, dict(collected.channels)) == ((), {})
    assert errors_of(registry)["two"] == (
        "Plugin 'two' gives the event type 'parcel.sent', which plugin 'one' gives too; disable one of them"
    )


CHANNELS = "from register_channels, which must return a list or tuple of Channel"
TAKEN = "api, asyncapi.json, docs, healthz, metrics, openapi-3.0.json, openapi.json, portal, readyz, schemas"
SCOPES = "events:read, events:write, webhooks:read, webhooks:write, integrations:read, integrations:write, admin, operator"
HOOKS = {
    Channel: "register_channels",
    EventType: "register_event_types",
    Migrations: "register_migrations",
    PortalPage: "register_portal_pages",
    Routes: "register_routes",
}


@pytest.mark.parametrize(
    ("hook", "value", "reason"),
    [
        ("register_channels", None, f"returned None {CHANNELS}"),
        ("register_channels", FAX, f"returned a value of type Channel {CHANNELS}"),
        ("register_channels", iter([FAX]), f"returned a value of type list_iterator {CHANNELS}"),
        ("register_channels", [FAX, 7], f"returned a list with a value of type int in it {CHANNELS}"),
        ("register_channels", (None,), f"returned a tuple with None in it {CHANNELS}"),
        ("register_channels", [FAX, FAX], "gives the channel 'fax' twice"),
        (
            "register_event_types",
            [EventType("Parcel", "", "", {})],
            "gives an unfit event type 'Parcel': the name of an event type is {domain}.{action} in lower case",
        ),
        (
            "register_event_types",
            [EventType("parcel.sent", "", "", {"type": "object"})],
            "gives an unfit event type 'parcel.sent': the schema has no 'examples'; give at least one payload",
        ),
        (
            "register_portal_pages",
            [PortalPage("faxes", "Faxes", print), PortalPage("faxes", "More faxes", print)],
            "gives the portal page 'faxes' twice",
        ),
        (
            "register_settings",
            dict,
            "returned a value of type type from register_settings, which must return a pydantic model class",
        ),
    ],
)
def test_nonsense_is_refused_with_what_came_and_what_was_expected(
    make_registry, make_context, hook, value, reason
):
    registry = make_registry(acme=[giving(hook, value)])
    collect_all(registry, make_context)
    assert errors_of(registry) == {"acme": f"Plugin 'acme' {reason}"}


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        (Channel("Fax!", "Fax", ""), "name 'Fax!' is not made of lower-case letters, digits, '-' and '_'"),
        (Channel("fax", None, ""), "title is None, not text"),
        (Channel("fax", "Fax", "", deliver="later"), "deliver is a value of type str, not a function"),
        (
            Channel("fax", "Fax", "", batch=Batch(most=0)),
            "batch has most=0, which is not a number from 1 to 1000",
        ),
        (
            Channel("fax", "Fax", "", batch=Batch(wait_seconds=1.1)),
            "batch has wait_seconds=1.1, which is not from 0 to 1 s",
        ),
        (
            Channel("fax", "Fax", "", batch=Batch(most_bytes=0)),
            "batch has most_bytes=0, which is not a number from 1 to 16777216",
        ),
        (EventType("parcel.sent", 7, "", {}), "title is a value of type int, not text"),
        (Routes(7), "router is a value of type int, not a fastapi.APIRouter"),
        (
            Routes(APIRouter(), prefix="fax/"),
            "prefix 'fax/' is neither empty nor of the form '/path'",
        ),
        (
            Routes(APIRouter(), base="/fax"),
            "base '/fax' is none of /api/v1, /schemas, /docs, /portal, or empty for the root",
        ),
        *(
            (
                Routes(APIRouter(), prefix=prefix, base=""),
                f"prefix '{prefix}' does not begin with a name of its own; at the root these are taken: {TAKEN}",
            )
            for prefix in ("", "/api/v2", "/metrics", "/{anything}")
        ),
        (
            PortalPage("Fax log", "Faxes", print),
            "name 'Fax log' is not made of lower-case letters, digits, '-' and '_'",
        ),
        (PortalPage("faxes", "Faxes", "<p>"), "render is a value of type str, not a function"),
        (
            PortalPage("faxes", "Faxes", print, scope="root"),
            f"scope 'root' is none of {SCOPES}",
        ),
        (
            PortalPage("faxes", "Faxes", print, icon="fax.svg"),
            "icon is neither None nor an SVG element",
        ),
        (Migrations("acme"), "location 'acme' is not of the form 'package:folder'"),
    ],
)
def test_a_faulty_contribution_is_refused_with_its_fault(make_registry, make_context, given, fault):
    hook = HOOKS[type(given)]
    registry = make_registry(acme=[giving(hook, [given])])
    collect_all(registry, make_context)
    sentence = f"Plugin 'acme' gave a faulty {type(given).__name__} in {hook}: its {fault}"
    assert errors_of(registry) == {"acme": sentence}


async def take_nothing():
    """Deliver without arguments."""


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        (
            Channel("wax", "Wax", "", take_nothing),
            "deliver cannot be called with two arguments; write 'async def deliver(push, http)'",
        ),
        (
            Channel("wax", "Wax", "", deliver_batch=take_nothing),
            "deliver_batch cannot be called with two arguments; write 'async def deliver_batch(pushes, http)'",
        ),
        (Channel("wax", "Wax", "", target=Url), "deliver is missing, although it declares a target"),
        (Channel("wax", "Wax", "", batch=Batch(most=3)), "deliver_batch is missing, although it has a batch"),
    ],
)
def test_a_faulty_channel_is_named_among_others(make_registry, make_context, given, fault):
    registry = make_registry(acme=[giving("register_channels", [FAX, given])])
    collect_all(registry, make_context)
    sentence = f"Plugin 'acme' gave a faulty Channel 'wax' in register_channels: its {fault}"
    assert errors_of(registry) == {"acme": sentence}


class Nested(BaseModel):
    level: int = 1


class Model(BaseModel):
    url: str = "x"
    nested: Nested = Nested()


class Needy(BaseModel):
    token: str


class Cranky(BaseModel):
    token: str = ""

    @field_validator("token")
    @classmethod
    def check(cls, _):
        raise RuntimeError("out of order")


def read(make_registry, model, section):
    hooks = [giving("register_settings", model)] if model else [giving("register_channels", [])]
    registry = make_registry(acme=hooks)
    plugins.collect_static(registry, sections={} if section is None else {"acme": section})
    return registry


@pytest.mark.parametrize(
    ("model", "section", "sentence"),
    [
        (Model, {"foo": 1}, "Setting 'acme.foo': is not a setting"),
        (Model, {"nested": {"foo": 1}}, "Setting 'acme.nested.foo': is not a setting"),
        (Model, {"url": 1}, "Setting 'acme.url': must be text"),
        (Needy, {}, "Setting 'acme.token': is required"),
        (None, {"foo": 1}, "Setting 'acme.foo': is not a setting; the plugin has none"),
        (Model, {"urll": "x"}, "Setting 'acme.urll': is not a setting; did you mean 'acme.url'?"),
    ],
)
def test_an_unknown_or_malformed_setting_stops_the_start(make_registry, model, section, sentence):
    with pytest.raises(SettingsInvalid) as caught:
        read(make_registry, model, section)
    assert str(caught.value) == sentence


@pytest.mark.parametrize("hook", ["register_event_types", "register_channels", "register_routes"])
def test_a_fault_of_the_settings_that_a_hook_finds_stops_the_start(make_registry, make_context, hook):
    registry = make_registry(acme=[giving(hook, SettingsInvalid("Setting 'acme.url': is not mine"))])
    with pytest.raises(SettingsInvalid, match=r"^Setting 'acme\.url': is not mine$"):
        collect_all(registry, make_context)


def test_a_section_of_no_plugin_stops_the_start_and_lists_what_there_is(make_registry):
    known = ", ".join(sorted(CORE_SECTIONS | {"acme"}))
    with pytest.raises(SettingsInvalid) as caught:
        plugins.collect_static(make_registry(acme=[giving("register_channels", [])]), sections={"acne": {}})
    assert str(caught.value) == f"'acne' is not a section; known sections are {known}; did you mean 'acme'?"


@pytest.mark.parametrize(
    ("model", "section", "fault"),
    [
        (Needy, None, "needs settings: Setting 'acme.token': is required"),
        (Cranky, {"token": "secret"}, "could not read its settings: RuntimeError: out of order"),
    ],
    ids=["merely found, and without the settings that it needs", "a validator that breaks"],
)
def test_a_plugin_that_cannot_have_its_settings_fails_alone(make_registry, model, section, fault):
    assert errors_of(read(make_registry, model, section)) == {"acme": f"Plugin 'acme' {fault}"}


def test_without_a_model_the_settings_are_none(make_registry):
    assert read(make_registry, None, {}).contributions_of("acme").settings is None


def test_two_plugins_may_have_pages_of_one_name_and_a_failed_one_has_none(make_registry, make_context):
    page = PortalPage("log", "Log", print, scope="admin", icon="<svg/>")
    registry = make_registry(**{name: [giving("register_portal_pages", [page])] for name in ("fax", "telex")})
    assert [plugin for plugin, _ in collect_all(registry, make_context).pages] == ["fax", "telex"]
    registry.fail("fax", "is out of paper")
    [(plugin, kept)] = registry.collected.pages
    assert (plugin, kept.name) == ("telex", page.name)


def test_a_later_failure_takes_out_everything_the_plugin_gave(make_registry, make_context):
    registry = make_registry(
        acme=[giving("register_channels", [FAX]), giving("register_event_types", [PARCEL])]
    )
    collect_all(registry, make_context)
    registry.fail("acme", "has gone away")
    registry.fail("acme", "is blamed again")
    assert errors_of(registry) == {"acme": "Plugin 'acme' has gone away"}
    assert (registry.collected.event_types, dict(registry.collected.channels)) == ((), {})
    assert registry.implementation("register_channels", plugin="acme") is None
    assert registry.context("acme") is None


def test_a_hook_gets_the_context_of_its_plugin(make_registry, make_context):
    seen = []

    def register_channels(context):
        seen.append(context.name)
        return []

    collect_all(make_registry(one=[register_channels], two=[register_channels]), make_context)
    assert seen == ["one", "two"]
