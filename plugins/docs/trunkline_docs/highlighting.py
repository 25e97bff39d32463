"""Splits a listing into tokens that the stylesheet can colour. Unrecognised text stays plain."""

import re
from collections.abc import Iterator, Mapping

Token = tuple[str, str]
"""A token: the kind (empty for plain text), and the text."""

_STRING = r'"(?:[^"\\\n]|\\.)*"'
_STRINGS = rf"{_STRING}|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`"
_WORDS = (
    "and|array|class|const|declare|def|do|else|end|export|final|for|foreach|from|func|function|if|import|in|let|new|not|or"
    "|package|private|public|raise|range|require|return|static|struct|throw|throws|type|unless|use|void"
)


def _pattern(**kinds: str) -> re.Pattern[str]:
    return re.compile("|".join(f"(?P<{kind}>{text})" for kind, text in kinds.items()), re.MULTILINE)


_NUMBER = r"(?<![\w.])-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.])"
_LANGUAGES: Mapping[str, re.Pattern[str]] = {
    "json": _pattern(
        key=rf"{_STRING}(?=\s*:)", string=_STRING, number=_NUMBER, word=r"\b(?:true|false|null)\b"
    ),
    "http": _pattern(word=r"\A\S+(?= )", key=r"^[a-z][a-z0-9-]*(?=: )"),
    "shell": _pattern(
        comment=r"(?m:^#.*$)", word=r"^curl\b", key=r"(?<=\s)--?[A-Za-z][\w-]*", string=_STRINGS
    ),
    "python": _pattern(comment=r"#.*$", string=rf'"""[\s\S]*?"""|{_STRINGS}', word=rf"\b(?:{_WORDS})\b"),
    "ruby": _pattern(comment=r"^\s*#.*$", string=_STRINGS, word=rf"\b(?:{_WORDS})\b"),
    **dict.fromkeys(
        ("javascript", "go", "java"),
        _pattern(comment=r"//.*$", string=_STRINGS, word=rf"\b(?:{_WORDS})\b"),
    ),
    "php": _pattern(comment=r"//.*$", string=_STRINGS, word=rf"<\?php|\b(?:{_WORDS})\b"),
}


def tokens(text: str, language: str) -> Iterator[Token]:
    """Yield the tokens of *text*; their joined texts are equal to *text*."""
    end = 0
    for match in _LANGUAGES[language].finditer(text):
        if match.start() > end:
            yield "", text[end : match.start()]
        yield match.lastgroup or "", match.group()
        end = match.end()
    if end < len(text):
        yield "", text[end:]
