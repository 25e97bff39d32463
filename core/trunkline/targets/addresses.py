"""The address policy: the URLs and addresses that this deployment may send to.

Pure: it reads text and addresses, and resolves no names. ``AddressPolicy.check_url`` checks a target when a subscription
is created and again before each connection; ``AddressPolicy.check_address`` checks a resolved address at the connection
(``trunkline.outbound``).

The tables are the IANA special-purpose registries as of October 2025, so the policy does not depend on the version of
Python: ``ipaddress`` in 3.11.7 treats some blocks as global that are not.
https://www.iana.org/assignments/iana-ipv4-special-registry and
https://www.iana.org/assignments/iana-ipv6-special-registry
"""

import re
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

import ada_url
from msgspec import Struct

from trunkline.errors import AddressRefused, TargetRefused

MAX_URL_LENGTH = 2048

Network = IPv4Network | IPv6Network

_IPV4_REFUSED = (
    (IPv4Network("0.0.0.0/8"), "an address of this network"),
    (IPv4Network("10.0.0.0/8"), "a private address"),
    (IPv4Network("100.64.0.0/10"), "a carrier-grade NAT address"),
    (IPv4Network("127.0.0.0/8"), "a loopback address"),
    (IPv4Network("169.254.0.0/16"), "a link-local address"),
    (IPv4Network("172.16.0.0/12"), "a private address"),
    (IPv4Network("192.0.0.0/24"), "a protocol assignment"),
    (IPv4Network("192.0.2.0/24"), "a documentation address"),
    (IPv4Network("192.88.99.0/24"), "a retired 6to4 relay address"),
    (IPv4Network("192.168.0.0/16"), "a private address"),
    (IPv4Network("198.18.0.0/15"), "a benchmarking address"),
    (IPv4Network("198.51.100.0/24"), "a documentation address"),
    (IPv4Network("203.0.113.0/24"), "a documentation address"),
    (IPv4Network("224.0.0.0/4"), "a multicast address"),  # iana.org/assignments/multicast-addresses
    (IPv4Network("255.255.255.255/32"), "the broadcast address"),
    (IPv4Network("240.0.0.0/4"), "a reserved address"),
)
_IPV4_REACHABLE = (IPv4Network("192.0.0.9/32"), IPv4Network("192.0.0.10/32"))

_IPV6_REFUSED = (
    (IPv6Network("::/128"), "the unspecified address"),
    (IPv6Network("::1/128"), "the loopback address"),
    (IPv6Network("64:ff9b:1::/48"), "a local-use translation address"),
    (IPv6Network("100::/64"), "a discard-only address"),
    (IPv6Network("100:0:0:1::/64"), "a dummy address"),
    (IPv6Network("2001::/23"), "a protocol assignment"),
    (IPv6Network("2001:db8::/32"), "a documentation address"),
    (IPv6Network("3fff::/20"), "a documentation address"),
    (IPv6Network("5f00::/16"), "a segment routing identifier"),
    (IPv6Network("fc00::/7"), "a unique local address"),
    (IPv6Network("fe80::/10"), "a link-local address"),
    (IPv6Network("fec0::/10"), "a site-local address"),
    (IPv6Network("ff00::/8"), "a multicast address"),
)
_TEREDO = IPv6Network("2001::/32")
_IPV6_REACHABLE = (
    _TEREDO,  # checked by the IPv4 addresses that they carry
    IPv6Network("2001:1::1/128"),
    IPv6Network("2001:1::2/128"),
    IPv6Network("2001:1::3/128"),
    IPv6Network("2001:3::/32"),
    IPv6Network("2001:4:112::/48"),
    IPv6Network("2001:20::/28"),
    IPv6Network("2001:30::/28"),
)
_IPV6_UNICAST = IPv6Network("2000::/3")
"""The global unicast space allocated by IANA; the rest is reserved (RFC 4291 §2.4)."""

_IPV4_IN_LAST_BITS = (
    IPv6Network("::/96"),  # compatible, RFC 4291 §2.5.5.1
    IPv6Network("::ffff:0:0/96"),  # mapped, RFC 4291 §2.5.5.2
    IPv6Network("::ffff:0:0:0/96"),  # translated, RFC 2765 §2.1
    IPv6Network("64:ff9b::/96"),  # NAT64, RFC 6052 §2.1
    IPv6Network("64:ff9b:1::/48"),  # local NAT64, RFC 8215
)
_NAT64 = IPv6Network("64:ff9b::/96")
_SIX_TO_FOUR = IPv6Network("2002::/16")

