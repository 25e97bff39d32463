"""The line in which ``explain`` shows a target's last answer."""

from types import SimpleNamespace

import pytest

from trunkline.insight.last_answers import MAX_LENGTH, first_line
from trunkline.model.subscriptions import Secret

SECRET, HEADER, PASSWORD = "whsec_c2VjcmV0", "Basic am9l", "hunter22"
SUBSCRIPTION = SimpleNamespace(
    secrets=(Secret(SECRET),), headers={"Authorization": HEADER, "X-Env": "a"}, target_secrets={"p": PASSWORD}
)


@pytest.mark.parametrize(
    ("body", "line"),
    [
        ("", None),
        ("\n \t", None),
        ("busy", "busy"),
        ("\r\nbusy\r\ncome back later", "busy"),
        ('{\n  "error": "busy"\n}', '{ "error": "busy" }'),
        (f"got {SECRET}, {HEADER} and {PASSWORD} a", "got ••••, •••• and •••• a"),
        ("a\x1b[31mred\u202e", "a[31mred"),
        ("x" * MAX_LENGTH, "x" * MAX_LENGTH),
        ("x" * 1024, "x" * (MAX_LENGTH - 1) + "…"),
    ],
)
def test_it_is_the_first_line_with_a_word_short_and_without_secrets(body, line):
    assert first_line(body, SUBSCRIPTION) == line
