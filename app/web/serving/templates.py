"""Jinja as Flask sets it up, but for what each import of macros costs."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

from flask.templating import Environment as FlaskEnvironment


class Environment(FlaskEnvironment):
    """Templates share the environment's names, as none here has names of its own.

    Jinja makes a ChainMap of both for each template and subtracts its keys at each import of macros, one by one in
    Python: six imports were a twentieth of a list.
    """

    def make_globals(self, d: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:
        """As jinja2.Environment.make_globals."""
        return super().make_globals(d) if d else self.globals
