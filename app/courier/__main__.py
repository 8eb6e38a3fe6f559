"""`python -m app.courier` sends the mails of the outbox until SIGTERM. A node starts it beside its keeper.

Without SQL, or without the outbox's table, it waits and looks again: what is sent meanwhile is sent in requests.
"""

from __future__ import annotations

import argparse
import gc
import logging
import os
import secrets
import signal
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from app.keeper.process import end_with_parent, hide_memory
from config.default import Settings, load
from config.setting import SettingError

if TYPE_CHECKING:
    from app.courier.claim import Courier
    from app.courier.wake import Ear

LOOK_SECONDS = 10.0  # without a word from Redis and without a mail that is due sooner
AWAY_SECONDS = 5.0  # until SQL is asked again
FORGET_SECONDS = 3600.0
PLACES_SECONDS = 0.05  # mails are due and all places are taken, or a claim has just ended
KEEP_DAYS = 14  # an ended mail stays in the list that its owner sees

log = logging.getLogger("postern.courier")


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit status, never 3 or 4 (gunicorn before 27 ends the node on those)."""
    parser = argparse.ArgumentParser(prog="python -m app.courier", description=__doc__)
    parser.add_argument("--parent", type=int, help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    try:
        settings = load()
    except SettingError as error:
        print(error, file=sys.stderr)
        return 2
    hide_memory()
    if chosen.parent is not None:
        end_with_parent(chosen.parent)
    from app.keeper.log import log_as_json

    log_as_json(log, settings.log_level)
    run(settings)
    return 0


def run(settings: Settings, *, seconds: float | None = None, pauses: Sequence[float] | None = None) -> None:
    """A courier's whole life. `seconds`: the length of its claims; `pauses` before further tries; None: as usual."""
    from app.courier import waiting
    from app.courier.claim import CLAIM_SECONDS, PAUSES
    from app.courier.wake import Ear
    from app.store.connect import connect

    seconds = seconds or CLAIM_SECONDS
    courier = open_courier(settings, seconds, pauses or PAUSES)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: courier.ending.set())
    gc.collect()
    gc.freeze()
    log.info("courier started")
    waiting.begin(connect(settings.redis_url), settings, courier.ending)
    with Ear(settings.redis_url) as ear:
        _loop(courier, ear, seconds)
    courier.end()


def _loop(courier: Courier, ear: Ear, seconds: float) -> None:
    """Looks at SQL when Redis wakes, when a mail is due, and every ten seconds."""
    look = renewed = forgotten = 0.0
    while not courier.ending.is_set():
        now = time.monotonic()
        if now >= look:
            look = now + _look(courier)
        if now - renewed > seconds / 3:
            renewed = now
            courier.renew()
        if now - forgotten > FORGET_SECONDS:
            forgotten = now
            courier.forget(days=KEEP_DAYS)
        if ear.wait(min(1.0, max(0.01, look - time.monotonic()))):
            look = 0.0


def _look(courier: Courier) -> float:
    """Takes what is due; returns the seconds until the next look."""
    from app.outbox.errors import OutboxAway

    try:
        courier.once()
        seconds = courier.until_next()
    except OutboxAway as error:
        if not courier.away:
            log.warning("the outbox is away: mails wait, new ones are sent in requests", extra={"detail": str(error)})
        courier.away = True
        return AWAY_SECONDS
    if courier.away:
        log.info("the outbox is back")
    courier.away = False
    return max(PLACES_SECONDS, min(LOOK_SECONDS, seconds))


def open_courier(settings: Settings, seconds: float, pauses: Sequence[float]) -> Courier:
    """A courier with its clients; nothing is connected yet."""
    from app.courier.accounts import Accounts, Keys
    from app.courier.claim import Courier
    from app.directory.engine import open_engine
    from app.directory.open import open_directory
    from app.keeper.lease import Borrower
    from app.store.connect import connect
    from app.store.seal import Keyring

    ca_file = str(settings.ca_file) if settings.ca_file else None
    borrower = Borrower(
        str(settings.keeper_socket), settings.secret_key, settings.limits, settings.deadlines, ca_file=ca_file
    )
    outbox = Keyring(settings.outbox_keys) if settings.outbox_keys else None
    keys = Keys(Keyring(settings.secret_keys), outbox, settings.master)
    accounts = Accounts(open_directory(settings), connect(settings.redis_url), keys, borrower)
    owner = f"{settings.node}:{os.getpid()}:{secrets.token_hex(4)}"[-120:]
    return Courier(open_engine(settings.database_url), accounts, owner, seconds=seconds, pauses=pauses)


if __name__ == "__main__":
    sys.exit(main())
