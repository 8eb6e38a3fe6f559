"""The log of keeper, courier and gunicorn: one JSON object a line on stderr, as all of the node's logs."""

from __future__ import annotations

import json
import logging
import time
from pathlib import Path
from typing import Any

EXTRA = ("request_id", "status", "error", "network")


class JsonLines(logging.Formatter):
    """One JSON line per record, as all of the node's logs."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line.update({name: record.__dict__[name] for name in EXTRA if name in record.__dict__})
        if "detail" in record.__dict__:
            line["detail"] = str(record.__dict__["detail"])
        if record.exc_info and record.exc_info[1] is not None:  # the kind and the place, never values
            line["error"] = type(record.exc_info[1]).__name__
            line["trace"] = _places(record.exc_info[1])
        return json.dumps(line)


def _places(error: BaseException) -> str:
    trace, places = error.__traceback__, []
    while trace is not None:
        places.append(f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}")
        trace = trace.tb_next
    return " > ".join(places)


def log_as_json(log: logging.Logger, level: str) -> None:
    """Lets a logger write so to stderr."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    log.addHandler(handler)
    log.setLevel(level.upper())
    log.propagate = False
