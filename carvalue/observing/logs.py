"""
The log: one line per record, as JSON for machines, or readable on a terminal.

Records come from the standard library's `logging`, ours and everybody else's alike. Each tells
the request, the trace and the appraisal that it is about, where there is one.
"""

import logging
import sys
import threading
from collections.abc import Iterable
from typing import Any, Literal, TextIO

import structlog
from opentelemetry import trace
from structlog.processors import ExceptionRenderer
from structlog.tracebacks import ExceptionDictTransformer
from structlog.typing import EventDict, Processor

from carvalue.core.observer import logged_about
from carvalue.observing.redaction import Redaction

logger = logging.getLogger(__name__)

LogFormat = Literal["json", "console"]

MOST_FRAMES = 30
HARMLESS = {"timestamp", "level", "logger", "request_id", "trace_id", "span_id"}
"""Made here, in a form of their own: looking through them would cost as much as all the rest."""


def configure_logging(
    log_format: LogFormat, *, secrets: Iterable[str] = (), level: int = logging.INFO
) -> None:
    """
    Write everything that is logged in this process, warnings too, to standard error.

    Of uvicorn's own logging only its records are kept; start it with `log_config=None`.
    """
    root = logging.getLogger()
    root.handlers[:] = [log_handler(sys.stderr, log_format, secrets)]
    root.setLevel(level)
    for name in ("uvicorn", "uvicorn.error"):
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True
    # It prints paths and query strings; every request has its own line, below.
    logging.getLogger("uvicorn.access").disabled = True
    logging.captureWarnings(capture=True)
    threading.excepthook = _thread_failed


def _thread_failed(args: threading.ExceptHookArgs) -> None:
    logger.error("a thread has failed", exc_info=args.exc_value)


def log_handler(
    stream: TextIO, log_format: LogFormat, secrets: Iterable[str] = ()
) -> logging.Handler:
    """Writes records to a stream, one line each (on a terminal, more for an exception)."""
    redaction = Redaction(secrets)

    def redacted(_logger: Any, _method: str, record: EventDict) -> EventDict:
        return {
            name: value if name in HARMLESS else redaction.value(value)
            for name, value in record.items()
        }

    renderers: dict[LogFormat, list[Processor]] = {
        "json": [structlog.processors.JSONRenderer(sort_keys=False)],
        "console": [
            _neutralised,
            structlog.dev.ConsoleRenderer(
                colors=stream.isatty(),
                exception_formatter=structlog.dev.plain_traceback,
                sort_keys=False,
            ),
        ],
    }
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                structlog.stdlib.add_log_level,
                structlog.stdlib.add_logger_name,
                _about_what,
                structlog.stdlib.ExtraAdder(),
            ],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _said_once,
                # Local variables hold photos and keys.
                ExceptionRenderer(
                    ExceptionDictTransformer(show_locals=False, max_frames=MOST_FRAMES)
                ),
                redacted,
                *renderers[log_format],
            ],
        )
    )
    return handler


def _about_what(_logger: Any, _method: str, record: EventDict) -> EventDict:
    record.update(logged_about())
    span = trace.get_current_span().get_span_context()
    if span.is_valid:
        record["trace_id"] = trace.format_trace_id(span.trace_id)
        record["span_id"] = trace.format_span_id(span.span_id)
    return record


def _said_once(_logger: Any, _method: str, record: EventDict) -> EventDict:
    # The event once more: uvicorn's with colors, and what other handlers leave on a record.
    for again in ("color_message", "message", "asctime"):
        record.pop(again, None)
    return record


def _neutralised(_logger: Any, _method: str, record: EventDict) -> EventDict:
    """
    No text can move the cursor, color the screen or forge a line: structlog's renderer for
    terminals prints texts as they are.
    """
    exception = record.pop("exception", None)
    plain: EventDict = {name: _plain(value) for name, value in record.items()}
    if exception:
        plain["exception"] = "\n".join(_told(exception))
    return plain


def _told(exception: Any) -> list[str]:
    """An exception and its causes in lines, as redacted and structured before."""
    lines: list[str] = []
    for one in exception:
        lines.append(_plain(f"{one['exc_type']}: {one['exc_value']}"))
        lines += [
            _plain(f"  {frame['filename']}:{frame['lineno']} in {frame['name']}")
            for frame in one["frames"]
        ]
        for group in one["exceptions"]:
            lines += [f"  {line}" for line in _told(group)]
    return lines


def _plain(value: object) -> str:
    text = str(value)
    if text.isprintable():
        return text
    return "".join(
        one if one.isprintable() else one.encode("unicode_escape").decode() for one in text
    )
