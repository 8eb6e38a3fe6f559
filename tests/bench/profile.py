"""Where the time of one warm page goes: the application in this process, beside a real keeper, under cProfile."""

from __future__ import annotations

import cProfile
import os
import pstats
import re
import time
from collections import defaultdict
from pathlib import Path

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
        client = application.test_client(use_cookies=False)
        headers = {"Cookie": person.cookie, "Sec-Fetch-Site": "same-origin", "Host": f"127.0.0.1:{node.port}",
                   "Accept-Encoding": "gzip"}  # fmt: skip

        def ask(number: int) -> None:
            answer = client.get(asked[number % len(asked)], headers=headers)
            if answer.status_code != 200:
                raise ValueError(f"{answer.status} {answer.text[:500]}")

        for number in range(2 * len(asked)):
            ask(number)
        start = time.perf_counter()
        for number in range(REPEAT):
            ask(number)
        plain = (time.perf_counter() - start) * 1000 / REPEAT
        profiler = cProfile.Profile()
        profiler.enable()
        for number in range(REPEAT):
            ask(number)
        profiler.disable()
    _print(pstats.Stats(profiler), page, plain)


def _print(stats: pstats.Stats, page: str, plain: float) -> None:
    rooms: dict[str, float] = defaultdict(float)
    lines = []
    for (file, line, name), (_, calls, own, whole, _) in stats.stats.items():  # type: ignore[attr-defined]
        rooms[_room(file, name)] += own
        lines.append((own, whole, calls, f"{_short(file)}:{line} {name}"))
    total = sum(rooms.values())
    print(f"{page}: {plain:.2f} ms a page; under the profiler {total * 1000 / REPEAT:.2f} ms, of which by room:")
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
