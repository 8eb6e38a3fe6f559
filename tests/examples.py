"""How many examples a property-based test takes, as a multiple of the profile's (tests/conftest.py)."""

from __future__ import annotations

from typing import Any

from hypothesis import settings


def examples(multiple: float, **others: Any) -> settings:
    """Settings with so many times the profile's examples: 100, or 5 in `make unit`."""
    return settings(max_examples=max(1, round(multiple * settings.default.max_examples)), **others)  # type: ignore[union-attr]
