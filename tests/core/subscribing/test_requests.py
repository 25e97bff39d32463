"""A target is checked by its scheme's rules, and then by its channel."""

import logging

import pytest

from trunkline.contract import Channel
from trunkline.errors import TargetRefused
from trunkline.schemas.catalog import SchemaCatalog
from trunkline.schemas.versions import SchemaVersions
from trunkline.subscribing.requests import Checker
from trunkline.targets.addresses import AddressPolicy

CATALOG = SchemaCatalog([])
CHECKER = Checker(CATALOG, SchemaVersions(CATALOG), AddressPolicy())


def refusal(url: object, channel: Channel | None) -> str | None:
    try:
        CHECKER.check({"target_url": url}, required=(), known=("target_url",), channel=channel)
    except TargetRefused as refused:
        (error,) = refused.errors
        assert error.path == "/target_url"
        return error.message
    return None


def mail(check_target=None) -> Channel:
    return Channel("mail", "Mail", "By mail.", schemes=("mailto",), check_target=check_target)


def test_the_target_is_of_a_scheme_that_its_channel_takes():
    assert refusal("mailto:jane@example.com", mail()) is None
    assert refusal("https://example.com/", mail()) == "must start with 'mailto:'"
    assert refusal("https://example.com/", Channel("push", "Push", "")) is None
    assert refusal("https://example.com/", None) is None
    assert "'https://'" in refusal("mailto:jane@example.com", None)
    assert refusal(7, mail()) == "must be a URL"


def test_a_channel_says_what_is_wrong_with_a_target_and_is_asked_only_about_those_of_good_form():
    asked: list[str] = []

    def judge(url: str) -> str | None:
        asked.append(url)
        return None if "@" in url else "names no mailbox"

    assert refusal("mailto:jane@example.com", mail(judge)) is None
    assert refusal("mailto:jane", mail(judge)) == "names no mailbox"
    assert refusal("mailto:jane doe", mail(judge)) is not None
    assert asked == ["mailto:jane@example.com", "mailto:jane"]


def test_a_channel_may_judge_what_the_policy_allows_of_http_but_not_allow_what_it_refuses():
    picky = Channel("push", "Push", "", check_target=lambda url: None if "/in/" in url else "is not a room's")
    assert refusal("https://example.com/in/1", picky) is None
    assert refusal("https://example.com/out", picky) == "is not a room's"
    assert refusal("https://127.0.0.1/in/1", picky) == "leads to 127.0.0.1, which is a loopback address"


def raise_with_the_url(url: str) -> str:
    raise RuntimeError(url)


@pytest.mark.parametrize(("judge", "came"), [(raise_with_the_url, "RuntimeError"), (lambda _: True, "bool")])
def test_a_channel_that_fails_to_judge_refuses_the_target_and_its_name_is_in_the_log_but_not_the_url(
    judge, came, caplog
):
    with caplog.at_level(logging.ERROR):
        message = refusal("mailto:s3cret@example.com", mail(judge))
    assert "the channel 'mail' failed" in message
    assert "'mail'" in caplog.text
    assert came in caplog.text
    assert "s3cret" not in caplog.text + message
