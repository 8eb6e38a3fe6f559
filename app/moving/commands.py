"""The command line's `moving`: brings in what people kept in the webmail that they had before."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Protocol

import click
from sqlalchemy import Engine
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from app.directory.account import Account
from app.directory.engine import open_engine
from app.directory.errors import DirectoryError
from app.directory.resolve import Directory
from app.moving import roundcube, squirrelmail
from app.moving.kept import Kept
from app.moving.take import Taken, is_own, moved, owner, take
from app.profile.errors import ProfileError

NAMED = 20  # logins of nobody that are told


class Former(Protocol):
    """A webmail that people had before."""

    def people(self) -> Iterator[Kept]: ...


def moving_commands(open_database: Callable[[], Engine], open_directory: Callable[[], Directory]) -> click.Group:
    """The group `moving`. Both functions open what limits no statement's time."""

    @click.group("moving", help="Bring in what people kept in a former webmail.")
    def group() -> None:
        pass

    def shared(command: Any) -> Any:
        command = click.option("--domain", help="Of logins without one.")(command)
        command = click.option("--only", multiple=True, help="This login alone; several times for several.")(command)
        command = click.option("--again", is_flag=True, help="Also who was done before: adds what came since.")(command)
        return click.option("--dry-run", is_flag=True, help="Only tell whose things would be taken.")(command)

    def run(former: Former, domain: str | None, only: tuple[str, ...], again: bool, dry_run: bool) -> None:
        try:
            _run(former, open_database(), open_directory(), domain, set(only), again, dry_run)
        except (DirectoryError, ProfileError) as error:
            raise click.ClickException(f"{error}; what was done is kept, and a second run goes on") from None

    @group.command("roundcube", help="From Roundcube's database: identities, contacts, groups, responses, folders.")
    @click.argument("url")
    @click.option("--prefix", default="", help="Its db_prefix.")
    @shared
    def from_roundcube(url: str, prefix: str, **wanted: Any) -> None:
        run(_opened(lambda: roundcube.Roundcube(_engine(url), prefix)), **wanted)

    @group.command("squirrelmail", help="From SquirrelMail's data FOLDER, or the URL of its database.")
    @click.argument("source")
    @shared
    def from_squirrelmail(source: str, **wanted: Any) -> None:
        if "://" in source:
            run(_opened(lambda: squirrelmail.Sql(_engine(source))), **wanted)
        else:
            run(_opened(lambda: squirrelmail.Files(Path(source))), **wanted)

    return group


@dataclass
class _Done:
    """What came of it. `aside`: logins that are no names of their accounts, which wait until those were looked for."""

    taken: list[Taken] = field(default_factory=list)
    before: int = 0
    nobody: list[str] = field(default_factory=list)
    full: list[str] = field(default_factory=list)
    odd: list[str] = field(default_factory=list)
    aside: set[str] = field(default_factory=set)
    accounts: set[str] = field(default_factory=set)


def _run(
    former: Former, engine: Engine, directory: Directory, domain: str | None, only: set[str], again: bool, dry_run: bool
) -> None:
    done = _Done()

    def takes(kept: Kept, account: Account) -> None:
        if (account.id in done.accounts or moved(engine, account)) and not again:
            done.before += 1
            return
        try:
            taken = Taken() if dry_run else take(engine, account, kept)
        except ValueError:  # what is odd of one person keeps nobody else waiting
            done.odd.append(kept.login)
            return
        done.accounts.add(account.id)
        done.taken.append(taken)
        done.full += [account.address] if taken.full else []

    for kept in former.people():
        if not only or kept.login in only:
            account = owner(directory, kept, domain=domain)
            if account is None:
                done.nobody.append(kept.login)
            elif is_own(account, kept):
                takes(kept, account)
            else:
                done.aside.add(kept.login)
    for kept in former.people() if done.aside else ():
        if kept.login in done.aside and (account := owner(directory, kept, domain=domain)) is not None:
            takes(kept, account)
    _tell(done, dry_run)


def _tell(done: _Done, dry_run: bool) -> None:
    counts = {
        each.name: sum(getattr(one, each.name) for one in done.taken) for each in fields(Taken) if each.name != "full"
    }
    click.echo(f"accounts: {len(done.taken)}, done before: {done.before}, of nobody here: {len(done.nobody)}")
    if dry_run:
        click.echo("dry run: nothing was taken")
    else:
        click.echo("new: " + ", ".join(f"{name} {count}" for name, count in counts.items()))
    told = (("of nobody here", done.nobody), ("no room for all of", done.full), ("not understood", done.odd))
    for what, names in told:
        for name in names[:NAMED]:
            click.echo(f"{what}: {name!r}", err=True)
        if len(names) > NAMED:
            click.echo(f"{what}: {len(names) - NAMED} more", err=True)


def _engine(url: str) -> Engine:
    try:
        make_url(url)
        return open_engine(url, timeout=None)
    except (ArgumentError, ImportError, ValueError):
        raise click.BadParameter("a URL such as mariadb+pymysql://user:password@host/roundcube") from None


def _opened(work: Callable[[], Former]) -> Former:
    try:
        return work()
    except (KeyError, FileNotFoundError, DirectoryError) as error:
        raise click.ClickException(str(error.args[0]) if error.args else str(error)) from None
