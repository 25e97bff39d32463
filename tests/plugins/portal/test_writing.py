"""How values, JSON, colors and pictures are written: pure functions."""

import re
from functools import partial
from html import unescape

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from trunkline import BodyInvalid, EventType, FieldError
from trunkline_portal import charts, colours, curl, formats
from trunkline_portal.charts import Axis, Series
from trunkline_portal.forms import Fields, faults_of
from trunkline_portal.highlighting import highlight, indented
from trunkline_portal.portal import local_path

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)
HOUR_MS = 60 * 60 * 1000
_SPAN = re.compile(r'<span class="j[a-z]">|</span>')
COLORS = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")


@given(JSON)
def test_highlighting_changes_nothing_but_the_space_between_and_lets_no_tag_through(value):
    assert orjson.loads(indented(orjson.dumps(value))) == value
    text = highlight(orjson.dumps(value))
    assert "<" not in _SPAN.sub("", text)
    assert orjson.loads(unescape(_SPAN.sub("", text))) == value


def test_numbers_keep_their_digits():
    assert indented(b'{"amount":99.00,"rate":1e-7}') == '{\n  "amount": 99.00,\n  "rate": 1e-7\n}'


@pytest.mark.parametrize("text", ["", "<html>", "{", "not json", '{"a":1} x', b"\xff\xfe"])
def test_what_is_no_json_is_shown_as_it_is_and_escaped(text):
    assert "<" not in highlight(text)


whole_percent = partial(formats.percent, decimals=0)


@pytest.mark.parametrize(
    ("written", "texts"),
    [
        (
            formats.percent,
            {None: "no data", 0: "0%", 1: "100%", 0.99999: "99.99%", 1e-6: "0.01%", 0.5: "50.00%"},
        ),
        (whole_percent, {71 / 86: "83%", 0.0001: "1%", 0.9999: "99%", 1: "100%"}),
        (formats.lasting, {0: "1 second", 59_900: "59 seconds", 60_000: "1 minute"}),
        (formats.lasting, {19.9 * HOUR_MS: "19 hours", 50 * HOUR_MS: "2 days"}),
        (formats.duration, {0: "0 ms", 999: "999 ms", 1500: "1.5 s", 120_000: "2 min"}),
        (formats.duration, {2 * HOUR_MS: "2.0 h", 72 * HOUR_MS: "3.0 days"}),
    ],
    ids=["share", "share without decimals", "state", "long state", "duration", "long duration"],
)
def test_a_share_and_a_time_are_written_with_one_unit(written, texts):
    assert {value: written(value) for value in texts} == texts


def test_a_time_is_written_in_utc_whatever_it_comes_as():
    text = formats.time("2026-01-28T11:30:00.5+01:00")
    assert text == formats.time(1_769_596_200_500)
    assert 'datetime="2026-01-28T10:30:00.500Z"' in text
    assert "28 Jan 2026, 10:30:00 UTC" in text
    assert "never" in formats.time(None)


def test_a_command_is_quoted_for_the_shell():
    kind = EventType("note.added", "Note", "A note.", {"examples": [{"text": "it's <here>"}]})
    written = curl.send_event("https://events.example.com", kind)
    assert written.startswith("curl https://events.example.com/api/v1/events \\\n")
    assert """it'"'"'s <here>""" in written


def test_faults_stand_beside_their_fields():
    error = BodyInvalid([FieldError("/scopes/1", "is not a scope"), FieldError("", "is empty")])
    assert faults_of(error) == {"scopes": "Is not a scope.", "": "Is empty."}


def test_a_field_that_was_not_sent_is_empty():
    fields = Fields([("a", " x "), ("a", "y")])
    assert (fields["a"], fields.all("a")) == ("x", ["x", "y"])
    assert (fields["b"], fields.all("b"), "b" in fields) == ("", [], False)


@example("http://[")
@given(st.text())
def test_what_follows_a_form_is_always_a_page_of_ours(text):
    path = local_path(text)
    assert path == "/portal" or path.startswith(("/portal/", "/portal?", "/portal#"))


@given(COLORS)
def test_whatever_the_brands_color_text_in_it_can_be_read_in_both_themes(color):
    light, dark = colours.accents(color)
    assert colours.contrast(light, colours.LIGHT_GROUND) >= 4.5
    assert colours.contrast(dark, colours.DARK_GROUND) >= 4.5
    for accent in (light, dark):
        assert colours.contrast(colours._ink_on(accent), accent) >= 4.5


def test_contrast_is_that_of_the_standard():
    assert colours.contrast((0, 0, 0), (255, 255, 255)) == pytest.approx(21)
    assert colours.contrast((119, 119, 119), (255, 255, 255)) == pytest.approx(4.48, abs=0.01)


@given(st.floats(0, 1e12))
def test_a_scale_reaches_the_highest_value_and_not_far_beyond(highest):
    top = charts.nice_top(highest)
    assert highest <= top <= max(1.2 * highest, 1) * 1.0001


@given(st.lists(st.none() | st.integers(0, 10**9), min_size=1, max_size=60))
def test_a_picture_stays_within_its_frame(values):
    axis = Axis([f"<{number}>" for number in range(len(values))], ["now"])
    series = [Series("A & B", values), Series("C", values, "is-faint")]
    for draw in (charts.bars, charts.lines):
        chart = draw("c", "<T>", series, axis, format_value=str)
        assert "<T>" not in chart.svg
        assert chart.svg.count('class="slot"') == len(values)
        for y in re.findall(r' y="([\d.-]+)"', chart.svg):
            assert -2 * 1.5 <= float(y) <= charts.HEIGHT
    assert chart.is_empty == (not any(values))
