"""An option that is declared once is checked, stored, read, shown and described without any other code."""

import dataclasses
from typing import Annotated, Any, Literal

import pytest
from msgspec import structs
from pydantic import BaseModel, Field, ValidationError

from trunkline.access.subscription_records import SubscriptionRecords
from trunkline.access.vault import Vault
from trunkline.api.models import Strict, with_fields
from trunkline.errors import BodyInvalid, FieldError
from trunkline.model.subscriptions import Secret, Subscription
from trunkline.schemas.catalog import SchemaCatalog
from trunkline.schemas.versions import SchemaVersions
from trunkline.store import subscriptions as store
from trunkline.store import tables
from trunkline.subscribing import options
from trunkline.subscribing.options import OPTIONS
from trunkline.subscribing.requests import Checker
from trunkline.targets.addresses import AddressPolicy

TARGET = {"target_url": "https://example.com/in", "event_types": ["*"]}


def check_pace(value: Any, _: object) -> list[FieldError]:
    return [] if value in {"walk", "run"} else [FieldError("/pace", "must be 'walk' or 'run'")]


How = Annotated[Literal["walk", "run"], Field(description="how fast", examples=["walk"])]
PACE = options.plain("pace", How, check_pace)
WITH_PACE = (*OPTIONS, PACE)
CATALOG = SchemaCatalog([])
CHECKER = Checker(CATALOG, SchemaVersions(CATALOG), AddressPolicy(), options=WITH_PACE)


@dataclasses.dataclass(frozen=True, slots=True)
class Paced(Subscription):
    pace: str = "walk"


def subscription(**changes: object) -> Paced:
    fields = dataclasses.fields(Subscription)
    row = {field.name: None for field in fields if field.default is dataclasses.MISSING}
    return Paced(**row | {"event_types": ("*",), "headers": {}, "pins": {}} | changes)


def faults(check: Any, request: dict[str, Any], **arguments: object) -> list[tuple[str, str]]:
    with pytest.raises(BodyInvalid) as invalid:
        check(request, **arguments)
    return [(error.path, error.message) for error in invalid.value.errors]


def test_it_is_checked_when_a_subscription_is_created_and_when_one_is_changed():
    fault = [("/pace", "must be 'walk' or 'run'")]
    assert faults(CHECKER.check_creation, TARGET | {"pace": "fly"}, channel="push") == fault
    assert faults(CHECKER.check_change, {"pace": "fly"}, channel="push") == fault
    assert faults(CHECKER.check_change, {"pace": "fly"}, channel=None) == fault
    CHECKER.check_creation(TARGET | {"pace": "run"}, channel="push")
    CHECKER.check_change({"pace": None}, channel=None)


def test_without_its_declaration_it_is_no_field():
    plain = structs.replace(CHECKER, options=OPTIONS)
    ((path, message),) = faults(plain.check_change, {"pace": "run"}, channel=None)
    assert path == "/pace"
    known = ", ".join(options.members_of_change(OPTIONS, only_common=True))
    assert message == f"is not a field here; known fields are {known}"
    assert known.startswith("status, catch_up")


def test_its_column_is_written_where_it_is_named_and_null_where_a_new_subscription_leaves_it_out():
    assert options.columns_of_creation(TARGET | {"pace": "run"}, WITH_PACE)["pace"] == "run"
    assert options.columns_of_creation(TARGET, WITH_PACE)["pace"] is None
    assert options.columns_of_change({"pace": None, "status": "paused"}, WITH_PACE) == {"pace": None}
    assert options.columns_of_change({"description": "x"}, WITH_PACE) == {"description": "x"}


def test_it_is_shown_last_of_the_options():
    assert list(options.show(subscription(), {}, WITH_PACE).items())[-1] == ("pace", "walk")
    assert options.show(subscription(pace="run"), {}, WITH_PACE)["pace"] == "run"


def test_the_models_of_requests_and_answers_have_it_with_its_description():
    @with_fields(options.members_of_creation(WITH_PACE))
    class Creation(Strict):
        """A new subscription."""

    @with_fields(options.members_of_hook(WITH_PACE))
    class Hook(Strict):
        """A hook."""

        target_url: str

    @with_fields(options.members_of_change(WITH_PACE, only_common=True))
    class Change(Strict):
        """A change."""

    @with_fields(options.members_of_view(WITH_PACE), after="id")
    class View(BaseModel):
        """A view."""

        id: str
        status: str

    for model in (Creation, Hook, Change):
        assert model.__doc__
        described = model.model_json_schema()["properties"]["pace"]
        assert described["anyOf"] == [
            {"description": "how fast", "enum": ["walk", "run"], "examples": ["walk"], "type": "string"},
            {"type": "null"},
        ]
    request = TARGET | {"pace": "run"}
    assert Creation.model_validate(request).model_dump(exclude_unset=True) == request
    with pytest.raises(ValidationError):
        Change.model_validate({"pace": "fly"})
    assert list(View.model_json_schema()["properties"])[-2:] == ["pace", "status"]
    assert "pace" in View.model_json_schema()["required"]


def test_its_column_is_read_without_being_named_and_a_null_is_left_to_the_default(monkeypatch):
    """The column is not among the columns that ``store.subscriptions`` names; a migration adds it."""
    monkeypatch.setattr(store, "_OPTIONS", ["pace"])
    named = list(tables.subscriptions.columns.keys())[: store._NAMED]
    values = dict.fromkeys(named) | {"no": 7, "id": "sub_1"}
    assert store.read_row([*values.values(), "run"]).options == {"pace": "run"}
    assert store.read_row([*values.values(), None]).options == {}
    assert store.read_row([*values.values(), "run"]).no == 7


def test_a_record_opens_with_the_columns_of_its_options(monkeypatch):
    monkeypatch.setattr("trunkline.access.subscription_records.Subscription", Paced)
    records = SubscriptionRecords(Vault(pepper="p" * 32, encryption_key="k" * 32))
    row = store.Row(
        **dict.fromkeys([field.name for field in structs.fields(store.Row)][:-1])
        | {"id": "sub_1", "channel": "push", "event_types": '["*"]', "signature": "standard"}
        | {"sealed": records.seal("sub_1", [Secret("whsec_x")], {})},
        options={"pace": "run"},
    )
    assert records.open(row).pace == "run"
    assert records.open(structs.replace(row, options={})).pace == "walk"


def test_every_column_of_the_table_is_named_or_is_an_option_of_its_own_name():
    named = [field.name for field in structs.fields(store.Row)][:-1]
    columns = list(tables.subscriptions.columns.keys())
    assert columns[: len(named)] == named
    plain = {option.column for option in OPTIONS if option.column not in named} - {None}
    of_terms = {"name", "holder", "notes", "expires_ms", "gap_position"}  # contract.Terms
    others = {"defaults", "created_by", "created_by_kind", "failing_level", "told_ms", options.TARGET.name}
    assert set(columns[len(named) :]) == plain | of_terms | others
    assert plain <= {field.name for field in dataclasses.fields(Subscription)}
