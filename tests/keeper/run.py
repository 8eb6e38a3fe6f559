"""Runs a keeper with settings out of their bounds: `python -m tests.keeper.run '{"relogin_after": 1}'`."""

from __future__ import annotations

import asyncio
import dataclasses
import faulthandler
import json
import signal
import sys

from app.keeper.__main__ import keep, log
from app.keeper.log import log_as_json
from app.keeper.process import hide_memory, raise_descriptors
from config.default import load

if __name__ == "__main__":
    faulthandler.register(signal.SIGUSR1, all_threads=True)
    hide_memory()
    raise_descriptors()
    log_as_json(log, "debug")
    asyncio.run(keep(dataclasses.replace(load(), **json.loads(sys.argv[1]))))
