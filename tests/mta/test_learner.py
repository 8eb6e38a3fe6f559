"""The shipped script teaches a real Rspamd and a real SpamAssassin, and the mail log says how each message went."""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.demo.process import free_port
from app.demo.redis import RedisServer
from tests.conftest import make_server_folder
from tests.faults.world import eventually
from tests.mta.learner import Controller, Spamd, Syslog, install, missing, teach

pytestmark = pytest.mark.databases


def words(name: str) -> bytes:
    """Enough of them to be learnt, and other ones for each name."""
    return " ".join(f"{name}{number}" for number in range(60)).encode()


WORDS = words("word")


def mail(name: str, body: bytes = WORDS) -> bytes:
    head = b"From: a@sender.example\r\nSubject: news\r\nMessage-ID: <%s@x.example>\r\n" % name.encode()
    return head + b"\r\n" + body + b"\r\n"


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    if why := missing():
        pytest.skip(why)
    made = make_server_folder()
    yield made
    shutil.rmtree(made)


@pytest.fixture(scope="module")
def controller(folder: Path, redis_server: RedisServer) -> Iterator[Controller]:
    (folder / "rspamd").mkdir()
    with Controller(folder / "rspamd", redis_server.port) as made:
        yield made


@pytest.fixture(scope="module")
def spamd(folder: Path) -> Iterator[Spamd]:
    with Spamd(folder / "spamassassin") as made:
        yield made


@pytest.fixture
def syslog(tmp_path: Path) -> Iterator[Syslog]:
    with Syslog(tmp_path) as made:
        yield made


def taught(script: Path, syslog: Syslog, *lessons: tuple[str, bytes], login: str = "box1") -> list[str]:
    """What the log says of each message, one after the other."""
    for number, (kind, message) in enumerate(lessons, 1):
        assert teach(script, kind, login, message) == 0
        eventually(lambda number=number: len(syslog.said()) >= number)  # type: ignore[misc]
    return [line.removeprefix(f"user=<{login}>, ") for line in syslog.said()]


def test_what_rspamd_answers_is_said(controller: Controller, syslog: Syslog, tmp_path: Path) -> None:
    script = install(tmp_path, syslog.socket, controller=controller.url)
    lessons = [("spam", mail("1")), ("spam", mail("1")), ("ham", mail("1")), ("ham", mail("2", b"Hello")), ("ham", b"")]
    assert taught(script, syslog, *lessons) == [
        "class=spam, outcome=learnt, message-id=<1@x.example>",
        "class=spam, outcome=known, message-id=<1@x.example>",
        "class=ham, outcome=learnt, message-id=<1@x.example>",
        "class=ham, outcome=refused, message-id=<2@x.example>",
        "class=ham, outcome=failed, message-id=<>",
    ]
    (tmp_path / "controller-password").write_text("wrong\n")
    assert taught(script, syslog, *lessons[:1] * 6)[5].startswith("class=spam, outcome=failed")


def test_what_spamassassin_answers_is_said(spamd: Spamd, syslog: Syslog, tmp_path: Path) -> None:
    script = install(tmp_path, syslog.socket, filter="spamassassin")
    script.write_text(script.read_text().replace("spamc -L", f"spamc -p {spamd.port} -L"))
    lessons = [("spam", mail("1")), ("spam", mail("1")), ("ham", mail("1")), ("spam", b"")]
    assert [line.partition(", message-id")[0] for line in taught(script, syslog, *lessons)] == [
        "class=spam, outcome=learnt",
        "class=spam, outcome=known",
        "class=ham, outcome=learnt",
        "class=spam, outcome=refused",
    ]


def test_what_sa_learn_answers_is_said(spamd: Spamd, syslog: Syslog, tmp_path: Path) -> None:
    script = install(tmp_path, syslog.socket, filter="sa_learn")
    script.write_text(script.read_text().replace("sa-learn ", f"sa-learn -L {' '.join(spamd.rules)} "))
    lessons = [("spam", mail("3")), ("spam", mail("3"))]
    assert [line.partition(", message-id")[0] for line in taught(script, syslog, *lessons)] == [
        "class=spam, outcome=learnt",
        "class=spam, outcome=known",
    ]


def test_nobody_waits_for_a_filter_that_is_silent_and_it_is_said_to_have_failed(syslog: Syslog, tmp_path: Path) -> None:
    script = install(tmp_path, syslog.socket, controller=f"http://127.0.0.1:{free_port()}")
    began = time.monotonic()
    assert teach(script, "spam", "box1", mail("1")) == 0
    assert time.monotonic() - began < 8
    eventually(syslog.said)
    assert syslog.said() == ["user=<box1>, class=spam, outcome=failed, message-id=<1@x.example>"]
    assert lying(tmp_path) == [], "no mail is left lying about"


