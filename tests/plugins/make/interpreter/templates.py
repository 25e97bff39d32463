"""Rendering of blocks with expressions."""

import re
from collections.abc import Mapping
from typing import Any

from .expressions import evaluate
from .values import UNDEFINED, NotUnderstood, Unknown, text_of

_EXPRESSION = re.compile(r"\{\{(.*?)\}\}")
_SPREAD = "{{...}}"


def render(template: Any, context: Mapping[str, Any]) -> Any:
    """Render a block. A text that is one expression gives its value; keys with an undefined value are dropped."""
    if isinstance(template, str):
        return _render_text(template, context)
    if isinstance(template, list):
        return [render(item, context) for item in template]
    if isinstance(template, dict):
        return _render_object(template, context)
    return template


def _render_object(template: Mapping[str, Any], context: Mapping[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for key, part in template.items():
        value = render(part, context)
        if key == _SPREAD:
            if value is not UNDEFINED and not isinstance(value, dict):
                msg = f"{_SPREAD} of {value!r}"
                raise NotUnderstood(msg)
            made |= {} if value is UNDEFINED else value
        elif "{{" in key:
            msg = f"the key {key}"
            raise NotUnderstood(msg)
        elif value is not UNDEFINED:
            made[key] = value
    return made


def _render_text(template: str, context: Mapping[str, Any]) -> Any:
    whole = re.fullmatch(r"\{\{((?:(?!\}\}).)*)\}\}", template)
    if whole:
        return _known(evaluate(whole[1], context))
    if "{{" in _EXPRESSION.sub("", template):
        msg = f"the braces in {template!r}"
        raise NotUnderstood(msg)
    return _EXPRESSION.sub(lambda match: text_of(_known(evaluate(match[1], context))), template)


def _known(value: Any) -> Any:
    if isinstance(value, Unknown):
        raise NotUnderstood(value.reason)
    return value
