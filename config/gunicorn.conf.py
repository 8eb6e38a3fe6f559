"""gunicorn's settings of a node, and the hooks that start, replace and end its keeper.

    gunicorn -c config/gunicorn.conf.py wsgi:app

A reload (HUP) executes this file anew: what must outlive it lives in app/keeper/supervisor.py.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import logging
import os
import shutil
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from app.keeper import supervisor  # noqa: E402
from config import figures  # noqa: E402
from config.default import load  # noqa: E402
from config.setting import SettingError  # noqa: E402

try:
    settings = load()
except SettingError as error:
    sys.exit(str(error))  # one line, not a trace

bind = settings.bind
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None
workers = settings.web_concurrency
worker_class = "config.worker.Worker"  # gthread, with an end to slow clients
threads = settings.threads  # sign-ins and slow uploads each take at most a quarter of them
chdir = str(ROOT)

# 32 threads in arenas of their own (glibc's mallopt) keep 10 MB more than they use; with one interpreter lock two are
# as fast. Set before the fork, which hands it on. Other C libraries know no arenas.
M_ARENA_MAX = -8
with suppress(AttributeError, OSError):
    ctypes.CDLL(None).mallopt(M_ARENA_MAX, 2)

# Where the workers add up their figures for /metrics; named before prometheus_client is imported. A reload keeps it, a
# master that another one started (USR2) makes its own, and a folder that the operator names stays theirs.
FIGURES = "PROMETHEUS_MULTIPROC_DIR"
own_figures = f"{figures.PREFIX}{os.getpid()}-"
named = Path(os.environ.get(FIGURES, f"{figures.PREFIX}none")).name
if named.startswith(figures.PREFIX) and not named.startswith(own_figures):
    os.environ[FIGURES] = tempfile.mkdtemp(prefix=own_figures, dir=worker_tmp_dir)

preload_app = False  # Redis, SQL and control sockets are opened after the fork
control_socket_disable = True  # two nodes of one user would share its path; read-only images have no place for it
timeout = 60  # seconds without a sign of life until a worker is killed
graceful_timeout = 30
keepalive = 75  # a balancer keeps connections longer than gunicorn's 2 s
backlog = 1024
max_requests = 20_000  # a worker that leaks is replaced before it hurts
max_requests_jitter = 2_000
limit_request_line = 4094
limit_request_fields = 64
forwarded_allow_ips = ""  # X-Forwarded-*: believed from POSTERN_PROXIES only, in app/web
logger_class = "config.refusal.Lines"
accesslog = None  # the application writes its own, without query strings
proc_name = "postern"


# What workers share, as it is here before they are forked: libraries only, for a reload (HUP) has to bring our own new
# code. None of them opens anything or starts a thread when it is loaded.
LIBRARIES = (
    "argon2",
    "bleach",
    "cryptography.hazmat.primitives.ciphers.aead",
    "flask_login",
    "flask_wtf",
    "imapclient",
    "nh3",
    "redis",
    "sievelib.managesieve",
    "sqlalchemy",
    "sqlalchemy.dialects.mysql",
    "sqlalchemy.dialects.postgresql",
    "sqlalchemy.dialects.sqlite",
    "tinycss2",
)


def on_starting(server: Any) -> None:
    """Before the first worker: the keeper, and what all workers share. Not run again at a reload."""
    figures.remove_left(Path(os.environ[FIGURES]).parent)
    supervisor.start()
    for name in LIBRARIES:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()  # a collection in a worker would else write to every page of it


def on_reload(server: Any) -> None:
    """HUP: a keeper with the new code and settings; also where the old supervisor had died."""
    supervisor.replace()


def on_exit(server: Any) -> None:
    """TERM, INT, QUIT. After `kill -9` of the master the lifeline does it."""
    supervisor.stop()
    if Path(os.environ[FIGURES]).name.startswith(own_figures):
        shutil.rmtree(os.environ[FIGURES], ignore_errors=True)


logging.getLogger("imapclient").setLevel(logging.WARNING)  # it writes whole IMAP lines at DEBUG
