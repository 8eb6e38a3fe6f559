"""docs/ARCHITECTURE.md names every module, and no other."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_every_module_stands_in_the_architecture_page_once() -> None:
    page = (ROOT / "docs/ARCHITECTURE.md").read_text()
    _, *rooms = re.split(r"^### (app/\w+(?:/\w+)?)/$", page, flags=re.MULTILINE)
    listed = [
        f"{room}/{name}"
        for room, text in zip(rooms[::2], rooms[1::2], strict=True)
        for name in re.findall(r"^\| `(\w+\.py)` \|", text, flags=re.MULTILINE)
    ]
    files = [
        path
        for pattern in ("*/*.py", "web/*/*.py", "blocklog/formats/*.py")
        for path in (ROOT / "app").glob(pattern)
        if path.name != "__init__.py"
    ]
    assert sorted(listed) == sorted(str(path.relative_to(ROOT)) for path in files)
