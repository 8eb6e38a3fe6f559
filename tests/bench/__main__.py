"""`python -m tests.bench`: measure all and print Markdown. `--quick`: 2,000 messages only, in under two minutes.

`python -m tests.bench blocklog`: only what the block log's pages ask of SQL.
`python -m tests.bench follower`: only how fast logs are read.
`python -m tests.bench policy`: only the policy service, and what its decisions ask of SQL.
`python -m tests.bench profile [list|open|frame|poll]`: where the time of one warm page goes, function by function.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

from tests.bench import (
    bare,
    blocklog,
    counts,
    follower,
    mailboxes,
    memory,
    pages,
    policy,
    profile,
    table,
    world,
    writing,
)
from tests.bench.pages import Row

_BEGAN = time.monotonic()


def say(text: str) -> None:
    """Tell on standard error how far it is."""
    print(f"{time.monotonic() - _BEGAN:5.0f} s  {text}", file=sys.stderr, flush=True)


def main() -> None:
    """Parse the arguments and do it."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    modes = ["all", "profile", "memory", "pages", "writing", "blocklog", "follower", "policy"]
    parser.add_argument("mode", nargs="?", default="all", choices=modes)
    parser.add_argument("page", nargs="?", default="list", choices=["list", "open", "frame", "poll"])
    parser.add_argument("--quick", action="store_true", help="2,000 messages only, one second a measurement")
    parser.add_argument("--seconds", type=float, help="of each measurement (4, with --quick 1)")
    parser.add_argument("--size", type=int, action="append", help="number of messages (2,000 and 100,000)")
    chosen = parser.parse_args()
    os.chdir(Path(__file__).parent.parent.parent)
    sizes = chosen.size or ([2000] if chosen.quick else [2000, 100000])
    seconds = chosen.seconds or (1 if chosen.quick else 4)
    if chosen.mode == "blocklog":
        print(blocklog.table(say, quick=chosen.quick))
        return
    if chosen.mode == "follower":
        print(follower.table(chosen.quick))
        return
    if chosen.mode == "policy":
        print(policy.table(say, quick=chosen.quick))
        return
    say("servers and mailboxes")
    with world.build(sizes) as servers:
        if chosen.mode == "profile":
            profile.run(servers, sizes[0], chosen.page)
            return
        print(f"Measured on {table.machine()}; load average at the start {os.getloadavg()[0]:.1f}.\n")
        if chosen.mode in ("all", "pages"):
            _pages(servers, sizes, seconds, quick=chosen.quick)
        if chosen.mode in ("all", "writing"):
            say("writing")
            print(writing.table(servers), flush=True)
        if chosen.mode in ("all", "memory"):
            say("memory")
            print(memory.table(servers, count=200 if chosen.quick else 1000))
    if chosen.mode == "all" and not chosen.quick:
        print(blocklog.table(say, quick=False))
        print(follower.table(quick=False))
        print(policy.table(say, quick=False))
    say("done")


def _pages(servers: world.World, sizes: list[int], seconds: float, *, quick: bool) -> None:
    """Print each size's table as soon as it is there, then what concerns all of them."""
    floors = {}
    signed: list[list[str]] = []
    for size in sizes:
        say(f"bare IMAP, {size:,} messages")
        newest = list(range(size - 40, size, 2))
        floors[size] = bare.measure(servers.mail.imap_port, mailboxes.login(size), size, newest)
        rows = _with_keeper(servers, size, seconds, signed, quick=quick)
        rows += _after_reading(servers, size)
        say(f"without keeper, {size:,} messages")
        with servers.node("direct", keeper=False) as node:
            rows += pages.warm(servers, node, size, seconds)
            signed.append(_sign_in("no keeper", size, pages.sign_ins(node, size, 5)))
        print(table.pages(rows, floors), flush=True)
    print(table.bare(floors))
    head = ["sign-in", "state", "messages", "form ms", "sign-in ms", "first list ms"]
    print(table.markdown(head, signed), flush=True)
    say("counting commands and bytes")
    print(table.wire(counts.count(servers, sizes, keeper=True) + counts.count(servers, sizes, keeper=False)))


def _with_keeper(servers: world.World, size: int, seconds: float, signed: list[list[str]], *, quick: bool) -> list[Row]:
    say(f"with keeper, {size:,} messages")
    with servers.node("kept") as node:
        rows = pages.cold(servers, node, size, 5 if quick else 15)
        rows += pages.warm(servers, node, size, seconds)
        signed.append(_sign_in("keeper", size, pages.sign_ins(node, size, 5)))
        say("workers " + ", ".join(f"{memory.resident(pid):.0f} MB" for pid in node.workers()))
    return rows


def _after_reading(servers: world.World, size: int) -> list[Row]:
    """Parked after 1 s instead of 60: what the keeper does in two minutes of reading happens in three seconds."""
    say(f"after reading, {size:,} messages")
    with servers.node("parked", POSTERN_PARK_AFTER="1") as node:
        return pages.after_reading(servers, node, size, 3, "2 min read")


def _sign_in(state: str, size: int, times: list[tuple[str, float]]) -> list[str]:
    return ["all of it", state, f"{size:,}", *(f"{spent:.0f}" for _, spent in times)]


if __name__ == "__main__":
    main()