@pytest.mark.parametrize(
    ("head", "told"),
    [
        (b"Message-ID:\r\n <a>, class=ham,\r\n\toutcome=learnt@x>\r\n", "a,class=ham,outcome=learnt@x"),
        (b"message-id: \x00\x1b[2J<\xc3\xa4\"'%n$(id)`id`\\n@x>\r\n", "[2J'%n$(id)`id`\\n@x"),
        (b"X-Message-ID: <no@x>\r\nMessage-ID: <" + b"a" * 4000 + b"@x>\r\n", "a" * 250),
        (b"Message-ID: <1@x>\r\nMessage-ID: <2@x>\r\n", "1@x"),
        (b"Subject: none\r\n", ""),
    ],
)
def test_a_strangers_message_id_makes_one_field_at_the_end(
    syslog: Syslog, tmp_path: Path, head: bytes, told: str
) -> None:
    script = install(tmp_path, syslog.socket, controller=f"http://127.0.0.1:{free_port()}")
    message = b"From: a@x.example\r\n" + head + b"\r\nMessage-ID: <body@x>\r\n"
    assert taught(script, syslog, ("spam", message)) == [f"class=spam, outcome=failed, message-id=<{told}>"]


def test_a_login_that_could_be_taken_for_another_is_not_written(syslog: Syslog, tmp_path: Path) -> None:
    script = install(tmp_path, syslog.socket, controller=f"http://127.0.0.1:{free_port()}")
    for login in ("box1>, class=spam", "box 1", "box1\n", "<box1"):
        assert teach(script, "spam", login, mail("1")) == 0
    assert taught(script, syslog, ("ham", mail("9"))) == ["class=ham, outcome=failed, message-id=<9@x.example>"]
    assert teach(script, "x; reboot", "box1", mail("1")) == 64


def test_messages_are_learnt_one_after_the_other_in_the_order_in_which_they_came(
    controller: Controller, syslog: Syslog, tmp_path: Path
) -> None:
    script = install(tmp_path, syslog.socket, controller=controller.url)
    for number in range(30):
        assert teach(script, "ham" if number % 2 else "spam", "box1", mail("back", words("forth"))) == 0
    eventually(lambda: len(syslog.said()) == 30)
    told = [tuple(each.split(", ")[1:3]) for each in syslog.said()]
    assert told == [(f"class={'ham' if number % 2 else 'spam'}", "outcome=learnt") for number in range(30)]
    assert lying(tmp_path) == []


def test_behind_a_filter_that_hangs_the_others_fail_at_once_and_nobody_waited(syslog: Syslog, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        where = f"http://127.0.0.1:{silent.getsockname()[1]}"
        script = install(tmp_path, syslog.socket, controller=where, patience="0.3")
        began = time.monotonic()
        for number in range(10):
            assert teach(script, "spam", "box1", mail(str(number))) == 0
        assert time.monotonic() - began < 5
        eventually(lambda: len(syslog.said()) == 10)
    assert {each.split(", ")[2] for each in syslog.said()} == {"outcome=failed"}
    assert sorted(each.split("<")[2] for each in syslog.said()) == [f"{number}@x.example>" for number in range(10)]


def test_what_is_too_much_or_has_no_place_fails_and_says_so_where_it_can(syslog: Syslog, tmp_path: Path) -> None:
    script = install(tmp_path, syslog.socket, most="0")
    assert teach(script, "spam", "box1", mail("1")) == 0
    (tmp_path / "spool").rename(tmp_path / "elsewhere")
    assert teach(script, "ham", "box1", mail("1")) == 0
    eventually(lambda: len(syslog.said()) == 2)
    assert [each.partition(", message")[0] for each in syslog.said()] == [
        "user=<box1>, class=spam, outcome=failed",
        "user=<box1>, class=ham, outcome=failed",
    ]


def test_who_moves_very_much_leaves_room_for_the_others(syslog: Syslog, tmp_path: Path) -> None:
    script = install(tmp_path, syslog.socket, few="2", controller=f"http://127.0.0.1:{free_port()}")
    with (tmp_path / f"spool/.lock.{os.getuid()}").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # nothing is learnt meanwhile
        for number, login in enumerate(["box1"] * 4 + ["xbox1", "box2"]):
            assert teach(script, "spam", login, mail(str(number))) == 0
        assert sorted(each.rpartition(",")[2] for each in lying(tmp_path)) == ["box1", "box1", "box2", "xbox1"]
    assert {each.partition(", message")[0] for each in syslog.said()} == {"user=<box1>, class=spam, outcome=failed"}


def test_a_login_too_long_for_a_file_leaves_none_lying(syslog: Syslog, tmp_path: Path) -> None:
    script = install(tmp_path, syslog.socket)
    assert teach(script, "spam", "x" * 250, mail("1")) == 0
    assert lying(tmp_path) == []


def test_what_lies_there_since_a_crash_is_learnt_with_the_next(
    controller: Controller, syslog: Syslog, tmp_path: Path
) -> None:
    script = install(tmp_path, syslog.socket, controller=controller.url)
    (tmp_path / "spool/17.00.4,ham,box2").write_bytes(mail("crashed", words("crashed")))
    assert teach(script, "spam", "box1", mail("next", words("next"))) == 0
    eventually(lambda: len(syslog.said()) == 2)
    assert "user=<box2>, class=ham, outcome=learnt, message-id=<crashed@x.example>" in syslog.said()


def lying(folder: Path) -> list[str]:
    """What lies in the spool, but the lock."""
    return [each.name for each in (folder / "spool").iterdir() if not each.name.startswith(".lock")]
