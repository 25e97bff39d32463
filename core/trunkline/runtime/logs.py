"""The log on standard error: one line per entry, with all ids and without secrets.

The code logs through ``logging.getLogger(__name__)`` with ``extra={…}``; a terminal gets lines for people, other outputs get JSON.
"""

import logging
import sys
from collections import Counter
from datetime import UTC, datetime
from typing import Any, TextIO

import orjson

from trunkline.model.environments import company_number, environment_member
from trunkline.runtime.log_writing import SECURITY, WriterThread
from trunkline.runtime.redaction import redact
from trunkline.runtime.terminals import escape_json
from trunkline.settings import Logging

WRITTEN_A_MINUTE = 10
"""The number of refusals of one kind that are written in a minute. After these, the 20th, 40th, 80th and so on are written."""
_QUIET = ("alembic", "asyncio", "httpcore2", "httpx2", "limits", "sqlalchemy", "uvicorn")
"""Libraries whose records are logged only if they are warnings or errors."""
_OF_EACH = vars(logging.makeLogRecord({})).keys() | {"asctime", "message", "taskName"}
"""The attributes of a record without *extra*."""


def set_up(settings: Logging, *, stream: TextIO | None = None) -> None:
    """Write all log records to *stream* from a thread; None means standard error."""
    target = stream or sys.stderr
    on_terminal = settings.format == "console" or (settings.format == "auto" and target.isatty())
    handler = WriterThread(target)
    if on_terminal:
        from trunkline.runtime.console_lines import make_formatter  # noqa: PLC0415 - it loads rich

        handler.setFormatter(make_formatter(colours=target.isatty()))
    else:
        handler.setFormatter(_JsonLines())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(settings.level.upper())
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    logging.getLogger(SECURITY).filters = [_SampledRefusals()]
    logging.captureWarnings(True)


class _SampledRefusals(logging.Filter):
    """Samples the warnings of each kind of security event; ``count`` in a record is the number of such events in this minute."""

    def __init__(self) -> None:
        super().__init__()
        self._minute = 0
        self._counts: Counter[str] = Counter()

    def filter(self, record: logging.LogRecord) -> bool:
        """Count *record*, and return True if it is to be written."""
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


class _JsonLines(logging.Formatter):
    """Writes an entry as a JSON object: its time, level, message and logger, then each member of *extra*."""

    def format(self, record: logging.LogRecord) -> str:
        """Write *record*."""
        entry: dict[str, Any] = {
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat().replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
            "logger": record.name,
            **with_environment({name: value for name, value in vars(record).items() if name not in _OF_EACH}),
        }
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return redact(escape_json(orjson.dumps(entry, default=str).decode()))


def with_environment(extra: dict[str, Any]) -> dict[str, Any]:
    """Return *extra* with a company's public id, and with its environment if that is ``test``."""
    company_id = extra.get("company_id")
    if isinstance(company_id, int) and company_id < 0:
        return {**extra, "company_id": company_number(company_id), **environment_member(company_id)}
    return extra
