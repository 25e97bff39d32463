"""The status that a call chooses."""

import pytest

from trunkline import BodyInvalid
from trunkline_crm.statuses import NEW_CLIENT, NEW_LEAD, STARTING, Status, choose

ALL = (
    "'Lead - New' (10), 'Lead - Contacted' (11), 'Lead - Qualified' (12), 'Client - Active' (42), "
    "'Client - On Hold' (43), 'Client - Graduated' (44), 'Client - Cancelled' (45)"
)


def refusal(**asked) -> dict[str, str]:
    arguments = {"name": None, "status_id": None, "field": "new_status"} | asked
    with pytest.raises(BodyInvalid) as refused:
        choose(STARTING, **arguments)
    return {fault.path: fault.message for fault in refused.value.errors}


def test_a_company_starts_with_the_statuses_of_the_contract():
    assert [(status.status_id, status.name, status.is_lead) for status in STARTING] == [
        (10, "Lead - New", True),
        (11, "Lead - Contacted", True),
        (12, "Lead - Qualified", True),
        (42, "Client - Active", False),
        (43, "Client - On Hold", False),
        (44, "Client - Graduated", False),
        (45, "Client - Cancelled", False),
    ]


@pytest.mark.parametrize(
    "asked",
    [
        {"name": "Client - Active", "status_id": None},
        {"name": "client - ACTIVE", "status_id": None},
        {"name": None, "status_id": 42},
        {"name": "Client - Active", "status_id": 42},
    ],
    ids=["name", "other case", "number", "both"],
)
def test_a_status_is_named_by_name_by_number_or_by_both(asked):
    assert choose(STARTING, field="status", **asked) == NEW_CLIENT


def test_a_name_that_fits_exactly_goes_before_one_in_another_case():
    statuses = [Status(1, "VIP"), Status(2, "vip")]
    assert choose(statuses, name="vip", status_id=None, field="status") == Status(2, "vip")
    assert choose(statuses, name="Vip", status_id=None, field="status") == Status(1, "VIP")


def test_an_unknown_one_is_answered_with_those_that_there_are():
    assert refusal(name="Frozen") == {
        "/new_status": f"'Frozen' is not a status of this company, which has {ALL}"
    }
    assert refusal(status_id=7) == {"/new_status_id": f"7 is not a status of this company, which has {ALL}"}
    assert set(refusal(name="Frozen", status_id=7)) == {"/new_status", "/new_status_id"}


def test_none_at_all_is_asked_for():
    assert refusal() == {"/new_status": "is required, or its number"}


def test_name_and_number_of_different_ones_are_refused():
    assert refusal(name="Lead - New", status_id=42) == {
        "/new_status_id": "42 is 'Client - Active', not 'Lead - New'; send one of the two"
    }


def test_where_only_leads_statuses_fit_others_are_refused_with_those_that_do():
    assert refusal(name="Client - Active", leads=True) == {
        "/new_status": "'Client - Active' is not a lead's status; choose from "
        "'Lead - New' (10), 'Lead - Contacted' (11), 'Lead - Qualified' (12)"
    }
    assert refusal(status_id=10, leads=False) == {
        "/new_status_id": "10 is a lead's status; choose from 'Client - Active' (42), 'Client - On Hold' (43), "
        "'Client - Graduated' (44), 'Client - Cancelled' (45)"
    }
    assert choose(STARTING, name=None, status_id=10, field="new_status", leads=True) == NEW_LEAD
