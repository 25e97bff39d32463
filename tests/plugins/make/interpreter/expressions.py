"""Make's expressions: the text between ``{{`` and ``}}``.

https://developers.make.com/custom-apps-documentation/block-elements/iml: operators, strings in either quotes, dots, back ticks
for names that are no identifiers, ``[1]`` for the first item, functions with arguments between commas.
"""

import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from . import functions
from .values import UNDEFINED, NotUnderstood, Unknown, is_true, text_of

_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+(?:\.\d+)?)|(?P<text>'[^'\\]*'|\"[^\"\\]*\")|(?P<tick>`[^`]+`)|(?P<name>[A-Za-z_]\w*)"
    r"|(?P<sign>===|!==|==|!=|<=|>=|&&|\|\||[-+*/%=<>!().,\[\]]))"
)
_LITERALS: Mapping[str, Any] = {
    "true": True,
    "false": False,
    "null": None,
    "undefined": UNDEFINED,
    "emptyarray": [],
}
_ORDER = ("<", "<=", ">", ">=")
_LEVELS = (
    ("||",),
    ("&&",),
    ("=", "==", "===", "!=", "!=="),
    _ORDER,
    ("+", "-"),
    ("*", "/", "%"),
)
_ARITHMETIC: Mapping[str, Callable[[Any, Any], Any]] = {
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
    "/": lambda left, right: left / right,
    "%": lambda left, right: left % right,
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
}


@dataclass(frozen=True)
class Token:
    """A piece of an expression; *kind* is a group of the pattern, or ``end``."""

    kind: str
    text: str


def evaluate(source: str, context: Mapping[str, Any]) -> Any:
    """Give the value of an expression. Raises NotUnderstood."""
    parser = Parser(_tokens(source), context, source)
    value = parser.level(0)
    parser.expect("end")
    return value


def _tokens(source: str) -> list[Token]:
    tokens, at, end = [], 0, len(source.rstrip())
    while at < end:
        match = _TOKEN.match(source, at)
        if match is None:
            msg = f"the expression {source!r} from {source[at:]!r} on"
            raise NotUnderstood(msg)
        tokens.append(Token(str(match.lastgroup), match[str(match.lastgroup)]))
        at = match.end()
    return [*tokens, Token("end", "")]


class Parser:
    """Parses and evaluates an expression at the same time; branches that are not chosen are evaluated, too."""

    def __init__(self, tokens: list[Token], context: Mapping[str, Any], source: str) -> None:
        self._tokens, self._context, self._source, self._at = tokens, context, source, 0

    def level(self, depth: int) -> Any:
        """Evaluate a chain of operators of one precedence, from the left."""
        if depth == len(_LEVELS):
            return self._unary()
        value = self.level(depth + 1)
        while self._token.kind == "sign" and self._token.text in _LEVELS[depth]:
            operator = self._take().text
            value = _operate(operator, value, self.level(depth + 1))
        return value

    def expect(self, kind: str, text: str = "") -> Token:
        if (self._token.kind, self._token.text) != (kind, text):
            msg = f"{self._token.text!r} in the expression {self._source!r}"
            raise NotUnderstood(msg)
        return self._take()

    @property
    def _token(self) -> Token:
        return self._tokens[self._at]

    def _take(self) -> Token:
        self._at += 1
        return self._tokens[self._at - 1]

    def _is(self, sign: str) -> bool:
        return self._token == Token("sign", sign)

    def _unary(self) -> Any:
        if self._is("!"):
            self._take()
            return not is_true(self._unary())
        value = self._primary()
        while self._is(".") or self._is("["):
            value = self._property(value) if self._take().text == "." else self._item(value)
        return value

    def _primary(self) -> Any:
        token = self._take()
        if token.kind == "number":
            return float(token.text) if "." in token.text else int(token.text)
        if token.kind == "text":
            return token.text[1:-1]
        if token == Token("sign", "("):
            value = self.level(0)
            self.expect("sign", ")")
            return value
        if token.kind == "name":
            return self._call(token.text) if self._is("(") else self._variable(token.text)
        msg = f"{token.text!r} in the expression {self._source!r}"
        raise NotUnderstood(msg)

    def _variable(self, name: str) -> Any:
        if name in _LITERALS:
            return _LITERALS[name]
        if name == "uuid":  # a new one each time, as Make's function makes
            return str(uuid.uuid4())
        if name not in self._context:
            msg = f"the variable {name} here, where there are {', '.join(sorted(self._context))}"
            raise NotUnderstood(msg)
        return self._context[name]

    def _call(self, name: str) -> Any:
        self.expect("sign", "(")
        arguments: list[Any] = []
        while not self._is(")"):
            arguments.append(self.level(0))
            if not self._is(")"):
                self.expect("sign", ",")
        self.expect("sign", ")")
        return functions.call(name, arguments)

    def _property(self, value: Any) -> Any:
        token = self._take()
        if token.kind not in {"name", "tick"}:
            msg = f"{token.text!r} after a dot in {self._source!r}"
            raise NotUnderstood(msg)
        return value.get(token.text.strip("`"), UNDEFINED) if isinstance(value, dict) else UNDEFINED

    def _item(self, value: Any) -> Any:
        number = self.level(0)
        self.expect("sign", "]")
        if type(number) is not int or number < 1:
            msg = f"[{number!r}] in {self._source!r}; the first item is [1]"
            raise NotUnderstood(msg)
        return value[number - 1] if isinstance(value, list) and number <= len(value) else UNDEFINED


def _operate(operator: str, left: Any, right: Any) -> Any:
    unknown = next((side for side in (left, right) if isinstance(side, Unknown)), None)
    if unknown is not None:
        return unknown
    if operator == "&&":
        return left if not is_true(left) else right
    if operator == "||":
        return left if is_true(left) else right
    if operator in {"=", "==", "==="}:
        return _equal(left, right)
    if operator in {"!=", "!=="}:
        return not _equal(left, right)
    if isinstance(left, datetime) and isinstance(right, datetime) and operator in _ORDER:
        return _ARITHMETIC[operator](left, right)
    if _are_numbers(left, right):
        return left + right if operator == "+" else _ARITHMETIC[operator](left, right)
    if operator == "+" and (isinstance(left, str) or isinstance(right, str)):
        is_known = all(isinstance(side, str | int | float) for side in (left, right))
        return text_of(left) + text_of(right) if is_known else Unknown(f"{left!r} + {right!r}")
    return Unknown(f"{left!r} {operator} {right!r}")


def _equal(left: Any, right: Any) -> bool:
    """Compare strictly: no text equals a number, and undefined is not null."""
    if _are_numbers(left, right):
        return bool(left == right)
    return type(left) is type(right) and bool(left == right)


def _are_numbers(*values: Any) -> bool:
    return all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
