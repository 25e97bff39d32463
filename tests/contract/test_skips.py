"""A test that is skipped for a missing tool names the package that has the tool."""

import ast
import re
from pathlib import Path

TESTS = Path(__file__).parents[1]
NO_PACKAGE = ("only root ",)


def reasons() -> list[str]:
    found = []
    for text in (file.read_text() for file in TESTS.rglob("*.py")):
        if re.search(r"pytest\.skip\b|mark\.skipif", text):
            for call in filter(lambda node: isinstance(node, ast.Call), ast.walk(ast.parse(text))):
                if re.search(r"pytest\.skip\b|mark\.skipif$", ast.unparse(call.func)):
                    given = [*call.args[-1:], *(word.value for word in call.keywords if word.arg == "reason")]
                    found.append(ast.unparse(given[-1]))
    return found


def test_a_skip_names_the_package_that_brings_what_is_missing():
    found = reasons()
    assert len(found) > 10
    assert [
        text
        for text in found
        if "package '" not in text.replace("\\", "") and not text[1:].startswith(NO_PACKAGE)
    ] == []
