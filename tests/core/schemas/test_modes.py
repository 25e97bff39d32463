"""Modes of validation: the mode of an event type, and invalid modes that stop the start."""

from pathlib import Path

import pytest

from trunkline import settings
from trunkline.cli import opening
from trunkline.errors import SettingsInvalid
from trunkline.schemas.modes import Modes


@pytest.fixture
def catalog():
    return opening.inspected(settings.load(environment={})).catalog


def load(tmp_path: Path, toml: str) -> settings.Validation:
    file = tmp_path / "trunkline.toml"
    file.write_text(toml, encoding="utf-8")
    return settings.load(file, {}).validation


def test_every_type_is_rejected_unless_something_else_is_said(tmp_path, catalog):
    validation = load(tmp_path, "")
    modes = Modes(validation.default, validation.types, catalog=catalog)
    assert {modes.of(name) for name in catalog.names()} == {"reject"}


def test_a_types_own_mode_goes_over_the_default(catalog):
    modes = Modes("warn", {"client.created": "quarantine"}, catalog=catalog)
    assert (modes.of("client.created"), modes.of("lead.created")) == ("quarantine", "warn")


@pytest.mark.parametrize(
    "toml",
    [
        '[validation]\ntypes = {"client.created" = "warn", "lead.created" = "quarantine"}',
        '[validation.types]\n"client.created" = "warn"\n"lead.created" = "quarantine"',
        '[validation.types]\nclient.created = "warn"\nlead.created = "quarantine"',
    ],
)
def test_a_name_may_stand_in_quotes_or_not(tmp_path, toml):
    assert load(tmp_path, toml).types == {"client.created": "warn", "lead.created": "quarantine"}


def test_the_environment_takes_a_json_object_and_goes_over_the_file(tmp_path):
    file = tmp_path / "trunkline.toml"
    file.write_text('[validation]\ndefault = "warn"\n[validation.types]\n"client.created" = "warn"\n')
    variables = {
        "TRUNKLINE_VALIDATION__DEFAULT": "quarantine",
        "TRUNKLINE_VALIDATION__TYPES": '{"lead.created": "reject"}',
    }
    validation = settings.load(file, variables).validation
    assert (validation.default, validation.types) == ("quarantine", {"lead.created": "reject"})


@pytest.mark.parametrize(
    ("toml", "named"),
    [
        ('[validation]\ndefault = "ignore"', "validation.default"),
        ('[validation.types]\n"client.created" = "ignore"', "validation.types.client.created"),
        ('[validation.types]\nclient.created = "ignore"', "validation.types.client.created"),
        ('[validation]\ntypes = "warn"', "validation.types"),
        ('[validation]\nmode = "warn"', "validation.mode"),
    ],
)
def test_an_unknown_mode_stops_the_start_and_is_named(tmp_path, toml, named):
    with pytest.raises(SettingsInvalid, match=f"Setting '{named}'"):
        load(tmp_path, toml)


@pytest.mark.parametrize("name", ["client.creatd", "payment.*", "Client.Created"])
def test_an_unknown_type_stops_the_start_and_is_named(name):
    environment = {"TRUNKLINE_VALIDATION__TYPES": f'{{"{name}": "warn"}}'}
    with pytest.raises(SettingsInvalid) as caught:
        opening.inspected(settings.load(environment=environment))
    assert f"Setting 'validation.types.{name}': is not a known event type; known are affiliate" in str(
        caught.value
    )
