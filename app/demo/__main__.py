"""`make run`: a node with everything around it, on this machine, without any preparation.

With settings of one's own (POSTERN_IMAP_URL or --imap, POSTERN_DATABASE_URL) no demo accounts are made; Redis and the
secret are still provided where they are not set.
"""

from __future__ import annotations

import argparse
import ctypes
import fcntl
import os
import secrets
import signal
import sys
import time
from collections.abc import Callable, Mapping
from types import FrameType

from app.demo.follower import MailLog
from app.demo.incoming import RULES
from app.demo.mail import RESIDENTS, MailServers
from app.demo.node import ROOT, Node, bring_up_to_date
from app.demo.process import StartError, answers
from app.demo.redis import RedisServer
from app.demo.words import AUTHSERV_ID

FOLDER = ROOT / "var" / "demo"
_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG, prctl(2)


class Run:
    """What was started, to be stopped in reverse order."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = dict(environ)
        self.stops: list[Callable[[], None]] = []
        self.mail: MailServers | None = None

    def has(self, setting: str) -> bool:
        """Tell whether a setting is given, by value or by file."""
        return bool(self.environ.get(setting) or self.environ.get(f"{setting}_FILE"))

    def start(self, *, imap: str | None, smtp: str | None, port: int) -> Node:
        """Start the parts that the settings do not name, then the node."""
        if imap:
            self.environ["POSTERN_IMAP_URL"] = imap
        if smtp:
            self.environ["POSTERN_SUBMISSION_URL"] = smtp
        if answers(port):
            raise StartError(f"Something listens on port {port} already; `make run PORT=…` takes another one.")
        demo = not (self.has("POSTERN_IMAP_URL") or self.has("POSTERN_DATABASE_URL"))
        self._only_one()
        for name in ("node", "redis"):  # not for other users of this machine: real accounts may sign in
            (FOLDER / name).mkdir(mode=0o700, exist_ok=True)
        for setting in ("POSTERN_SECRET_KEY", "POSTERN_OUTBOX_KEY"):
            self._secret(setting)
        self._redis()
        if not self.has("POSTERN_DATABASE_URL"):
            name = "postern.sqlite" if demo else "real.sqlite"
            self.environ["POSTERN_DATABASE_URL"] = f"sqlite:///{FOLDER / name}"
            (FOLDER / name).touch(mode=0o600)  # SQLite's other files take its mode
            bring_up_to_date(self.environ["POSTERN_DATABASE_URL"])
        if demo:
            self._accounts()
        node = Node(FOLDER / "node", self.environ, port=port)
        node.log_file.unlink(missing_ok=True)
        self.stops.append(node.stop)
        return node.start(seconds=60)

    def stop(self) -> None:
        """Stop everything, the node first."""
        for stop in reversed(self.stops):
            stop()

    def _only_one(self) -> None:
        """Refuse a second run on the same files; the lock goes with the process."""
        FOLDER.mkdir(parents=True, exist_ok=True)
        self.lock = (FOLDER / "lock").open("w")
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StartError("`make run` is running already in this folder; stop it first.") from None

    def _secret(self, setting: str) -> None:
        """A random one, made once, where the setting names none."""
        if self.has(setting):
            return
        path = FOLDER / setting.removeprefix("POSTERN_").lower().replace("_", "-")
        if not path.exists():
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(secrets.token_urlsafe(48))
        self.environ[f"{setting}_FILE"] = str(path)

    def _redis(self) -> None:
        if self.has("POSTERN_REDIS_URL"):
            return
        server = RedisServer(FOLDER / "redis", persist=True)
        self.stops.append(server.stop)
        self.environ["POSTERN_REDIS_URL"] = server.start().url

    def _accounts(self) -> None:
        from app.demo.directory import write_directory
        from app.demo.rules import Rules

        log = MailLog(FOLDER / "log")
        log.begin([each.person.address for each in RESIDENTS])
        self.mail = MailServers(FOLDER / "mail")
        self.mail.log = log
        self.stops.append(self.mail.stop)
        self.mail.start()
        write_directory(self.environ["POSTERN_DATABASE_URL"], self.mail)
        if self.mail.border:
            self.mail.border.decide = rules = Rules(self.environ["POSTERN_DATABASE_URL"])
            self.mail.border.wishes = rules.wishes
            self.environ.setdefault("POSTERN_RULES_ASKED", "1")
            self.environ.setdefault("POSTERN_SPAM_ASKED", "rbl greylist")
        self.stops.append(log.stop)
        log.follow(self.environ)
        self.environ.setdefault("POSTERN_AUTHSERV_IDS", AUTHSERV_ID)
        notice = lacking_notice(self.mail.lacking)
        if self.mail.fill(notice):
            print("Wrote the demo's messages.", flush=True)
        if notice:
            print(f"\n{notice}", flush=True)


def lacking_notice(packages: list[str]) -> str | None:
    """Return what to tell where pymap serves in Dovecot's place, or None."""
    if not packages:
        return None
    return (
        f"Dovecot could not be installed, so a small mail server in Python holds the demo's mail. Slower, and without\n"
        f"special folders, sorting and filters. To have all of it: apt install {' '.join(packages)}, then make run."
    )


def announce(run: Run, node: Node, seconds: float) -> None:
    """Print where it is and who can sign in."""
    print(f"\nPostern runs at {node.url} (started in {seconds:.1f} s; log: {node.log_file})")
    if run.mail:
        print("\n  address              password")
        for resident in RESIDENTS:
            administers = "  administers all sites, at /admin" if resident.role == "isp_admin" else ""
            print(f"  {resident.person.address:<20} {resident.password}{administers}")
        if run.mail.border:
            print(f"\n  Mail from outside comes in at 127.0.0.1:{run.mail.border.port}. Try what is refused:\n{RULES}")
    else:
        print(f"\n  Sign in with an address of {run.environ.get('POSTERN_IMAP_URL', 'your directory')}.")
    print("\nCtrl-C stops everything.", flush=True)


def parse(arguments: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m app.demo", description="Start Postern with all it needs.")
    parser.add_argument("--imap", help="mail server of real accounts, such as imaps://imap.example.net")
    parser.add_argument("--smtp", help="where they send, such as smtps://smtp.example.net; without it nothing is sent")
    parser.add_argument("--port", type=int, default=8000, help="where to listen on 127.0.0.1 (default: 8000)")
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> int:
    """Run until a signal comes or the node ends; return the exit code."""
    options = parse(arguments)
    if "MAKELEVEL" in os.environ:  # `kill -9` of make ends us too
        ctypes.CDLL(None).prctl(_DEATH_SIGNAL, signal.SIGTERM)
    run = Run(os.environ)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    began = time.monotonic()
    try:
        node = run.start(imap=options.imap, smtp=options.smtp, port=options.port)
        announce(run, node, time.monotonic() - began)
        while node.process and node.process.poll() is None:
            time.sleep(0.3)
        print(f"The node ended by itself. Its log ends:\n{node.log()[-2000:]}", file=sys.stderr)
        return 1
    except (StartError, FileNotFoundError) as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopping …", flush=True)
        return 0
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        run.stop()


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
