"""The interpreter itself: the blocks that it refuses before anything is sent."""

import pytest

from .interpreter import NotUnderstood
from .interpreter.requests import Sender, items, parse_json
from .interpreter.values import json_text

SENDER = Sender({"baseUrl": "http://127.0.0.1:1", "response": {"error": {"message": "m"}}})


@pytest.mark.parametrize(
    "block",
    [
        {"url": "/a", "repeat": {"limit": 3}},
        {"url": "/a", "endpoint": "other"},
        {"url": "/a", "response": {"wrapper": "{{output}}"}},
        {"url": "/a", "pagination": {"url": "/b", "condition": True}},
        {"url": "/a", "qs": {"list": "{{items}}"}},
        {"url": "/{{missing}}"},
        {"url": "/a", "method": "POST", "type": "multipart/form-data", "body": {"a": 1}},
        {"url": "/a", "method": "POST", "type": "text", "body": {"a": 1}},
    ],
    ids=[
        "repeat",
        "endpoint",
        "wrapper",
        "pages by url",
        "list in query",
        "unknown name",
        "multipart",
        "text",
    ],
)
def test_a_block_that_is_not_understood_is_refused(block):
    with pytest.raises(NotUnderstood):
        next(SENDER.pages(block, {"items": [1, 2]}))
    assert SENDER.log == []


def test_pages_are_refused_where_there_is_a_single_request():
    with pytest.raises(NotUnderstood, match="single request"):
        SENDER.send({"url": "/a", "pagination": {"condition": False}}, {})


def test_items_pass_their_condition():
    response = {"iterate": {"container": "{{body}}", "condition": "{{item.n > 1}}"}}
    numbers = [seen["item"]["n"] for seen in items(response, {"body": [{"n": 1}, {"n": 2}, {"n": 3}]})]
    assert numbers == [2, 3]


def test_what_is_no_list_is_not_gone_through():
    with pytest.raises(NotUnderstood, match="iterate"):
        list(items({"iterate": "{{body.items}}"}, {"body": {}}))


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ('{"b":1,"a":[true,null,"é\\n"]}', '{"b":1,"a":[true,null,"é\\n"]}'),
        ("99.00", "99"),
        ("12.50", "12.5"),
        ("9007199254740993", "9007199254740992"),
        ("12345678901234567890", "12345678901234567000"),
    ],
    ids=["same", "zeros", "zero", "2**53 + 1", "twenty digits"],
)
def test_json_is_read_and_written_as_javascript_does(text, written):
    assert json_text(parse_json(text)) == written


@pytest.mark.parametrize("text", ['{"1":2}', "1e30", "1e-9"])
def test_json_that_javascript_writes_in_a_way_of_its_own_is_refused(text):
    with pytest.raises(NotUnderstood):
        json_text(parse_json(text))
