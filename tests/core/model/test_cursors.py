"""Cursors: an issued cursor is read back, anything else is refused."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.errors import BadCursor
from trunkline.model import cursors

POSITIONS = st.integers(0, 2**63 - 1)


@given(POSITIONS, st.sampled_from(["e", "d", "r"]))
def test_a_cursor_is_read_back(position, kind):
    cursor = cursors.encode(position, kind=kind)
    assert cursors.decode(cursor, kind=kind) == position
    assert cursor.isascii()
    assert "=" not in cursor, "it goes into a URL as it is"


@given(POSITIONS)
def test_the_cursor_of_another_list_is_refused(position):
    with pytest.raises(BadCursor):
        cursors.decode(cursors.encode(position, kind="d"))


@given(st.text())
def test_any_text_is_a_cursor_that_was_given_out_or_refused(text):
    try:
        position = cursors.decode(text)
    except BadCursor:
        return
    assert cursors.encode(position) == text


@pytest.mark.parametrize(
    "inside",
    ["e1:", "e1:-1", "e1:01", "e1:1.0", "e1:9223372036854775808", "e2:1", "e1:\u0661", "1", "e1:1\n"],
)
def test_a_forged_cursor_is_refused(inside):
    forged = base64.urlsafe_b64encode(inside.encode()).rstrip(b"=").decode()
    with pytest.raises(BadCursor):
        cursors.decode(forged)
