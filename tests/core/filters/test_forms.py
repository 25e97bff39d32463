"""The simplified filter of a form: empty conditions are removed."""

import pytest

from trunkline.filters.filters import without_blanks


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        ({"payload.a": {"eq": "", "in": [], "gte": 0}}, {"payload.a": {"gte": 0}}),
        ({"payload.a": False, "payload.b": "", "payload.c": {}}, {"payload.a": False}),
        ({"all": [{"payload.a": {"eq": ""}}, {"payload.b": 1}]}, {"all": [{"payload.b": 1}]}),
        ({"any": [{"payload.a": {"eq": ""}}, {"payload.a": {"exists": False}}]}, {}),
        ({"all": [{"any": [{"payload.a": {"eq": ""}}, {"payload.b": 1}]}]}, {}),
        ({"not": {"payload.a": {"eq": ""}}, "payload.b": 1}, {"payload.b": 1}),
        ([1], [1]),
    ],
)
def test_what_a_form_left_empty_asks_for_nothing(sent, meant):
    assert without_blanks(sent) == meant


def test_what_is_nested_too_deep_is_left_for_the_check():
    deep = 1
    for _ in range(5000):
        deep = {"not": deep}
    assert without_blanks(deep) != {}
