"""The budget of lines (``lines.py``): a room above its budget is named, and a room without one."""

from collections import Counter

from tests.contract import lines


def test_a_room_over_its_budget_or_without_one_and_a_budget_without_a_room_are_named(tmp_path):
    folder = tmp_path / "core" / "trunkline" / "store"
    folder.mkdir(parents=True)
    (folder / "sql.py").write_text("a = 1\n\n\nb = 2\n")
    (folder.parent / "version.py").write_text("c = 3\n")
    counted = lines.count(tmp_path)
    assert counted == Counter({"core/trunkline/store": 2, "core/trunkline/version": 1})
    budget = lines.read_budget("core/trunkline/store 2\ncore/trunkline/version 1\n")
    assert lines.faults(counted, budget) == []
    (folder / "more.py").write_text("d = 4\n")
    (folder.parent / "extra.py").write_text("e = 5\n")
    (folder.parent / "version.py").unlink()
    assert [fault.split(":")[0] for fault in lines.faults(lines.count(tmp_path), budget)] == [
        "core/trunkline/extra",
        "core/trunkline/store",
        "core/trunkline/version",
    ]
