"""The number of connections that a process can hold, and the addresses that count as one."""

from trunkline.api.admission import Admission
from trunkline.settings import Server


class Connection:
    """A connection that only counts."""

    def __init__(self, waiting_since: float | None = None) -> None:
        self.waiting_since = waiting_since
        self.has_left = False

    def leave(self) -> None:
        self.has_left = True

    def check(self, now: float) -> None:
        """Do nothing."""


def admission(most: int = 10, **limits: int) -> Admission:
    return Admission(Server.model_validate(limits), most=most)


def test_of_the_refused_that_have_time_to_read_why_the_first_leaves_for_the_next():
    counted = Admission(Server(), most=1, most_lingering=2)
    refused = [Connection(), Connection(), Connection()]
    for held in refused:
        counted.linger(held)
    assert [held.has_left for held in refused] == [True, False, False]


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
