"""A log handler that keeps the records of a test."""

import logging
from collections.abc import Generator, Iterable
from contextlib import contextmanager

_QUIET = ("aiosqlite", "alembic", "asyncio", "httpcore2", "httpx2", "limits", "sqlalchemy")


class Logbook(logging.Handler):
    """Keeps a test's log records: all levels, but from libraries only warnings and above."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep *record*."""
        if record.levelno >= logging.WARNING or not record.name.startswith(_QUIET):
            self.records.append(record)

    @property
    def text(self) -> str:
        """Return all records with fields and tracebacks, unredacted."""
        return _text_of(self.records)

    def text_for(self, *own: str) -> str:
        """Return the same text as ``text``, with debug records only of loggers whose names begin with one of *own*."""
        return _text_of(
            record for record in self.records if record.levelno > logging.DEBUG or record.name.startswith(own)
        )


def _text_of(records: Iterable[logging.LogRecord]) -> str:
    formatter = logging.Formatter("%(levelname)s %(name)s %(message)s")
    usual = {*vars(logging.LogRecord("", 0, "", 0, "", (), None)), "message"}
    lines: list[str] = []
    for record in records:
        fields = {name: value for name, value in vars(record).items() if name not in usual}
        lines.append(f"{formatter.format(record)} {fields}")
    return "\n".join(lines)


@contextmanager
def keeping_log() -> Generator[Logbook]:
    """Keep the records of the block, at debug level."""
    book = Logbook()
    root = logging.getLogger()
    before = root.level
    quiet = {name: logging.getLogger(name).level for name in _QUIET}
    levels = {handler: handler.level for handler in root.handlers}
    for handler, level in levels.items():  # existing handlers keep their earlier level
        handler.setLevel(max(level, before))
    root.addHandler(book)
    root.setLevel(logging.DEBUG)
    for name, level in quiet.items():
        logging.getLogger(name).setLevel(max(logging.WARNING, level))
    try:
        yield book
    finally:
        root.removeHandler(book)
        for handler, level in levels.items():
            handler.setLevel(level)
        root.setLevel(before)
        for name, level in quiet.items():
            logging.getLogger(name).setLevel(level)
