"""The command line of the block log, for a scheduler or an operator."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import click
from sqlalchemy import Engine

from app.blocklog.errors import LogError
from app.blocklog.export import exported
from app.blocklog.retain import retain

_T = TypeVar("_T")


def blocklog_commands(
    open_log: Callable[[], Engine],
    days: int,
    sites: Callable[[], Mapping[str, int]],
    forget: Callable[[datetime], int],
) -> click.Group:
    """The group `blocklog`. `open_log` returns an engine that limits no statement's time; the log is kept for `days`,
    or for as many as `sites` says of a site. `forget` removes actions that were done before a time."""

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
        click.echo(f"actions deleted: {forget(datetime.now(UTC) - timedelta(days=days))}")

    @group.command("export", help="All rows, or those from a time on, as JSON lines; codes by name, times in UTC.")
    @click.option("--json", "_json", is_flag=True, help="As JSON lines, the only form there is.")
    @click.option("--since", type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ"]), help="UTC.")
    def export(_json: bool, since: datetime | None) -> None:
        def told() -> None:
            for line in exported(open_log(), since=since.replace(tzinfo=UTC) if since else None):
                click.echo(line)

        _plainly(told)

    return group


def _plainly(work: Callable[[], _T]) -> _T:
    try:
        return work()
    except LogError as error:
        raise click.ClickException(str(error)) from None
