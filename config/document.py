"""Writes docs/settings.md from config/default.py: python -m config.document > docs/settings.md"""

import dataclasses
from typing import Any

from config.default import Settings, variable
from config.filters import FilterSettings
from config.password import PasswordSettings
from config.setting import REQUIRED

HEAD = """# Settings

All by environment. Each may instead come from a file that `NAME_FILE` names, such as
`POSTERN_SECRET_KEY_FILE=/run/secrets/key`; the file's last line break is dropped. A wrong value stops the start with
one line that names the setting, what it got and what it wants; a `POSTERN_` name that is none of
these is named in the log.

This page is made from config/default.py (`python -m config.document`); a test checks that it is current.

| setting | default | why |
|---|---|---|
"""


def page() -> str:
    """The whole page, as Markdown; what a node needs first stands first, those of filters and of passwords last."""
    last = [{item.name for item in dataclasses.fields(part)} for part in (FilterSettings, PasswordSettings)]
    rows = sorted(dataclasses.fields(Settings), key=lambda item: [item.name in names for names in reversed(last)])
    return HEAD + "".join(map(_row, rows))


def _row(item: "dataclasses.Field[Any]") -> str:
    return f"| `{variable(item)}` | {_default(item.metadata['default'])} | {_cell(item.metadata['why'])} |\n"


def _default(value: Any) -> str:
    if value is REQUIRED:
        return "none: must be set"
    if value in (None, "", ()):
        return "unset"
    if isinstance(value, bool):
        return "`1`" if value else "`0`"
    shown = ",".join(str(each) for each in value) if isinstance(value, tuple) else f"{value}"
    return f"`{shown}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    print(page(), end="")
