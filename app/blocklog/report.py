"""The log of follower and policy service: one JSON object a line on stderr, as all of the node's logs."""

import json
import logging
import time

log = logging.getLogger("postern.blocklog")


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if "detail" in record.__dict__:
            line["detail"] = str(record.__dict__["detail"])
        return json.dumps(line)


def log_as_json(level: str, log: logging.Logger = log) -> None:
    """Lets a logger write so: the follower's, where none is named."""
    output = logging.StreamHandler()
    output.setFormatter(_Json())
    log.addHandler(output)
    log.setLevel(level.upper())
    log.propagate = False
