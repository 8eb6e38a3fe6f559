"""Sends the site's own letters that wait in Redis, beside the courier's other work, in a thread of its own.

A submission server that is away is asked again after a minute, then ever more seldom, for a day.
"""

from __future__ import annotations

import logging
import threading
from datetime import UTC, datetime

from redis import Redis, RedisError

from app.courier.letter import Letter, NotSent, Settings, open_post, set_up
from app.store import letters
from app.store.clock import present
from app.store.letters import Waiting

LOOK_SECONDS = 2.0
PAUSES = (60, 3600)  # seconds until a letter is tried again: at first, at most

log = logging.getLogger("postern.courier")


def begin(redis: Redis, settings: Settings, ending: threading.Event) -> threading.Thread | None:
    """The thread, which ends with the courier; none where the site sends no letters of its own."""
    if not set_up(settings):
        return None
    thread = threading.Thread(target=_loop, args=(redis, settings, ending), name="letters", daemon=True)
    thread.start()
    return thread


def _loop(redis: Redis, settings: Settings, ending: threading.Event) -> None:
    while not ending.wait(LOOK_SECONDS):
        try:
            send_waiting(redis, settings, ending)
        except (RedisError, ValueError) as error:  # without Redis nothing waits that could be asked for
            log.debug("letters cannot be asked for", extra={"error": type(error).__name__})


def send_waiting(redis: Redis, settings: Settings, ending: threading.Event) -> int:
    """Sends what may be sent now, over one connection; how many. Raises RedisError, and ValueError where the submission
    server's address is none."""
    sent = 0
    letter = letters.take(redis, int(present(redis)))
    if letter is None:
        return 0
    with open_post(settings) as post:
        while letter is not None and not ending.is_set():
            try:
                post.send(Letter(letter.address, letter.subject, letter.text), letter.name, datetime.now(UTC))
                letters.done(redis, letter)
                sent += 1
            except NotSent as error:
                _put_off(redis, letter, error)
            letter = letters.take(redis, int(present(redis)))
    return sent


def _put_off(redis: Redis, letter: Waiting, error: NotSent) -> None:
    now = int(present(redis))
    pause = min(PAUSES[1], max(PAUSES[0], now - letter.since))
    if not letters.later(redis, letter, now, pause):
        log.warning("a letter was given up", extra={"detail": str(error)[:200]})
