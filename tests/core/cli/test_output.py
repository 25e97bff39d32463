"""The output of commands about texts that companies have chosen."""

import pytest

from trunkline.cli.output import printable, show_table

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


def test_text_of_any_language_is_printed_as_it_is():
    for text in ("Zoë", "名前", "👩\u200d💻", "a\u00a0b"):
        assert printable(text) == text
