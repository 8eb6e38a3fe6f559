"""SQL is away: who is signed in goes on reading, also through a reload of the node; signing in says what is wrong."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest
import redis as redis_client

from tests.conftest import MakeAccount
from tests.faults.world import INBOX, Person, World, eventually, letter, said

pytestmark = pytest.mark.servers


def age_sessions(world: World) -> None:
    """The accounts in the sessions are old enough to be looked up anew."""
    with redis_client.Redis.from_url(world.site.redis.url) as client:
        for key in client.keys("s:*"):
            client.set(key, json.dumps({**json.loads(client.get(key)), "checked": 0}), keepttl=True)


def test_without_sql_people_read_and_file_and_nobody_is_told_of_a_wrong_password(
    world: World, alice: Person, make_account: MakeAccount
):
    newcomer = world.person(make_account(0))
    file = Path(str(world.site.engine.url.database))
    assert world.node.process
    old = world.workers()
    world.site.engine.dispose()
    file.rename(aside := file.with_suffix(".aside"))
    file.mkdir()  # "unable to open database file"
    try:
        os.kill(world.node.process.pid, signal.SIGHUP)  # connections that are open would go on with the moved file
        eventually(lambda: world.workers() and not set(old) & set(world.workers()), seconds=60)
        eventually(lambda: world.stranger().get("/healthz").status == 200, seconds=60)
        age_sessions(world)
        paths = alice.paths()
        assert len(paths) == 5
        assert alice.visitor.get(paths[0]).status == 200
        assert alice.visitor.get(f"{paths[0]}/eml").status == 200
        assert alice.act("trash", paths[0]).status == 303
        alice.mail.append(letter("News"))
        assert "News" in alice.list().text
        assert alice.visitor.get("/changes").status in (200, 204)

        answer = newcomer.sign_in()
        assert answer.status == 503 and int(answer.headers["Retry-After"]) > 0
        assert said(answer).startswith("Not available for the moment. We could not look up your account.")
        assert newcomer.address in answer.text and newcomer.mail.password not in answer.text
        assert newcomer.visitor.get(INBOX).status == 303
        assert not world.node.ready()
        assert alice.visitor.post("/logout", {"csrf_token": alice.visitor.token(INBOX)}).status == 303
        assert alice.list().status == 303
    finally:
        file.rmdir()
        aside.rename(file)
    assert eventually(lambda: newcomer.sign_in().status == 303) < 5
