"""The form of log lines on a terminal."""

import logging
from typing import Any

import structlog
from structlog.typing import EventDict, WrappedLogger

from trunkline.runtime.logs import with_environment
from trunkline.runtime.redaction import redact


def make_formatter(*, colours: bool) -> logging.Formatter:
    """Make the formatter that writes an entry as a line for people."""
    plain = structlog.dev.plain_traceback  # the other formatters print local variables, which may be secrets
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.stdlib.ExtraAdder(),
            structlog.processors.TimeStamper(fmt="iso", utc=True),
        ],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            _name_environment,
            structlog.dev.ConsoleRenderer(colors=colours, exception_formatter=plain),
            _redact_line,
        ],
    )


def _name_environment(_logger: WrappedLogger, _method: str, entry: EventDict) -> EventDict:
    return with_environment(dict(entry))


def _redact_line(_logger: WrappedLogger, _method: str, line: Any) -> str:
    return redact(str(line))
