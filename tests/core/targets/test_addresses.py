"""The targets that the address policy refuses, in any notation, and the targets that it allows."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.errors import AddressRefused, TargetRefused
from trunkline.targets.addresses import AddressPolicy, embedded_ipv4, refusal

STRICT = AddressPolicy()
HTTP = AddressPolicy(allow_http=True)
DEVELOPMENT = AddressPolicy(allow_http=True, allow_private_networks=True)


def urls(hosts: str) -> list[str]:
    return [f"http://{host}/" for host in hosts.split()]


LOOPBACK = urls("""
    127.0.0.1 127.255.255.254 127.1 127.0.1 127.0.0.1. 2130706433 017700000001 0x7f000001 0X7F000001
    0177.0.0.1 0x7f.0.0.1 0x7f.1 0x7f.1. 0177.0x0.1 00000177.00.00.01 0 0.0.0.0 0x0
    127。0。0。1 ①②⑦.⓪.⓪.① ①27.1 %31%32%37.0.0.1 127%2e0%2e0%2e1 %30%78%37%66.1
    [::1] [::] [0:0:0:0:0:0:0:1] [0000::0001]:8080
    [::ffff:127.0.0.1] [::ffff:7f00:1] [0:0:0:0:0:ffff:7f00:0001] [::ffff:0:127.0.0.1] [::127.0.0.1]
    [64:ff9b::127.0.0.1] [64:ff9b::7f00:1] [2002:7f00:1::] [2002:7f00:0001::1]
    [2001:0:7f00:1::] [2001:0:808:808:0:0:80ff:fffe]
""")
LOOPBACK += [
    "http://127.0.0.1:8080/hook?x=1",
    "HTTP://127.0.0.1/",
    "http://１２７.０.０.１/",  # noqa: RUF001  # full-width digits
]
PRIVATE = urls("""
    10.0.0.1 10.1 167772161 012.0.0.1 172.16.0.1 172.31.255.255
    192.168.1.1 0xc0a80101 0300.0250.1.1 192.168.257 100.64.0.1 100.127.255.255 169.254.1.1
    192.0.0.1 192.0.0.170 192.0.2.1 192.88.99.1 198.18.0.1 198.19.255.255 198.51.100.7 203.0.113.7
    224.0.0.1 239.255.255.250 240.0.0.1 255.255.255.255
    [fc00::1] [fd12:3456:789a::1] [fe80::1] [febf::1] [fec0::1] [ff02::1] [100::1] [100:0:0:1::1]
    [2001:2::1] [2001:10::1] [2001:1::4] [2001:db8::1] [3fff::1] [3fff:fff:ffff::1] [5f00::1] [4000::1]
    [64:ff9b:1::808:808] [64:ff9b::192.168.1.1] [2002:c0a8:101::1]
    [::ffff:10.0.0.1] [::ffff:8.8.8.8] [::8.8.8.8]
""")
METADATA = urls("""
    2852039166 0xa9fea9fe 0251.0376.0251.0376 169.254.43518
    [::ffff:169.254.169.254] [::ffff:a9fe:a9fe] [64:ff9b::a9fe:a9fe] [64:ff9b:1::a9fe:a9fe] [2002:a9fe:a9fe::]
    [fd00:ec2::254] [fd20:ce::254] [fe80::a9fe:a9fe] 100.100.100.200 168.63.129.16 192.0.0.192
    metadata METADATA metadata.google.internal. metadata.goog metadata.azure.internal instance-data
""")
METADATA += [
    "http://169.254.169.254/latest/meta-data/",
    "http://metadata.google.internal/computeMetadata/v1/",
    "http://instance-data.ec2.internal/latest",
    "http://ｍｅｔａｄａｔａ.google.internal/",  # noqa: RUF001
]
LOCAL_NAMES = urls("""
    localhost LocalHost:8080 localhost. loc%61lhost a.localhost
    printer.local db.internal localhost.localdomain nas.home.arpa home.arpa
