"""Runs a courier with claims of another length, which tries again at once: `python -m tests.courier.run 1.5`."""

from __future__ import annotations

import sys

from app.courier.__main__ import log, run
from app.keeper.log import log_as_json
from config.default import load

if __name__ == "__main__":
    log_as_json(log, "debug")
    run(load(), seconds=float(sys.argv[1]), pauses=(0.1,))
