"""The keeper's state as a table for a person at a terminal.
"""

from __future__ import annotations

from typing import Any

STATES = ("idle", "parking", "parked", "waking", "lent")


def table(found: dict[str, Any]) -> str:
    """What `python -m app.keeper --status` prints, from the keeper's own `status`."""
    head = (
        f"node {found['node']}, process {found['pid']}, up {_duration(found['seconds'])}: "
        f"{found['accounts']} accounts, {found['watchers']} watched, {found['waiting']} waiting"
    )
    rows: list[tuple[str, ...]] = [("mail server", "breaker", *STATES)]
    for name, place in sorted(found["servers"].items()):
        rows.append((name, str(place["breaker"]), *(str(place.get(state, 0)) for state in STATES)))
    tally = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in found["tally"].items())
    return "\n".join([head, "", *_aligned(rows), "", f"since the start: {tally}"])


def _aligned(rows: list[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [_line(row, widths) for row in rows]


def _line(row: tuple[str, ...], widths: list[int]) -> str:
    texts = [cell.ljust(width) for cell, width in zip(row[:2], widths, strict=False)]
    numbers = [cell.rjust(width) for cell, width in zip(row[2:], widths[2:], strict=True)]
    return "  ".join(texts + numbers).rstrip()


def _duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"
