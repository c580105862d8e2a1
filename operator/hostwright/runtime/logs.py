"""structlog with redaction as its second wall; the first is that secrets are never put into a message."""

import logging
import re
import sys
from collections.abc import Callable, MutableMapping
from typing import Any

import structlog

_SECRET_KEYS = re.compile(r"(?i)(password|secret|token|user_?data|admin_?pass|authorization|private_key|clouds\.yaml)")
_SECRET_TEXT = re.compile(
    r"(?i)((?:password|secret|token|user_?data|adminPass|x-auth-token|authorization)[\"']?\s*[:=]\s*[\"']?)([^\s\"',}]+)"
)
REDACTED = "***"


def redact(text: str) -> str:
    """Text without what follows a secret's name."""
    return _SECRET_TEXT.sub(rf"\1{REDACTED}", text)


def _redact_event(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for name, value in event.items():
        if name not in {"event", "level", "timestamp"} and _SECRET_KEYS.search(name):
            event[name] = REDACTED
        elif isinstance(value, str):
            event[name] = _printable(redact(value))
    return event


def _printable(text: str) -> str:
    """Names and texts from a backend must not forge log lines."""
    return "".join(char if char.isprintable() or char in "\n\t" else repr(char)[1:-1] for char in text)


def configure(level: str, form: str) -> None:
    """One chain for our logs and for the libraries'."""
    as_json = form == "json" or (form == "auto" and not sys.stderr.isatty())
    shared: list[Callable[..., Any]] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last: Any = (
        structlog.processors.JSONRenderer()
        if as_json
        else structlog.dev.ConsoleRenderer(
            exception_formatter=structlog.dev.plain_traceback  # rich's shows local variables: secrets among them
        )
    )
    structlog.configure(
        processors=[*shared, structlog.processors.format_exc_info, _redact_event, last]
        if as_json
        else [*shared, _redact_event, last],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            _redact_event,
            last,
        ],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    # At DEBUG these print request bodies with user data and passwords (tried); they stay above it whatever is asked.
    for name in ("keystoneauth", "openstack", "urllib3", "kubernetes", "asyncio", "kopf.objects"):
        logging.getLogger(name).setLevel(logging.WARNING)


def logger(**bound: Any) -> Any:
    """A logger with these keys bound."""
    return structlog.get_logger(**bound)
