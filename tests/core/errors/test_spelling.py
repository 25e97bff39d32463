"""Suggestions for an unknown name."""

import pytest

from trunkline.errors.spelling import correction, known_instead, nearest

SCOPES = ["events:read", "events:write", "webhooks:write", "admin"]


@pytest.mark.parametrize(
    ("name", "known", "says"),
    [
        ("companyId", ["name", "company_id"], "; write 'company_id'"),
        ("event_types", ["eventTypes", "event_type"], "; write 'eventTypes'"),
        ("X-company-id", ["X-Company-Id"], "; write 'X-Company-Id'"),
        ("evnts:read", SCOPES, "; did you mean 'events:read'?"),
        ("alow_http", ["allow_http", "allow_private_networks"], "; did you mean 'allow_http'?"),
        ("colour", SCOPES, ""),
        ("", SCOPES, ""),
        ("admin", SCOPES, ""),
    ],
)
def test_a_name_in_another_spelling_is_said_to_be_written_and_a_near_one_is_asked_for(name, known, says):
    assert correction(name, known) == says


def test_a_long_name_and_a_long_list_are_not_compared():
    assert nearest("n" * 61, ["n" * 60]) is None
    assert nearest("name0", [f"name{number}" for number in range(201)]) is None


def test_the_known_names_are_listed_before_the_correction():
    assert known_instead("adminn", SCOPES) == f"known are {', '.join(SCOPES)}; did you mean 'admin'?"
