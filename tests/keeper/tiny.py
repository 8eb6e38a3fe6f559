"""The smallest application there is, for tests of gunicorn's hooks."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any


def app(_environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
    """Answer with the worker's process id."""
    start("200 OK", [("Content-Type", "text/plain")])
    return [str(os.getpid()).encode()]
