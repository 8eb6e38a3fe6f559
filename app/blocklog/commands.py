"""The command line of the block log, for a scheduler or an operator."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TypeVar

import click
from sqlalchemy import Engine

from app.blocklog.errors import LogError
from app.blocklog.retain import retain

_T = TypeVar("_T")


def blocklog_commands(open_log: Callable[[], Engine], days: int, sites: Callable[[], Mapping[str, int]]) -> click.Group:
    """The group `blocklog`. `open_log` returns an engine that limits no statement's time; the log is kept for `days`,
    or for as many as `sites` says of a site."""

    @click.group("blocklog", help="The log of refused and accepted mail.")
    def group() -> None:
        pass

    @group.command("retain", help="Make room for the coming weeks and remove what is too old; once a day is enough.")
    def keep() -> None:
        done = _plainly(lambda: retain(open_log(), datetime.now(UTC), days, sites()))
        for what, names in (("made", done.made), ("dropped", done.dropped)):
            for name in names:
                click.echo(f"{what}: {name}")
        click.echo(f"rows deleted: {done.deleted}")

    return group


def _plainly(work: Callable[[], _T]) -> _T:
    try:
        return work()
    except LogError as error:
        raise click.ClickException(str(error)) from None