""")
LOCAL_NAMES += ["http://ｌｏｃａｌｈｏｓｔ/"]  # noqa: RUF001
MALFORMED = [
    # dot segments that are escaped
    *("https://hooks.example.com/a/%2e%2e/b", "https://hooks.example.com/a/.%2E"),
    "https://hooks.example.com/%2e?x",
    # no scheme, or no host
    *("", "hooks.example.com/in", "//hooks.example.com/in", "/in", "https:", "https://", "https:///in"),
    *("https:/example.com/", "https:example.com", "https://?x=1", "https://:443/", "https://#x"),
    # users, and what is taken for one
    *("https://user@example.com/", "https://user:pass@example.com/", "https://@example.com/"),
    *("https://:@example.com/", "https://example.com@127.0.0.1/", "https://example.com:443@127.0.0.1/"),
    *("https://127.0.0.1#@example.com/", "https://127.0.0.1?@example.com/"),
    # backslashes, white space, and characters that nobody sees
    *("https://example.com\\@127.0.0.1/", "https://127.0.0.1\\.example.com/", "https:\\\\127.0.0.1\\"),
    *("https://example.com/a\\b", " https://example.com/", "https://example.com/ ", "https://exam ple.com/"),
    *("https://example.com/a b", "https://127.0.\t0.1/", "ht\ntps://example.com/"),
    *("https://example.com/\r\nhost: x", "https://example.com/\x00", "https://example.com/\x7f"),
    *("https://exam\u00adple.com/", "https://exam\u200bple.com/", "https://example.com/\u2028"),
    *("https://example.com/\ud800", "https://exa%00mple.com/", "https://example.com%2f@x/"),
    # names of hosts
    *("https://a..example.com/", "https://example.com../", "https://.example.com/", "https://*.example.com/"),
    *("https://exa'mple.com/", f"https://{'a' * 64}.com/", f"https://{'a.' * 127}com/"),
    # addresses and ports
    *("https://1.2.3.4.5/", "https://example.1/", "https://example.0x1f/", "https://1.2.3.256/"),
    *("https://0x100000000/", "https://256.1/", "https://08.1.1.1/", "https://[::1/", "https://[v1.x]/"),
    *("https://[fe80::1%25eth0]/", "https://[fe80::1%eth0]/", "https://[::ffff:999.0.0.1]/"),
    *("https://example.com:99999/", "https://example.com:0/", "https://example.com:https/"),
    # other schemes
    *("file:///etc/passwd", "gopher://example.com:70/_x", "ftp://example.com/", "data:text/plain,x"),
    *("javascript:alert(1)", "ws://example.com/", "unix:///run/docker.sock"),
    *("jar:https://example.com!/", "view-source:https://example.com/"),
    # too long
    *(f"https://example.com/{'a' * 2048}", f"https://example.com/{'é' * 1000}"),
]
ALLOWED = {
    "https://hooks.example.com/in": "https://hooks.example.com/in",
    "https://hooks.example.com": "https://hooks.example.com/",
    "HTTPS://Hooks.Example.COM:443/In": "https://hooks.example.com/In",
    "https://hooks.example.com:8443/in?x=1&y=%20#part": "https://hooks.example.com:8443/in?x=1&y=%20",
    "https://hooks.example.com/in#": "https://hooks.example.com/in",
    "https://hooks.example.com./in": "https://hooks.example.com./in",
    "https://hooks.example.com/a/../b": "https://hooks.example.com/b",
    "https://hooks.example.com/%2ea/a%2e?/%2e/#/%2e": "https://hooks.example.com/%2ea/a%2e?/%2e/",
    "https://hooks.example.com/%7Ea/é": "https://hooks.example.com/%7Ea/%C3%A9",
    "https://hooks.example.com/mail@example.com": "https://hooks.example.com/mail@example.com",
    "https://bücher.example/": "https://xn--bcher-kva.example/",
    "https://a_b.example.com/": "https://a_b.example.com/",
    "https://1and1.example1.com/": "https://1and1.example1.com/",
    "https://localhost.example.com/": "https://localhost.example.com/",
    "https://notlocalhost/": "https://notlocalhost/",
    "https://metadata.example.com/": "https://metadata.example.com/",
    "https://8.8.8.8/": "https://8.8.8.8/",
    "https://134744072/": "https://8.8.8.8/",
    "https://172.32.0.1/": "https://172.32.0.1/",
    "https://100.128.0.1/": "https://100.128.0.1/",
    "https://192.0.0.9/": "https://192.0.0.9/",
    "https://[2606:4700::1111]:8443/": "https://[2606:4700::1111]:8443/",
    "https://[64:ff9b::8.8.8.8]/": "https://[64:ff9b::808:808]/",
    "https://[2002:808:808::1]/": "https://[2002:808:808::1]/",
    "https://[2001:4:112::1]/": "https://[2001:4:112::1]/",
}
REFUSED = [*LOOPBACK, *PRIVATE, *METADATA, *LOCAL_NAMES, *MALFORMED]


def test_a_hostile_target_is_refused_even_where_http_is_allowed(subtests):
    for url in REFUSED:
        with subtests.test(url=url):
            with pytest.raises(TargetRefused) as caught:
                HTTP.check_url(url)
            assert caught.value.errors[0].path == "/target_url"


def test_https_does_not_make_a_private_address_acceptable(subtests):
    for plain in LOOPBACK + PRIVATE:
        url = plain.replace("http://", "https://", 1).replace("HTTP://", "https://")
        with subtests.test(url=url), pytest.raises(TargetRefused, match=r"which (is|carries) "):
            STRICT.check_url(url)


@pytest.mark.parametrize(("url", "dialled"), ALLOWED.items())
def test_a_public_target_is_allowed_and_normalised(url, dialled):
    assert STRICT.check_url(url) == dialled
    assert STRICT.check_url(dialled) == dialled


@pytest.mark.parametrize("url", METADATA)
def test_metadata_services_are_refused_even_where_private_networks_are_allowed(url):
    with pytest.raises(TargetRefused, match="cloud metadata"):
        DEVELOPMENT.check_url(url)


def test_private_networks_can_be_allowed(subtests):
    for url in LOOPBACK + PRIVATE + LOCAL_NAMES:
        with subtests.test(url=url):
            assert DEVELOPMENT.check_url(url).startswith("http://")


@pytest.mark.parametrize("url", MALFORMED)
def test_what_is_malformed_stays_refused_where_private_networks_are_allowed(url):
    if url in {"https://127.0.0.1#@example.com/", "https://127.0.0.1?@example.com/"}:
        # the text after the host is harmless
        assert DEVELOPMENT.check_url(url).startswith("https://127.0.0.1/")
        return
    with pytest.raises(TargetRefused):
        DEVELOPMENT.check_url(url)


def test_http_is_refused_with_the_name_of_the_setting_that_allows_it():
    with pytest.raises(TargetRefused, match=r"delivery\.allow_http"):
        STRICT.check_url("http://hooks.example.com/in")
    assert HTTP.check_url("http://hooks.example.com/in") == "http://hooks.example.com/in"


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("https://0x7f.1/", "leads to 127.0.0.1, which is a loopback address"),
        ("https://[::1]/", "leads to ::1, which is the loopback address"),
        (
            "https://[::ffff:10.0.0.1]/",
            f"leads to {ip_address('::ffff:10.0.0.1')}, which carries 10.0.0.1, which is a private",
        ),
        ("https://localhost/", "leads to 'localhost', which is a name of the local network"),
        ("https://a:b@example.com/", "must not contain a user name or a password"),
        ("ftp://example.com/", "must start with 'https://', not with 'ftp:'"),
        ("https://", "names no host"),
        ("example.com", "is not a URL that starts with 'https://'"),
        ("https://a b/", "must not contain whitespace"),
        (f"https://a/{'a' * 3000}", "is longer than 2048 characters"),
    ],
)
def test_a_refusal_says_why(url, reason):
    with pytest.raises(TargetRefused) as caught:
        STRICT.check_url(url)
    assert caught.value.errors[0].message.startswith(reason)


def test_a_refusal_names_http_if_it_is_accepted():
    for url, reason in (
        ("ftp://example.com/", "must start with 'https://' or 'http://', not with 'ftp:'"),
        ("example.com", "is not a URL that starts with 'https://' or 'http://'"),
    ):
        with pytest.raises(TargetRefused) as caught:
            HTTP.check_url(url)
        assert caught.value.errors[0].message == reason


def test_no_refusal_repeats_what_may_be_a_password():
    with pytest.raises(TargetRefused) as caught:
        STRICT.check_url("https://user:hunter2@example.com/?token=hunter2")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "::ffff:10.0.0.1", "fe80::1%eth0", "169.254.169.254", "nonsense"]
)
def test_a_refused_address_is_not_dialled(address):
    with pytest.raises(AddressRefused) as caught:
        STRICT.check_address(address)
    assert caught.value.address == address


def test_an_address_that_is_globally_reachable_is_dialled():
    STRICT.check_address("93.184.216.34")
    STRICT.check_address(IPv6Address("2606:4700::1111"))
    DEVELOPMENT.check_address("127.0.0.1")


@pytest.mark.parametrize(
    ("address", "inner"),
    [
        ("::ffff:1.2.3.4", ["1.2.3.4"]),
        ("::1.2.3.4", ["1.2.3.4"]),
        ("64:ff9b::1.2.3.4", ["1.2.3.4"]),
        ("2002:102:304::", ["1.2.3.4"]),
        ("2001:0:102:304:0:0:f5ff:fffe", ["1.2.3.4", "10.0.0.1"]),
        ("2606:4700::1111", []),
    ],
)
def test_ipv4_inside_ipv6_is_found(address, inner):
    assert [str(inner_address) for inner_address in embedded_ipv4(IPv6Address(address))] == inner


BLOCKS = """
    0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.2.0/24 192.168.0.0/16
    198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/3
