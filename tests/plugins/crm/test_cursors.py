"""The cursors of lists."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.routes import BadCursor
from trunkline_crm import cursors
from trunkline_crm.cursors import Position


def made_of(document: object) -> str:
    text = document if isinstance(document, str) else json.dumps(document, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), st.integers(0, 2**63 - 1))
def test_a_cursor_gives_back_its_place(key, number):
    place = Position(key, number)
    assert cursors.decode(cursors.encode(place, lookup="clients"), lookup="clients") == place


def test_a_cursor_of_another_list_is_refused():
    with pytest.raises(BadCursor):
        cursors.decode(cursors.encode(Position("jane doe", 7), lookup="clients"), lookup="employees")


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "!!!",
        "é",
        made_of("no JSON"),
        made_of(7),
        made_of(["clients", "a"]),
        made_of(["clients", 1, 7]),
        made_of(["clients", "a", -1]),
        made_of(["clients", "a", 2**63]),
        made_of(["clients", "a", 7.5]),
        made_of(["clients", "a", True]),
        made_of(["clients", "a\0", 7]),
        made_of('["clients", "a", 7]'),
        made_of('["clients","\\ud800",7]'),
        made_of("[" * 2000),
        made_of(["clients", "a", 7]) + "=",
    ],
    ids=[
        "empty", "too short", "no base64", "no ASCII", "no JSON", "a number", "too few", "key no text", "negative",
        "too large", "a fraction", "a truth", "NUL", "spaces", "a lone surrogate", "deep", "padded",
    ],
)  # fmt: skip
def test_what_was_not_given_out_is_refused(cursor):
    with pytest.raises(BadCursor):
        cursors.decode(cursor, lookup="clients")
