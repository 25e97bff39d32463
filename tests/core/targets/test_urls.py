"""The target URLs that a channel accepts, by its schemes."""

import pytest

from trunkline.errors import TargetRefused
from trunkline.targets import urls
from trunkline.targets.addresses import AddressPolicy

STRICT = AddressPolicy()
LAX = AddressPolicy(allow_http=True, allow_private_networks=True)
FORM = "must not contain whitespace, control characters or backslashes"


def refusal(url: str, *schemes: str, policy: AddressPolicy = STRICT) -> str | None:
    try:
        urls.check(url, schemes=schemes, policy=policy)
    except TargetRefused as refused:
        (error,) = refused.errors
        return error.message
    return None


@pytest.mark.parametrize(
    ("url", "scheme"),
    [
        ("mailto:jane@example.com", "mailto"),
        ("mailto:jürgen@example.com", "mailto"),
        ("nats:orders", "nats"),
        ("nats://orders/new", "nats"),
        ("amqp:queue/a%20b?priority=5", "amqp"),
        ("coap+tcp://lamp", "coap+tcp"),
    ],
)
def test_a_channel_takes_urls_of_its_scheme(url, scheme):
    assert refusal(url, scheme) is None


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("https://example.com/", "must start with 'mailto:'"),
        ("MAILTO:jane@example.com", "must start with 'mailto:'"),
        ("mailtos:jane@example.com", "must start with 'mailto:'"),
        ("jane@example.com", "must start with 'mailto:'"),
        ("", "must start with 'mailto:'"),
        ("mailto:", "names nothing after 'mailto:'"),
        ("mailto://", "names nothing after 'mailto:'"),
        ("mailto://jane:secret@example.com/", "must not contain a user name or a password"),
        ("mailto:jane@example.com\r\nBcc:all@example.com", FORM),
        ("mailto:jane@example.com%0D%0aBcc:all@example.com", FORM),
        ("mailto:jane@example.com%7f", FORM),
        ("mailto:jane doe@example.com", FORM),
        ("mailto:jane\\@example.com", FORM),
        ("mailto:jane\u200b@example.com", FORM),
        ("mailto:jane\0@example.com", FORM),
        ("mailto:" + "x" * 2042, "is longer than 2048 characters"),
    ],
)
def test_a_url_of_another_scheme_is_judged_by_its_form(url, message):
    assert refusal(url, "mailto") == message


def test_a_url_of_another_scheme_may_be_as_long_as_any():
    assert refusal("mailto:" + "x" * 2041, "mailto") is None


def test_an_http_url_keeps_the_policy_whatever_else_the_channel_takes():
    for schemes in (("https", "http"), ("http", "https"), ("https",), ("mailto", "https")):
        assert refusal("https://example.com/", *schemes) is None
        assert refusal("HTTPS://example.com/", *schemes) is None
        assert refusal("https://10.0.0.1/", *schemes) == "leads to 10.0.0.1, which is a private address"
        assert refusal("https://10.0.0.1/", *schemes, policy=LAX) is None


def test_a_channel_that_takes_only_https_takes_no_http_even_where_the_deployment_does():
    assert refusal("http://example.com/", "https", "http", policy=LAX) is None
    assert refusal("http://example.com/", "https", policy=LAX) == "must start with 'https://'"


def test_a_refusal_names_every_scheme_that_the_channel_takes():
    assert refusal("ftp://example.com/", "https", "mailto") == "must start with 'https://' or 'mailto:'"


@pytest.mark.parametrize("schemes", [("https", "http"), ("mailto",), ("coap+tcp", "x-1.2")])
def test_schemes_are_names_in_lower_case(schemes):
    assert urls.find_schemes_fault(schemes) is None


@pytest.mark.parametrize(
    "schemes", [(), ["https"], "https", None, ("HTTPS",), ("mailto:",), ("",), (7,), ("é",)]
)
def test_anything_else_is_no_channels_schemes(schemes):
    assert urls.find_schemes_fault(schemes) is not None
