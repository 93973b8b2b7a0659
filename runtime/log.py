"""Logs: console for people, JSON lines for machines, a rotating file when asked; secrets masked, errors shortened.

Everything goes to standard error, so that standard output stays for results. The records of libraries that use the
standard library's logging go the same way.
"""

import logging
import logging.handlers
import sys
import traceback
from collections.abc import Iterable, Iterator, MutableMapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

import structlog

from runtime.errors import InfrastructorError, SettingsInvalid
from runtime.redact import Redactor, sanitised
from runtime.settings.log import LogSettings

EventDict = MutableMapping[str, Any]
Logger = structlog.stdlib.BoundLogger

FRAMES_KEPT = 8
"""Frames of a traceback that are logged: the innermost, where it went wrong."""

QUIET_LIBRARIES = {"aiokafka": logging.CRITICAL, "kafka": logging.CRITICAL, "asyncio": logging.WARNING}
"""Libraries that log, line after line, what we translate and log once."""


class LineStream(Protocol):
    """Where lines are logged: standard error, or what stands for it."""

    def write(self, text: str, /) -> object:
        """Take a line and its end."""

    def flush(self) -> None:
        """Pass on what was taken."""

    def isatty(self) -> bool:
        """Tell whether a person reads it."""


def get_logger(name: str, **context: object) -> Logger:
    """Return a logger; `context` is put on each of its lines."""
    logger: Logger = structlog.stdlib.get_logger(name, **context)
    return logger


def configure_logging(
    settings: LogSettings, *, process: str, secrets: Iterable[str] = (), stream: LineStream | None = None
) -> None:
    """Set up logging for this process, once; a second call replaces the first.

    `secrets` are values to mask wherever they turn up. Raises SettingsInvalid when the log file cannot be opened.
    """
    shared = _shared_processors(process, Redactor(secrets))
    out = stream or sys.stderr
    handlers: list[logging.Handler] = [logging.StreamHandler(out)]
    for_people = settings.format == "console" or (settings.format == "auto" and out.isatty())
    handlers[0].setFormatter(_formatter(shared, for_people=for_people, colors=out.isatty()))
    if settings.file is not None:
        rotating = _opened(settings.file, settings)
        rotating.setFormatter(_formatter(shared, for_people=False, colors=False))
        handlers.append(rotating)
    _install(handlers, settings.level)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        # Not cached: a logger made before this call, or before the next, obeys the newest configuration.
        cache_logger_on_first_use=False,
    )


@contextmanager
def bind_correlation(correlation_id: object, **context: object) -> Iterator[None]:
    """Put `correlation_id` on every line logged in this task, and in those it starts, until the block ends."""
    with structlog.contextvars.bound_contextvars(correlation_id=str(correlation_id), **context):
        yield


class RotatingFile(logging.handlers.RotatingFileHandler):
    """A file that is rotated by size. A disk that is full loses its lines, and nothing else."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the name in logging
        """Say nothing: of itself it would write a traceback to standard error for every line."""

    def close(self) -> None:
        """Close it, whatever the disk still refuses."""
        with suppress(OSError):
            super().close()


def _opened(path: Path, settings: LogSettings) -> RotatingFile:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return RotatingFile(path, maxBytes=settings.file_bytes, backupCount=settings.file_keep, encoding="utf-8")
    except OSError as error:
        raise SettingsInvalid(
            f"{settings.variable('file')}: {path} cannot be written ({(error.strerror or str(error)).lower()}): name "
            "another file, or unset it",
            operation="open log file",
        ) from error


def _install(handlers: list[logging.Handler], level: str) -> None:
    root = logging.getLogger()
    for old in list(root.handlers):
        # Only our own: pytest and others hang handlers of theirs on the root logger.
        if getattr(old, "_infrastructor", False):
            root.removeHandler(old)
            old.close()
    for handler in handlers:
        handler._infrastructor = True  # type: ignore[attr-defined]  # noqa: SLF001
        root.addHandler(handler)
    root.setLevel(level.upper())
    for library, least in QUIET_LIBRARIES.items():
        logging.getLogger(library).setLevel(least)


def _shared_processors(process: str, redactor: Redactor) -> list[structlog.types.Processor]:
    def name_process(_: object, __: str, event: EventDict) -> EventDict:
        event.setdefault("process", process)
        return event

    def redact(_: object, __: str, event: EventDict) -> EventDict:
        for key, value in event.items():
            if not key.startswith("_"):
                event[key] = redactor.field(key, value)
        return event

    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        name_process,
        shorten_errors,
        redact,
    ]


def shorten_errors(_: object, __: str, event: EventDict) -> EventDict:
    """Turn `exc_info` and `error` into an `error` of type, message and, when not one of ours, the innermost frames."""
    error = _exception_in(event.pop("exc_info", None)) or event.get("error")
    if isinstance(error, InfrastructorError):
        event["error"] = {
            "error_code": error.error_code,
            "message": sanitised(error.message),
            "operation": error.operation,
            "retryable": error.retryable,
            "details": dict(error.details),
        }
    elif isinstance(error, BaseException):
        event["error"] = {"type": type(error).__name__, "message": sanitised(str(error)), "frames": _frames(error)}
    return event


def _exception_in(info: object) -> BaseException | None:
    if isinstance(info, BaseException):
        return info
    if isinstance(info, tuple) and len(info) == 3:
        found = info[1]
        return found if isinstance(found, BaseException) else None
    return sys.exc_info()[1] if info else None


def _frames(error: BaseException) -> list[str]:
    trace: TracebackType | None = error.__traceback__
    frames = traceback.extract_tb(trace)[-FRAMES_KEPT:]
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]


def _formatter(
    shared: list[structlog.types.Processor], *, for_people: bool, colors: bool
) -> structlog.stdlib.ProcessorFormatter:
    renderer: structlog.types.Processor
    if for_people:
        renderer = structlog.dev.ConsoleRenderer(colors=colors, pad_event_to=0, sort_keys=False)
    else:
        renderer = structlog.processors.JSONRenderer(sort_keys=False, ensure_ascii=False, default=str)
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            *([_one_line] if for_people else []),
            renderer,
        ],
    )


def _one_line(_: object, __: str, event: EventDict) -> EventDict:
    """Put an error on the line itself: a person reads the message, the JSON lines have the rest."""
    error = event.get("error")
    if isinstance(error, dict):
        event["error"] = error.get("message")
    event.pop("process", None)
    return {key: sanitised(value) if isinstance(value, str) else value for key, value in event.items()}
