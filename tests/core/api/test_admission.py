"""How many connections a process can hold, and what counts as one address."""

import logging
import resource

import pytest

from trunkline.api.admission import Admission, connections_allowed
from trunkline.settings import Server


class Connection:
    """One that only counts."""

    def __init__(self, waiting_since: float | None = None) -> None:
        self.waiting_since = waiting_since
        self.has_left = False

    def leave(self) -> None:
        self.has_left = True

    def check(self, now: float) -> None:
        """Do nothing."""


def admission(most: int = 10, **limits: int) -> Admission:
    return Admission(Server.model_validate(limits), most=most)


def test_connections_leave_room_for_the_hubs_own_files(caplog: pytest.LogCaptureFixture):
    open_files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    caplog.set_level(logging.INFO, "trunkline.server")
    assert connections_allowed(open_files // 2, own_files=10) == open_files // 2
    assert not caplog.messages
    assert connections_allowed(open_files * 2, own_files=10) == open_files - 10
    assert connections_allowed(open_files * 2, own_files=open_files) == open_files // 2
    assert f"at most {open_files - 10} connections at once instead of {open_files * 2}" in caplog.messages[0]


def test_the_longest_silent_makes_room_and_never_one_that_is_answered_or_new():
    counted = admission(3)
    counted.now = 100.0
    busy, new, old = Connection(None), Connection(99.5), Connection(90.0)
    for held in (busy, new, old):
        assert counted.admit(held, "192.0.2.1")
    assert counted.admit(Connection(100.0), "192.0.2.1")
    assert [held.has_left for held in (busy, new, old)] == [False, False, True]
    assert not counted.admit(Connection(100.0), "192.0.2.1")
    counted.forget(busy)
    assert counted.admit(Connection(100.0), "192.0.2.1")


def test_an_address_is_one_of_ipv4_or_a_64_of_ipv6():
    counted = admission(max_connections_per_address=1)
    assert counted.admit(Connection(), "192.0.2.1")
    assert not counted.admit(Connection(), "192.0.2.1")
    assert not counted.admit(Connection(), "::ffff:192.0.2.1")
    assert counted.admit(Connection(), "192.0.2.2")
    first = Connection()
    assert counted.admit(first, "2001:db8::1")
    assert not counted.admit(Connection(), "2001:db8::2")
    assert counted.admit(Connection(), "2001:db8:0:1::1")
    counted.forget(first)
    assert counted.admit(Connection(), "2001:db8::2")