_METADATA_ADDRESSES: frozenset[IPv4Address | IPv6Address] = frozenset(
    {
        IPv4Address("169.254.169.254"),  # AWS, Azure, Google, Oracle, OpenStack and most others
        IPv4Address("169.254.170.2"),  # AWS, credentials of containers
        IPv4Address("169.254.170.23"),  # AWS, identities of pods
        IPv4Address("169.254.0.23"),  # Tencent
        IPv4Address("169.254.42.42"),  # Scaleway
        IPv4Address("100.100.100.200"),  # Alibaba
        IPv4Address("168.63.129.16"),  # Azure; allocated as a public address
        IPv4Address("192.0.0.192"),  # Oracle, classic
        IPv6Address("fd00:ec2::254"),  # AWS
        IPv6Address("fd00:ec2::23"),  # AWS, identities of pods
        IPv6Address("fd20:ce::254"),  # Google
        IPv6Address("fd00:c1::a9fe:a9fe"),  # Oracle
        IPv6Address("fd00:42::42"),  # Scaleway
        IPv6Address("fe80::a9fe:a9fe"),  # OpenStack
    }
)
_METADATA_NAMES = frozenset(
    {
        "metadata",
        "metadata.google.internal",
        "metadata.goog",
        "metadata.azure.internal",
        "metadata.azure.com",
        "metadata.ec2.internal",
        "metadata.tencentyun.com",
        "metadata.platformequinix.com",
        "metadata.packet.net",
        "api.metadata.cloud.ibm.com",
        "instance-data",
        "instance-data.ec2.internal",
    }
)
_LOCAL_SUFFIXES = (".localhost", ".local", ".internal", ".localdomain", ".home.arpa")

_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*):", re.ASCII | re.IGNORECASE)
_AUTHORITY = re.compile(r"[a-z]+://([^/?#]*)", re.ASCII | re.IGNORECASE)
_ENCODED_DOTS = re.compile(r"[^?#]*/(?:\.%2e|%2e(?:\.|%2e)?)(?:[/?#]|$)", re.ASCII | re.IGNORECASE)
"""Path segments that WHATWG reads as dots and removes."""
_HOST_NAME = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_-]{0,62})\.)*[a-z0-9_](?:[a-z0-9_-]{0,62})\.?", re.ASCII)
_NUMERIC_LABEL = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)


def refusal(address: IPv4Address | IPv6Address) -> str | None:
    """Return the reason why *address* is refused, as a predicate; None if it is globally reachable, and so allowed.

    If an IPv6 address carries an IPv4 address, the IPv4 address is checked too.
    """
    if address in _METADATA_ADDRESSES:
        return "is a cloud metadata address"
    if isinstance(address, IPv4Address):
        return _registry_refusal(address, _IPV4_REFUSED, _IPV4_REACHABLE)
    if reason := _registry_refusal(address, _IPV6_REFUSED, _IPV6_REACHABLE):
        return reason
    for inner in embedded_ipv4(address):
        if reason := refusal(inner):
            return f"carries {inner}, which {reason}"
    if address in _IPV6_UNICAST or address in _NAT64:
        return None
    return "is outside the global unicast addresses (2000::/3)"


def is_metadata(address: IPv4Address | IPv6Address) -> bool:
    """Return True if *address*, or an IPv4 address inside it, is a cloud's metadata service."""
    inner = embedded_ipv4(address) if isinstance(address, IPv6Address) else ()
    return not _METADATA_ADDRESSES.isdisjoint((address, *inner))


def embedded_ipv4(address: IPv6Address) -> tuple[IPv4Address, ...]:
    """Return the IPv4 addresses that *address* carries: mapped, compatible, translated, NAT64, 6to4 or Teredo."""
    number = int(address)
    last = IPv4Address(number & 0xFFFFFFFF)
    if any(address in network for network in _IPV4_IN_LAST_BITS):
        return (last,)
    if address in _SIX_TO_FOUR:  # RFC 3056 §2
        return (IPv4Address(number >> 80 & 0xFFFFFFFF),)
    if address in _TEREDO:  # RFC 4380 §4: the server, and the client with all bits inverted
        return (IPv4Address(number >> 64 & 0xFFFFFFFF), IPv4Address(int(last) ^ 0xFFFFFFFF))
    return ()


