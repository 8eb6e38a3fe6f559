"""`python -m app.keeper` runs a keeper until SIGTERM; `python -m app.keeper --status` shows the running one's state.

A node of gunicorn starts it through the supervisor; a unit or container of its own may run it just so.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

from redis.asyncio import Redis
from redis.exceptions import RedisError

from app.keeper.counts import Counts, node_name
from app.keeper.epochs import Epochs
from app.keeper.lend import Lender
from app.keeper.log import log_as_json
from app.keeper.pool import Pool
from app.keeper.process import cancel, end_with_parent, hide_memory, raise_descriptors
from app.keeper.protocol import status
from app.keeper.table import table
from app.keeper.watch import Watchers
from config.default import Settings, load
from config.setting import SettingError

DRAIN_SECONDS = 30.0  # gunicorn's graceful_timeout: at a reload workers of before go on so long, with leases of before
REDIS_SECONDS = 1.0

log = logging.getLogger("postern.keeper")


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit status, never 3 or 4 (gunicorn before 27 ends the node on those)."""
    parser = argparse.ArgumentParser(prog="python -m app.keeper", description=__doc__)
    parser.add_argument("--status", action="store_true", help="show the running keeper's state and end")
    parser.add_argument("--parent", type=int, help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    try:
        settings = load(sealing=False)  # it makes no digest and opens no session
    except SettingError as error:
        print(error, file=sys.stderr)
        return 2
    if chosen.status:
        return _show(settings)
    return _run(settings, chosen.parent)


def _show(settings: Settings) -> int:
    found = status(str(settings.keeper_socket))
    if found is None:
        print(f"no keeper answers at {settings.keeper_socket}{_why(settings.keeper_socket)}", file=sys.stderr)
        return 1
    print(table(found))
    return 0


def _why(path: Path) -> str:
    """What a person can do about a socket that does not even open."""
    try:
        path.lstat()
    except PermissionError:
        return ": ask as the node's own user, or as root"
    except OSError as error:
        return f" ({error.strerror}): POSTERN_KEEPER_SOCKET has to be the node's own"
    return "" if os.access(path, os.W_OK) else ": ask as the node's own user, or as root"


def _run(settings: Settings, parent: int | None) -> int:
    hide_memory()
    raise_descriptors()
    if parent is not None:
        end_with_parent(parent)
    log_as_json(log, settings.log_level)
    try:
        asyncio.run(keep(settings))
    except OSError as error:
        print(f"POSTERN_KEEPER_SOCKET: {error}", file=sys.stderr)
        return 1
    return 0


async def keep(settings: Settings) -> None:
    """A keeper's whole life, until SIGTERM or SIGINT."""
    client = Redis.from_url(settings.redis_url, socket_timeout=REDIS_SECONDS, socket_connect_timeout=REDIS_SECONDS)
    counts = Counts(client, node=node_name(settings.node), total=settings.limits.account_total)
    ca_file = str(settings.ca_file) if settings.ca_file else None
    pool = Pool(settings.limits, settings.deadlines, counts, ca_file=ca_file)
    watchers = Watchers(pool, client, member=counts.member)
    lender = Lender(pool, watchers, path=Path(settings.keeper_socket))
    epochs = Epochs(pool, client)
    lender.start()
    tasks = [asyncio.create_task(each) for each in (epochs.run(), epochs.beat(), _sweep(pool, lender))]
    gc.freeze()
    log.info("keeper started")
    try:
        await _asked_to_end()
    finally:
        await _end(lender, watchers, tasks)
        pool.close()
        with suppress(RedisError, OSError, TimeoutError):
            await counts.end()
        await client.aclose()


async def _end(lender: Lender, watchers: Watchers, tasks: list[asyncio.Task[None]]) -> None:
    lender.stop()
    lender.pool.retire()
    await watchers.close()
    await lender.drain(DRAIN_SECONDS)
    await cancel(tasks)


async def _sweep(pool: Pool, lender: Lender) -> None:
    pause = min(1.0, pool.limits.park_after / 2)
    while True:
        await asyncio.sleep(pause)
        try:
            pool.sweep()
            lender.look_after()
        except Exception:  # the next round may do better; without this task nothing would be parked any more
            log.exception("sweeping failed")


async def _asked_to_end() -> None:
    end = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, end.set)
    await end.wait()


if __name__ == "__main__":
    sys.exit(main())
