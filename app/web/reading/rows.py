"""Rows of a list as HTML, each remembered by all that it shows: the same rows are asked for again and again.

50 rows are half of what a warm list costs. What is remembered is found by the row's content alone, so that nothing has
to be kept in step, and two people share a row only where it is the same to the letter.
"""

from collections.abc import Callable, Hashable, Iterable
from datetime import UTC, date, datetime
from functools import lru_cache

from markupsafe import Markup

from app.web.format import Zone, in_zone

KEPT = 2048  # rows; about 4 MB a worker


def each(rows: Iterable[Hashable], row: Callable[..., Markup], zone: Zone, *more: Hashable) -> Markup:
    """A Jinja filter: the HTML of all rows, as the macro `row(row, zone, *more)` writes each."""
    today = in_zone(datetime.now(UTC), zone).date()  # dates are written by their distance from today
    return Markup("".join([_written(row, each, today, zone, *more) for each in rows]))


@lru_cache(maxsize=KEPT)
def _written(row: Callable[..., Markup], what: Hashable, _today: date, zone: Zone, *more: Hashable) -> Markup:
    return row(what, zone, *more)
