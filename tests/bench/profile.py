"""Where the time of one warm page goes: the application in this process, beside a real keeper, under cProfile."""

from __future__ import annotations

import cProfile
import io
import os
import pstats
import re
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from tests.bench.pages import paths
from tests.bench.world import World

REPEAT = 300


def run(world: World, size: int, page: str) -> None:
    """Print milliseconds a page by room and library, then the functions that cost most."""
    with world.node("profiled") as node:
        person = world.signed_in(node, size, 1)[0]
        asked = paths(page, person, size)
        os.environ.clear()
        os.environ.update(node.environ)
        from app.web import create_app

        application = create_app()
        environs = [_environ(path, node.port, person.cookie) for path in asked]

        def ask(number: int) -> None:
            statuses: list[str] = []
            answer = application(environs[number % len(asked)].copy(), lambda status, *_: statuses.append(status))
            body = b"".join(answer)
            answer.close()  # type: ignore[attr-defined]  # PEP 3333: the server does, and the account's place is free
            if statuses[0][:3] not in ("200", "204"):
                raise ValueError(f"{statuses} {body[:500]!r}")

        for number in range(2 * len(asked)):
            ask(number)
        wall, cpu = time.perf_counter(), time.process_time()
        for number in range(REPEAT):
            ask(number)
        plain = [(time.perf_counter() - wall) * 1000 / REPEAT, (time.process_time() - cpu) * 1000 / REPEAT]
        # Processor time: what other programs on the machine do does not count.
        profiler = cProfile.Profile(time.process_time)
        profiler.enable()
        for number in range(REPEAT):
            ask(number)
        profiler.disable()
    _print(pstats.Stats(profiler), page, plain)


def _environ(path: str, port: int, cookie: str) -> dict[str, Any]:
    """What gunicorn would pass on: Flask's test client costs half a millisecond of its own."""
    name, _, query = path.partition("?")
    headers = {"HTTP_COOKIE": cookie, "HTTP_SEC_FETCH_SITE": "same-origin", "HTTP_ACCEPT_ENCODING": "gzip"}
    base = {"REQUEST_METHOD": "GET", "PATH_INFO": unquote(name), "QUERY_STRING": query, "REMOTE_ADDR": "127.0.0.1"}
    server = {"SERVER_NAME": "127.0.0.1", "SERVER_PORT": str(port), "SERVER_PROTOCOL": "HTTP/1.1", "SCRIPT_NAME": ""}
    wsgi = {"wsgi.url_scheme": "http", "wsgi.input": io.BytesIO(), "wsgi.errors": sys.stderr, "wsgi.version": (1, 0)}
    return {**base, **server, **headers, **wsgi, "HTTP_HOST": f"127.0.0.1:{port}"}


def _print(stats: pstats.Stats, page: str, plain: Sequence[float]) -> None:
    rooms: dict[str, float] = defaultdict(float)
    lines = []
    for (file, line, name), (_, calls, own, whole, _) in stats.stats.items():  # type: ignore[attr-defined]
        rooms[_room(file, name)] += own
        lines.append((own, whole, calls, f"{_short(file)}:{line} {name}"))
    total = sum(rooms.values())
    print(f"{page}: {plain[0]:.2f} ms a page, {plain[1]:.2f} ms of processor in the application")
    print(f"under the profiler {total * 1000 / REPEAT:.2f} ms of processor, by room:")
    for room, spent in sorted(rooms.items(), key=lambda item: -item[1])[:24]:
        print(f"  {spent * 1000 / REPEAT:6.3f} ms {spent / total:4.0%}  {room}")
    for title, key in (("own time", 0), ("with what they call", 1)):
        print(f"\nfunctions by {title}: own ms, whole ms, calls a page")
        for own, whole, calls, where in sorted(lines, key=lambda item: -item[key])[:45]:
            print(f"  {own * 1000 / REPEAT:7.3f} {whole * 1000 / REPEAT:7.3f} {calls / REPEAT:7.1f}  {where}")


def _short(file: str) -> str:
    here = str(Path.cwd()) + "/"
    return file.removeprefix(here).split("site-packages/")[-1]


def _room(file: str, name: str) -> str:
    short = _short(file)
    if short.startswith(("app/", "templates/")):
        return "/".join(short.split("/")[:3])
    if file.startswith("<template>") or "templates/" in file:
        return "templates"
    if file == "~":
        return "built in: " + re.sub(r"<built-in method |<method |>|'", "", name)[:40]
    return short.split("/")[0] if "site-packages" in file else "python: " + Path(file).name
