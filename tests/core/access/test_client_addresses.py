"""The address that a request counts for, behind no proxy, one proxy, or several."""

import logging

import pytest

from trunkline.access.client_addresses import ClientAddresses
from trunkline.settings import Server

UNLESS_SET = ClientAddresses(Server().trusted_proxies)
NETWORK = ClientAddresses(["10.91.0.0/24", "192.0.2.7"])


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "found"),
    [
        ("203.0.113.5", [], "203.0.113.5"),
        ("203.0.113.5", ["198.51.100.9"], "203.0.113.5"),
        ("10.1.2.3", ["198.51.100.9"], "10.1.2.3"),
        ("127.0.0.1", ["198.51.100.9"], "198.51.100.9"),
        ("::1", ["198.51.100.9"], "198.51.100.9"),
        ("::ffff:127.0.0.1", ["198.51.100.9"], "198.51.100.9"),
        (None, ["198.51.100.9"], "198.51.100.9"),
        ("127.0.0.1", [], "127.0.0.1"),
    ],
)
def test_unless_it_is_said_a_proxy_on_the_same_machine_is_believed_and_no_other(peer, forwarded_for, found):
    assert UNLESS_SET.find(peer, forwarded_for) == found


@pytest.mark.parametrize(
    ("forwarded_for", "found"),
    [
        (["198.51.100.9, 203.0.113.5"], "203.0.113.5"),  # the client's own value stands further left
        (["198.51.100.9", "203.0.113.5"], "203.0.113.5"),
        (["203.0.113.5, 192.0.2.7"], "203.0.113.5"),  # one proxy behind another
        (["203.0.113.5, 192.0.2.8"], "192.0.2.8"),
        (["10.91.0.3, 192.0.2.7"], "10.91.0.3"),  # only proxies: the first of them counts
        (["203.0.113.5:4711"], "203.0.113.5"),
        (["[2001:db8:1:2::1]:4711"], "2001:db8:1:2::/64"),
        (["203.0.113.5, unknown"], "10.91.0.2"),
        ([""], "10.91.0.2"),
        (["203.0.113.5, "], "10.91.0.2"),
    ],
)
def test_the_rightmost_address_that_is_no_trusted_proxys_counts(forwarded_for, found):
    assert NETWORK.find("10.91.0.2", forwarded_for) == found


def test_who_names_proxies_trusts_no_others():
    assert NETWORK.find("127.0.0.1", ["203.0.113.5"]) == "127.0.0.1"
    assert ClientAddresses([]).find("127.0.0.1", ["203.0.113.5"]) == "127.0.0.1"


def test_a_network_of_ipv6_counts_as_one_address():
    found = {UNLESS_SET.find(f"2001:db8:1:2::{host:x}", []) for host in (1, 2, 0xFFFF)}
    assert found == {"2001:db8:1:2::/64"}
    assert UNLESS_SET.find("::2", []) == "::/64"


def test_a_peer_that_is_no_address_is_taken_as_it_is():
    assert UNLESS_SET.find("testclient", ["203.0.113.5"]) == "testclient"


def test_a_proxy_that_nobody_has_named_is_told_of_once(caplog):
    addresses = ClientAddresses(["127.0.0.1"])
    with caplog.at_level(logging.WARNING, "trunkline"):
        for peer in ("10.91.0.2", "203.0.113.5", "10.91.0.2"):
            addresses.find(peer, ["198.51.100.9"])
    (record,) = caplog.records
    assert "X-Forwarded-For of 10.91.0.2 is not believed" in record.getMessage()
    assert "'server.trusted_proxies'" in record.getMessage()
