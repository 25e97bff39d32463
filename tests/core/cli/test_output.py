"""The output of commands about texts that companies have chosen."""

import json
import sys

import pytest

from trunkline.cli.output import show_document, show_json, show_table
from trunkline.runtime.terminals import printable

HOSTILE = "a[red]b[/bold]\x1b[2J\x9b2J\tc\nd\u202e"


@pytest.mark.parametrize("is_terminal", [True, False])
def test_a_name_is_neither_markup_nor_steers_a_terminal_nor_breaks_its_line(capsys, monkeypatch, is_terminal):
    monkeypatch.setenv("FORCE_COLOR", "1" if is_terminal else "")
    monkeypatch.setenv("COLUMNS", "200")
    show_table(["id", "name"], [["key_1", HOSTILE]])
    header, line, *rest = capsys.readouterr().out.splitlines()
    assert ("\x1b" in header) is is_terminal
    assert rest == []
    assert "a[red]b[/bold]\ufffd[2J\ufffd2J\ufffdc\ufffdd\ufffd" in line
    assert "\x1b[2J" not in line


@pytest.mark.parametrize("is_terminal", [True, False])
def test_json_keeps_its_value_and_does_not_steer_a_terminal(capsys, monkeypatch, is_terminal):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: is_terminal)
    document = json.dumps({"名前": HOSTILE}, ensure_ascii=False).encode()
    for show in (lambda: show_json(json.loads(document)), lambda: show_document(document)):
        show()
        shown = capsys.readouterr().out
        assert json.loads(shown) == {"名前": HOSTILE}
    assert is_terminal is ("\\u202e" in shown), "a program gets a document byte for byte"
    if is_terminal:
        assert printable(shown.replace("\n", "")) == shown.replace("\n", "")


def test_text_of_any_language_is_printed_as_it_is():
    for text in ("Zoë", "名前", "👩\u200d💻", "a\u00a0b"):
        assert printable(text) == text
