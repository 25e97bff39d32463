"""The form of log lines on a terminal."""

import logging
from io import StringIO
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, ExcInfo, WrappedLogger

from trunkline.runtime.logs import with_environment
from trunkline.runtime.redaction import redact
from trunkline.runtime.terminals import printable


def make_formatter(*, colours: bool) -> logging.Formatter:
    """Make the formatter that writes an entry as a line for people."""
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.stdlib.ExtraAdder(),
            structlog.processors.TimeStamper(fmt="iso", utc=True),
        ],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            _name_environment_printably,
            structlog.dev.ConsoleRenderer(colors=colours, exception_formatter=_write_traceback),
            _redact_line,
        ],
    )


def _name_environment_printably(_logger: WrappedLogger, _method: str, entry: EventDict) -> EventDict:
    named = with_environment(dict(entry))
    return {name: printable(value) if isinstance(value, str) else value for name, value in named.items()}


def _write_traceback(line: TextIO, exception: ExcInfo) -> None:
    """Write a traceback without local variables, which may be secrets, and with a printable message."""
    text = StringIO()
    structlog.dev.plain_traceback(text, exception)
    line.write("\n".join(map(printable, text.getvalue().split("\n"))))


def _redact_line(_logger: WrappedLogger, _method: str, line: Any) -> str:
    return redact(str(line))
