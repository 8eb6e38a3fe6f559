"""Runs a keeper with settings out of their bounds: `python -m tests.keeper.run '{"relogin_after": 1}'`.

`queue_seconds` is no setting: how long a borrower waits for a place, where that is not what a test is about.
"""

from __future__ import annotations

import asyncio
import dataclasses
import faulthandler
import json
import signal
import sys

from app.keeper import pool
from app.keeper.__main__ import keep, log
from app.keeper.log import log_as_json
from app.keeper.process import hide_memory, raise_descriptors
from config.default import load

if __name__ == "__main__":
    faulthandler.register(signal.SIGUSR1, all_threads=True)
    hide_memory()
    raise_descriptors()
    log_as_json(log, "debug")
    options = json.loads(sys.argv[1])
    pool.QUEUE_SECONDS = options.pop("queue_seconds", pool.QUEUE_SECONDS)
    asyncio.run(keep(dataclasses.replace(load(), **options)))
