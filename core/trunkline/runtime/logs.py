"""The log on standard error: one line an entry, with every id, and never a secret.

The code logs through ``logging.getLogger(__name__)`` with ``extra={…}``; structlog only gives the lines their form.
"""

import logging
import sys
from collections import Counter
from typing import Any, TextIO

import orjson
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from trunkline.model.environments import company_number, environment_member
from trunkline.runtime.log_writing import SECURITY, WriterThread
from trunkline.runtime.redaction import redact
from trunkline.settings import Logging

WRITTEN_A_MINUTE = 10
"""Refusals of one kind that are written in a minute; after them the 20th is, the 40th, the 80th, and so on."""
_QUIET = ("alembic", "asyncio", "httpcore2", "httpx2", "limits", "sqlalchemy", "uvicorn")
"""Libraries of which only warnings are of interest to whoever runs a hub."""


def set_up(settings: Logging, *, stream: TextIO | None = None) -> None:
    """Write everything that is logged from now on to *stream* (standard error for None), from a thread."""
    target = stream or sys.stderr
    on_terminal = settings.format == "console" or (settings.format == "auto" and target.isatty())
    handler = WriterThread(target)
    handler.setFormatter(_formatter(on_terminal=on_terminal, colours=target.isatty()))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(settings.level.upper())
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    logging.getLogger(SECURITY).filters = [_SampledRefusals()]
    logging.captureWarnings(True)


class _SampledRefusals(logging.Filter):
    """Lets few warnings of one kind of security event through; each says in ``count`` how many there were in this minute."""

    def __init__(self) -> None:
        super().__init__()
        self._minute = 0
        self._counts: Counter[str] = Counter()

    def filter(self, record: logging.LogRecord) -> bool:
        """Count *record*, and tell whether it is written."""
        if record.levelno < logging.WARNING:
            return True
        if self._minute != (minute := int(record.created // 60)):
            self._minute = minute
            self._counts.clear()
        kind = str(vars(record).get("security_event"))
        self._counts[kind] += 1
        record.count = count = self._counts[kind]
        times, rest = divmod(count, WRITTEN_A_MINUTE)
        return count <= WRITTEN_A_MINUTE or (not rest and not times & (times - 1))


def _formatter(*, on_terminal: bool, colours: bool) -> logging.Formatter:
    before: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=before,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            _name_environment,
            *(_console(colours) if on_terminal else _json()),
            _redact_line,
        ],
    )


def _name_environment(_logger: WrappedLogger, _method: str, entry: EventDict) -> EventDict:
    """Write a company's id as it is outside, with its environment beside it where that is ``test``."""
    company_id = entry.get("company_id")
    if isinstance(company_id, int) and company_id < 0:
        entry.update({"company_id": company_number(company_id), **environment_member(company_id)})
    return entry


def _console(colours: bool) -> list[Processor]:  # noqa: FBT001
    plain = structlog.dev.plain_traceback  # the others print local variables, and secrets are among them
    return [structlog.dev.ConsoleRenderer(colors=colours, exception_formatter=plain)]


def _json() -> list[Processor]:
    return [
        structlog.processors.format_exc_info,
        structlog.processors.EventRenamer("message"),
        structlog.processors.JSONRenderer(serializer=_dump),
    ]


def _dump(entry: EventDict, **_: object) -> str:
    first = {name: entry.pop(name) for name in ("timestamp", "level", "message") if name in entry}
    return orjson.dumps(first | dict(entry), default=str).decode()


def _redact_line(_logger: WrappedLogger, _method: str, line: Any) -> str:
    return redact(str(line))
