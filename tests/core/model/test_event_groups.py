"""Groups of event types: their members, and equal answers from every place that routes an event."""

from itertools import product

from tests.some import some

from trunkline.model.event_groups import groups_of, is_group, takes_type, type_groups, types_among

KNOWN = ["invoice.created", "invoice.line.added", "invoices.sent", "payment.failed"]


def test_a_type_is_in_a_group_for_each_part_of_its_name_but_the_last():
    assert groups_of("invoice.line.added") == ["invoice.line.*", "invoice.*"]
    assert type_groups(KNOWN) == ["invoice.*", "invoice.line.*", "invoices.*", "payment.*"]


def test_a_group_takes_in_whole_parts_only():
    assert types_among(["invoice.*"], KNOWN) == ["invoice.created", "invoice.line.added"]
    assert types_among(["invoice.line.*", "payment.failed"], KNOWN) == [
        "invoice.line.added",
        "payment.failed",
    ]
    assert types_among(["*"], KNOWN) == KNOWN


def test_all_is_no_group():
    assert [name for name in ("*", "a.b", "a.*", "a.b.*") if is_group(name)] == ["a.*", "a.b.*"]


def test_a_type_is_taken_just_where_one_of_the_names_begins_it():
    names = [".".join(parts) for count in (1, 2, 3, 4) for parts in product("ab", repeat=count)]
    for event_type in some(names):
        for pair in some(product(names, repeat=2)):
            groups = [f"{stem}.*" for stem in pair]
            assert takes_type(groups, event_type) == any(event_type.startswith(g[:-1]) for g in groups)
