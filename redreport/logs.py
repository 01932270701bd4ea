"""Logs: one JSON object a line on stdout, from every process, and nothing in it that belongs to a person."""

import re
from collections.abc import MutableMapping
from typing import Any

import structlog

EventDict = MutableMapping[str, Any]

# It is looked for at the beginning of each word alone: else a word of a megabyte would be read anew from each of its letters.
EMAIL_ADDRESS = re.compile(r"(?<![^\s\"'<>()=:,;])[^\s\"'<>()=:,;]+@[^\s\"'<>()=:,;]+")
# Where an address goes on with a secret of its reader.
BEFORE_SECRETS = ("/door/", "/host/", "/calendar/", "/seats/cant-come/", "/seats/out/", "/mail/unsubscribe/")
# Tokens of personal links, session keys, Stripe's secrets: anything long and random that opens something.
TOKEN = re.compile(rf"\b(?:sk|rk|whsec)_[A-Za-z0-9_]{{8,}}\b|(?:{'|'.join(f'(?<={path})' for path in BEFORE_SECRETS)})[^/\s\"']+")
# PostgreSQL quotes the row it refused.
REFUSED_ROW = re.compile(r"(?m)^(DETAIL|CONTEXT):.*$")


def without_personal_data(logger: object, method: str, event: EventDict) -> EventDict:
    """Blank what looks like an address, a token or a quoted row in every text of a line, tracebacks included."""
    for key, value in event.items():
        if isinstance(value, str):
            event[key] = scrub(value)
    return event


def scrub(text: str) -> str:
    return EMAIL_ADDRESS.sub("[e-mail]", TOKEN.sub("[token]", REFUSED_ROW.sub(r"\1: [row]", text)))


def route_for_path(logger: object, method: str, event: EventDict) -> EventDict:
    """Django's own lines name the raw path, which may hold a token: say the route instead."""
    record = event.get("_record")
    request = getattr(record, "request", None)
    if request is not None and record is not None and record.name.startswith("django."):
        event["event"] = f"{record.name.removeprefix('django.')} {getattr(record, 'status_code', '')}".strip()
        event["route"] = route_of(request)
    return event


def route_of(request: Any) -> str:
    """'door/<str:token>/': the pattern that matched, never what stood in its place."""
    match = getattr(request, "resolver_match", None)
    return match.route if match else "(none)"


SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


def logging_settings(level: str) -> dict[str, Any]:
    """For Django's LOGGING; makes structlog write through the same handler."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *SHARED,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "json": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": SHARED,
                "processors": [
                    route_for_path,
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    structlog.processors.format_exc_info,
                    without_personal_data,
                    structlog.processors.JSONRenderer(default=str),
                ],
            }
        },
        "handlers": {
            "stdout": {"class": "logging.StreamHandler", "stream": "ext://sys.stdout", "formatter": "json"},
            "nowhere": {"class": "logging.NullHandler"},
        },
        "root": {"handlers": ["stdout"], "level": level},
        "loggers": {
            # RequestLogMiddleware has one line for each request; Django's would add the raw path. Faults (500) come through.
            "django": {"handlers": [], "level": level, "propagate": True},
            "django.request": {"handlers": [], "level": "ERROR", "propagate": True},
            "django.server": {"handlers": ["nowhere"], "propagate": False},
            # Its lines at INFO name every call and every task's result.
            "stripe": {"level": "WARNING"},
            "kombu": {"level": "WARNING"},
            "amqp": {"level": "WARNING"},
        },
    }
