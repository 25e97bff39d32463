"""The cost of a filter: computed from the filter alone, higher for expensive comparisons, and summed over several filters."""

import pytest

from trunkline.filters import costs

COSTS = [
    ({}, costs.PLAIN),
    ({"payload.status": "Paid"}, costs.PLAIN),
    ({"payload.status": {"in": ["Paid", "Failed", None, 3]}}, costs.PLAIN),
    ({"payload.amount": {"gte": 1, "lt": 5}}, 2 * costs.ORDER),
    ({"payload.due": {"gte": "2026-01-01"}}, costs.LOOK),
    ({"payload.tags": {"contains": 3}}, costs.LOOK),
    ({"payload.note": {"contains": "vip"}}, costs.SEARCH),
    ({"payload.note": {"contains": "vip" * 50}}, costs.LONG_SEARCH),
    ({"payload.note": {"starts_with": "v" * 5000}}, costs.PLAIN),
    ({"payload.note": {"in": ["v" * 5000, "a"]}}, costs.PLAIN),
    ({"payload.a.b.c.d.e": 1}, costs.PLAIN + 2),
    ({"any": [{"payload.a": 1}, {"payload.a": 2}, {}]}, 3 * costs.PLAIN),
    ({"all": [{"payload.a": 1}], "not": {"payload.n": {"contains": "x"}}}, costs.PLAIN + costs.SEARCH),
]


@pytest.mark.parametrize(("source", "cost"), COSTS)
def test_a_filter_costs_the_sum_of_its_comparisons(source, cost):
    assert costs.cost_of(source) == cost


def test_a_company_pays_for_the_length_of_a_filter_too():
    assert costs.charge_for('{"payload.a":1}') == costs.PLAIN
    members = ",".join(f'"{number:05}"' for number in range(1000))
    assert costs.charge_for(f'{{"payload.a":{{"in":[{members}]}}}}') == costs.PLAIN + 8021 // costs.CHARACTERS