class AddressPolicy(Struct, frozen=True):
    """The URLs and addresses that a deployment allows. Metadata services are always refused.

    *allow_http* accepts ``http://`` as well as ``https://``. *allow_private_networks* accepts addresses and names that are
    not globally reachable; it is meant for development.
    """

    allow_http: bool = False
    allow_private_networks: bool = False

    def check_url(self, url: str) -> str:
        """Return *url* as it is requested: normalised by WHATWG, without its fragment.

        An IPv4 address in any notation (decimal, octal, hexadecimal, short, full-width, percent-encoded) is rewritten as
        dotted decimal. Raises TargetRefused: *url* is malformed, or this policy forbids its address; one sentence says why.
        """
        self._check_text(url)
        try:
            parsed = ada_url.URL(url)
        except ValueError:
            msg = "is not a valid URL: its host, its port or its address is malformed"
            raise TargetRefused(msg) from None
        if parsed.username or parsed.password:
            raise _user_info()
        if parsed.host_type is ada_url.HostType.DEFAULT:
            reason = self._name_fault(parsed.hostname)
        else:
            address = ip_address(parsed.hostname.strip("[]"))
            reason = self._address_fault(address)
            reason = reason and f"leads to {address}, which {reason}"
        if reason is not None:
            raise TargetRefused(reason)
        if parsed.port == "0":
            msg = "names port 0, to which nothing can connect"
            raise TargetRefused(msg)
        del parsed.hash
        normalised = parsed.href
        if len(normalised) > MAX_URL_LENGTH:
            raise _too_long()
        return normalised

    def check_address(self, address: str | IPv4Address | IPv6Address) -> None:
        """Check *address* before a connection to it is opened. If *address* is text, it may have a zone.

        Raises AddressRefused: this policy forbids *address*, or it is not an address.
        """
        try:
            parsed = ip_address(address) if isinstance(address, str) else address
        except ValueError:
            raise AddressRefused(str(address), "is not an IP address") from None
        reason = self._address_fault(parsed)
        if reason is not None:
            raise AddressRefused(str(address), reason)

    def _check_text(self, url: str) -> None:
        if len(url) > MAX_URL_LENGTH:
            raise _too_long()
        # WHATWG drops tabs and newlines and reads a backslash as a slash; other parsers do not.
        if not url.isprintable() or " " in url or "\\" in url:
            msg = "must not contain whitespace, control characters or backslashes"
            raise TargetRefused(msg)
        if _ENCODED_DOTS.match(url):
            msg = "must not write '.' or '..' as '%2e' in its path: this hub would send to another path than is written"
            raise TargetRefused(msg)
        self._check_scheme(url)
        authority = _AUTHORITY.match(url)
        if authority is None or not authority[1]:
            msg = "names no host; write it as 'https://host/path'"
            raise TargetRefused(msg)
        if "@" in authority[1]:
            raise _user_info()

    def _check_scheme(self, url: str) -> None:
        scheme = _SCHEME.match(url)
        accepted = "'https://' or 'http://'" if self.allow_http else "'https://'"
        if scheme is None:
            msg = f"is not a URL that starts with {accepted}"
            raise TargetRefused(msg)
        name = scheme[1].lower()
        if name == "https" or (name == "http" and self.allow_http):
            return
        msg = f"must start with {accepted}, not with '{name[:20]}:'"
        if name == "http":
            msg = "must start with 'https://'; 'http://' is accepted only where the setting delivery.allow_http is on"
        raise TargetRefused(msg)

    def _address_fault(self, address: IPv4Address | IPv6Address) -> str | None:
        if self.allow_private_networks:
            return "is a cloud metadata address" if is_metadata(address) else None
        return refusal(address)

    def _name_fault(self, host: str) -> str | None:
        name = host.removesuffix(".")
        if _HOST_NAME.fullmatch(host) is None or len(name) > 253:
            return "names a host that is not a valid domain name"
        if _NUMERIC_LABEL.fullmatch(name.rpartition(".")[2]) is not None:
            return "names a host that ends in a number but is not an IPv4 address"
        if name in _METADATA_NAMES:
            return f"leads to '{name}', which is a cloud metadata service"
        if not self.allow_private_networks and f".{name}".endswith(_LOCAL_SUFFIXES):
            return f"leads to '{name}', which is a name of the local network"
        return None


def _registry_refusal(
    address: IPv4Address | IPv6Address, refused: Sequence[tuple[Network, str]], reachable: Sequence[Network]
) -> str | None:
    if any(address in network for network in reachable):
        return None
    for network, what in refused:
        if address in network:
            return f"is {what}"
    return None


def _user_info() -> TargetRefused:
    return TargetRefused("must not contain a user name or a password")


def _too_long() -> TargetRefused:
    return TargetRefused(f"is longer than {MAX_URL_LENGTH} characters")