"""
AROUND_ANYCAST = ["192.0.0.0/29", "192.0.0.8", "192.0.0.11", "192.0.0.128/25"]
IPV6_BLOCKS = ["::/3", "2001:2::/48", "2001:db8::/32", "3fff::/20", "4000::/2", "8000::/1"]


@pytest.mark.parametrize("block", [*BLOCKS.split(), *AROUND_ANYCAST, *IPV6_BLOCKS])
def test_each_refused_block_is_refused_from_its_first_to_its_last_address(block):
    network = ip_network(block)
    assert refusal(network[0]) is not None
    assert refusal(network[-1]) is not None


@pytest.mark.parametrize(
    "address",
    [
        "1.0.0.0", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0",
        "169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0", "191.255.255.255", "192.0.0.9",
        "192.0.0.10", "192.0.1.0", "192.0.3.0", "192.31.196.1", "192.167.255.255", "192.169.0.0", "198.17.255.255",
        "198.20.0.0", "223.255.255.255", "2000::", "2001:1::1", "2001:3::1", "2001:20::1", "2001:200::", "2001:db7::",
        "2001:db9::", "3ffe::", "3fff:1000::", "64:ff9b::808:808",
    ],
)  # fmt: skip
def test_the_neighbours_of_refused_blocks_are_reachable(address):
    assert refusal(ip_address(address)) is None


REFUSED_IPV4 = st.one_of(*[st.ip_addresses(v=4, network=block) for block in BLOCKS.split()])


def _part(value: int, notation: str) -> str:
    form = {"decimal": "{:d}", "octal": "0{:o}", "hex": "0x{:x}", "HEX": "0X{:X}"}[notation]
    return form.format(value)


def _parts(address: IPv4Address, count: int) -> list[int]:
    octets = list(address.packed)
    return [*octets[: count - 1], int.from_bytes(bytes(octets[count - 1 :]))]


@st.composite
def _notations(draw: st.DrawFn, addresses: st.SearchStrategy[IPv4Address]) -> tuple[IPv4Address, str]:
    """Write an IPv4 address in any notation that a URL parser accepts."""
    address = draw(addresses)
    number = int(address)
    if draw(st.booleans()):
        high, low = f"{number >> 16:x}", f"{number & 0xFFFF:x}"
        forms = ["[::ffff:{h}:{l}]", "[::{h}:{l}]", "[64:ff9b::{h}:{l}]", "[2002:{h}:{l}::1]"]
        return address, draw(st.sampled_from(forms)).format(h=high, l=low)
    notation = st.sampled_from(["decimal", "octal", "hex", "HEX"])
    text = ".".join(_part(part, draw(notation)) for part in _parts(address, draw(st.integers(1, 4))))
    disguise = draw(st.sampled_from(["none", "full-width", "percent", "dot"]))
    if disguise == "full-width":
        text = "".join(chr(ord(character) + 0xFEE0) if character != "." else character for character in text)
    elif disguise == "percent":
        text = "".join(f"%{ord(character):02x}" for character in text)
    return address, text + ("." if disguise == "dot" else "")


@given(_notations(REFUSED_IPV4))
def test_a_refused_ipv4_address_is_refused_in_every_notation(written):
    with pytest.raises(TargetRefused):
        STRICT.check_url(f"https://{written[1]}/")


@given(_notations(st.ip_addresses(v=4)))
def test_a_literal_is_either_refused_or_dialled_as_the_address_it_is(written):
    address, host = written
    try:
        dialled = STRICT.check_url(f"https://{host}/")
    except TargetRefused:
        return
    assert refusal(address) is None
    assert host.startswith("[") or dialled == f"https://{address}/"


@given(st.text(max_size=60) | st.from_regex(r"https?://[^/]{0,20}/.{0,20}"))
def test_any_text_is_refused_or_normalised_for_good(text):
    try:
        dialled = DEVELOPMENT.check_url(text)
    except TargetRefused:
        return
    assert DEVELOPMENT.check_url(dialled) == dialled
    assert dialled.startswith(("https://", "http://"))
    assert dialled.isascii()
