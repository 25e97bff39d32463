"""The memory limit of control groups, and the memory for bodies that remains."""

import logging

import pytest

from trunkline.runtime import memory
from trunkline.settings import Settings

MIB = 1024 * 1024
V1, V2 = "memory/{}/memory.limit_in_bytes", "{}/memory.max"


@pytest.mark.parametrize(
    ("groups", "files", "limit"),
    [
        ("0::/a/b\n", {V2.format("a/b"): "max\n", V2.format("a"): "300\n", V2.format("."): "max\n"}, 300),
        ("0::/a\n", {V2.format("a"): "300\n", V2.format("."): "200\n"}, 200),
        ("0::/a\n", {V2.format("."): "400\n"}, 400),  # a container sees its own group as the root
        (
            "5:memory:/a\n4:cpu:/a\n0::/\n",
            {V1.format("a"): "500\n", V1.format("."): f"{2**63 - 4096}\n"},
            500,
        ),
        ("7:cpu,memory:/outside\n", {V1.format("."): "600\n"}, 600),
        ("0::/a\n", {V2.format("a"): "max\n"}, None),
        ("4:cpu:/a\n", {}, None),
        (None, {}, None),
    ],
)
def test_the_least_limit_of_the_groups_around_a_process_counts(tmp_path, groups, files, limit):
    for name, content in files.items():
        file = tmp_path / "mount" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    if groups is not None:
        (tmp_path / "cgroup").write_text(groups)
    assert memory.limit_bytes(tmp_path / "cgroup", mount=tmp_path / "mount") == limit


@pytest.mark.parametrize(
    ("limit", "processes", "room"),
    [
        (None, 1, 128 * MIB),
        (1024 * MIB, 1, 128 * MIB),
        (1024 * MIB, 2, 64 * MIB),
        (320 * MIB, 1, 16 * MIB),
        (64 * MIB, 1, MIB),
    ],
)
def test_bodies_have_what_the_limit_leaves(monkeypatch, caplog, limit, processes, room):
    monkeypatch.setattr(memory, "limit_bytes", lambda: limit)
    with caplog.at_level(logging.WARNING):
        fitted = memory.fit(Settings(), processes=processes)
    assert fitted.server.max_body_bytes_in_flight == room
    assert ("MiB of memory: it holds" in caplog.text) == (room < 128 * MIB)
