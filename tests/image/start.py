"""Start a built image's files the way an engine would with --read-only, and look at it from outside and inside.

`python -m tests.image.start ROOTFS IMAGE.json` (root): a mount namespace of its own with the root file system read-only
and tmpfs where the Dockerfile says that something is written; the user, environment and command of the image's own
configuration; a Redis and, where it is installed, a Dovecot beside it on loopback. Exit code 0: all of it holds.
"""

from __future__ import annotations

import http.cookiejar
import json
import os
import re
import secrets
import shlex
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path

from app.demo.dovecot import Dovecot, missing
from app.demo.process import free_port
from app.demo.redis import RedisServer

# What an engine mounts, and nothing more: the three folders that the Dockerfile names, devices, processes.
_NAMESPACE = """
set -e
mount --bind "$TREE" "$TREE"
mount -t tmpfs -o mode=1777 tmpfs "$TREE/tmp"
for folder in run/postern var/spool/postern; do
  mount -t tmpfs -o "mode=0700,uid=$USER_ID,gid=$USER_ID" tmpfs "$TREE/$folder"
done
mount -t tmpfs -o mode=0755 tmpfs "$TREE/dev"
mkdir -m 1777 "$TREE/dev/shm"
for device in null zero full random urandom; do
  touch "$TREE/dev/$device"
  mount --bind "/dev/$device" "$TREE/dev/$device"
done
mount -t proc proc "$TREE/proc"
mount -o remount,bind,ro "$TREE"
exec setpriv --no-new-privs chroot --userspec="$USER_ID:$USER_ID" "$TREE" /bin/sh -c "cd \\"$FOLDER\\" && $COMMAND"
"""

_BINARIES = ("usr/local/bin", "usr/bin", "opt/postern/bin")


class Failed(Exception):
    """The image does not do what it must; the text says what."""


class Container:
    """One start of the image's files: `command` (its own by default) with `settings` beside its own environment."""

    def __init__(self, tree: Path, image: Mapping[str, object], settings: Mapping[str, str], command: str = "") -> None:
        config = image["Docker"]["config"]  # type: ignore[index]
        user = str(config.get("User", "")).split(":")[0]
        if not user.isdigit() or user == "0":
            raise Failed(f"the image runs as {user or 'root'}: a number that is not 0 is wanted")
        own = dict(one.split("=", 1) for one in config["Env"])
        environ = {
            **own,
            **settings,
            "TREE": str(tree),
            "USER_ID": user,
            "FOLDER": config["WorkingDir"],
            "COMMAND": command or "exec " + shlex.join(config["Cmd"]),
        }
        environ["PATH"] += ":/usr/sbin:/sbin"
        self.output = tempfile.TemporaryFile()  # noqa: SIM115  closed with the object
        self.process = subprocess.Popen(
            ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", _NAMESPACE],
            env=environ, stdin=subprocess.DEVNULL, stdout=self.output, stderr=subprocess.STDOUT, start_new_session=True,
        )

    def printed(self) -> str:
        """All that it wrote so far."""
        self.output.seek(0)
        return self.output.read().decode(errors="replace")

    def first(self) -> int:
        """The process id, outside, of the image's first process."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return int(children[0])

    def wait(self, seconds: float) -> str:
        """Wait until it ends by itself with 0; returns what it printed."""
        code = self.process.wait(seconds)
        if code:
            raise Failed(f"exit code {code}: {self.printed()[-2000:]}")
        return self.printed()

    def terminate(self, seconds: float) -> float:
        """TERM to the first process, as `docker stop` does; returns the seconds until all of it was gone."""
        start = time.monotonic()
        os.kill(self.first(), signal.SIGTERM)
        self.process.wait(seconds)
        return time.monotonic() - start

    def kill(self) -> None:
        """End whatever is left."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def status(url: str, opener: urllib.request.OpenerDirector | None = None, data: bytes | None = None) -> tuple[int, str]:
    """Return an answer's status and text; 0 where nothing answers."""
    try:
        with (opener or urllib.request.build_opener()).open(url, data, timeout=20) as answer:
            return answer.status, answer.read().decode(errors="replace")
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(errors="replace")
    except OSError as error:
        return 0, str(error)


