"""If a test's only assertions are in a loop, the test must fail if the loop never runs: ``tests.some`` ensures that."""

import ast
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
RAISING = ("raises", "warns")
_LOOP = re.compile(r"^ +(?:async )?for ", re.MULTILINE)
SAME_LENGTH = {"zip", "enumerate", "sorted", "reversed"}


def is_filled(node: ast.expr) -> bool:
    """Tell whether the iterable of a loop is visibly not empty."""
    match node:
        case ast.List(elts=[_, *_]) | ast.Tuple(elts=[_, *_]) | ast.Set(elts=[_, *_]) | ast.Constant():
            return True
        case ast.Dict(keys=[_, *_]):
            return True
        case ast.Name(name) | ast.Attribute(attr=name) if name.isupper():
            return True
        case ast.Call(ast.Name("some")):
            return True
        case ast.Call(ast.Name("range"), arguments):
            return all(map(is_filled, arguments))
        case ast.Call(ast.Name(name), arguments) if name in SAME_LENGTH:
            return any(map(is_filled, arguments))
        case ast.Call(ast.Attribute(of, "items" | "keys" | "values")):
            return is_filled(of)
    return False


def asserts(body: Sequence[ast.stmt]) -> bool:
    """Tell whether *body* asserts something whenever it runs to its end."""
    return any(map(_asserts, body))


def _asserts(node: ast.stmt) -> bool:
    match node:
        case ast.Assert():
            return True
        case ast.With(items, body) | ast.AsyncWith(items, body):
            return asserts(body) or any(word in ast.unparse(item) for item in items for word in RAISING)
        case ast.Try(body=body, finalbody=last):
            return asserts(body) or asserts(last)
        case ast.For(iter=things, body=body) | ast.AsyncFor(iter=things, body=body):
            return is_filled(things) and asserts(body)
        case ast.While(ast.Constant(True), body):
            return asserts(body)
        case ast.If(body=body, orelse=other):
            return asserts(body) and asserts(other)
    return False


def loops_alone(file: Path) -> Iterator[str]:
    """Name the tests of a file that assert only in a loop that may never run, and call no function that asserts."""
    text = file.read_text()
    for test in ast.walk(ast.parse(text)) if _LOOP.search(text) else ():
        if not (isinstance(test, ast.FunctionDef | ast.AsyncFunctionDef) and test.name.startswith("test_")):
            continue
        if test.decorator_list:  # one of several cases may have nothing to loop over
            continue
        loops = [node for node in ast.walk(test) if isinstance(node, ast.For | ast.AsyncFor)]
        has_loop = any(isinstance(node, ast.Assert) for loop in loops for node in ast.walk(loop))
        if has_loop and not asserts(test.body) and not _calls_what_asserts(test):
            yield test.name


def _calls_what_asserts(test: ast.AST) -> bool:
    called = {ast.unparse(node.func) for node in ast.walk(test) if isinstance(node, ast.Call)}
    return any(word in name for name in called for word in ("assert", "check", "until", "wait_for"))


@pytest.mark.parametrize("folder", ["contract", "core", "plugins", "reliability", "kit", "third_party"])
def test_no_test_asserts_only_in_a_loop_that_may_run_no_time(folder):
    found = {file: names for file in (TESTS / folder).rglob("test_*.py") if (names := [*loops_alone(file)])}
    assert found == {}