def wait_ready(container: Container, url: str, seconds: float = 60) -> float:
    """Wait for /readyz; returns the seconds it took."""
    start = time.monotonic()
    while (answer := status(f"{url}/readyz"))[0] != 200:
        if container.process.poll() is not None or time.monotonic() - start > seconds:
            raise Failed(f"not ready after {seconds} s ({answer}): {container.printed()[-3000:]}")
        time.sleep(0.1)
    return time.monotonic() - start


def look_inside(container: Container, tree: Path) -> None:
    """The running processes have neither root nor capabilities, and the root file system cannot be written."""
    facts = Path(f"/proc/{container.first()}/status").read_text()
    for name, wanted in (("Uid", r"(?!0\b)\d+"), ("CapEff", "0+"), ("NoNewPrivs", "1")):
        if not re.search(rf"^{name}:\s+{wanted}\s", facts, re.M):
            raise Failed(f"/proc/…/status: {name} is not {wanted}: {facts}")
    mounts = Path(f"/proc/{container.first()}/mounts").read_text()
    if not re.search(r"^\S+ / \S+ ro[, ]", mounts, re.M):
        raise Failed(f"the root file system is not read-only: {mounts}")
    tools = [f"{folder}/{tool}" for folder in _BINARIES for tool in ("gcc", "cc", "make")]
    for name in ("opt/postern/bin/pip", *tools):
        if (tree / name).exists():
            raise Failed(f"/{name} is in the image")


def sign_in(url: str, address: str, password: str) -> str:
    """Sign in with a form as a browser does; returns the message list's HTML."""
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))
    opener.addheaders = [("Sec-Fetch-Site", "same-origin"), ("Origin", url), ("Referer", f"{url}/login")]
    page = status(f"{url}/login", opener)[1]
    token = re.search(r'name="?csrf_token"?[^>]*value="?([^">]+)', page)
    form = {"address": address, "password": password, "csrf_token": token[1] if token else ""}
    code, text = status(f"{url}/login", opener, urllib.parse.urlencode(form).encode())
    if code != 200 or 'data-testid="message-list"' not in text and 'data-testid="empty-list"' not in text:
        raise Failed(f"signing in gave {code}: {text[:1500]}")
    return text


def main(arguments: Sequence[str]) -> None:
    """Start, look, sign in, stop."""
    tree, image = Path(arguments[0]), json.loads(Path(arguments[1]).read_text())
    with tempfile.TemporaryDirectory(prefix="postern-image-") as folder:
        Path(folder).chmod(0o755)
        redis = RedisServer(Path(folder, "redis")).start()
        mail = None if missing() else Dovecot(Path(folder, "mail"), {"alice@example.net": "image-password"}).start()
        try:
            _run(tree, image, redis, mail)
        finally:
            redis.stop()
            if mail:
                mail.stop()


def _run(tree: Path, image: Mapping[str, object], redis: RedisServer, mail: Dovecot | None) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    settings = {
        "POSTERN_SECRET_KEY": secrets.token_hex(32),
        "POSTERN_REDIS_URL": redis.url,
        "POSTERN_DATABASE_URL": "sqlite:////tmp/postern.sqlite",
        "POSTERN_BIND": f"127.0.0.1:{port}",
    }
    if mail:
        settings["POSTERN_IMAP_URL"] = f"imap+plain://127.0.0.1:{mail.imap_port}"
    # SQLite lies in the same tmpfs as the node, so both run in one start here; with a server `migrate` runs beside.
    command = "flask --app wsgi database upgrade && exec " + shlex.join(image["Docker"]["config"]["Cmd"])  # type: ignore[index]
    node = Container(tree, image, settings, command)
    try:
        print(f"      ready after {wait_ready(node, url):.1f} s")
        look_inside(node, tree)
        if status(f"{url}/healthz")[0] != 200 or status(f"{url}/login")[0] != 200:
            raise Failed(f"/healthz or /login do not answer 200: {node.printed()[-2000:]}")
        if mail:
            mail.deliver("alice@example.net", b"From: bob@example.org\r\nSubject: Seen from the image\r\n\r\nText\r\n")
            if "Seen from the image" not in sign_in(url, "alice@example.net", "image-password"):
                raise Failed("the list does not show the mail")
            print("      signed in, the list shows the mail")
        print(f"      stopped {node.terminate(40):.1f} s after TERM")
    finally:
        node.kill()
    if "Traceback" in node.printed():
        raise Failed(node.printed()[-3000:])


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except Failed as failure:
        sys.exit(f"image: {failure}")
