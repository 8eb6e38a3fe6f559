"""`flask --app wsgi doctor` on real parts, and with each of them away or wrong."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from redis import Redis
from sqlalchemy import delete, update

from app.demo import directory
from app.demo import node as nodes
from app.demo.certificate import Authority, Certificate
from app.demo.dovecot import Dovecot
from app.demo.process import free_port
from app.demo.redis import RedisServer
from app.directory.tables import ServerRow
from app.web.operating.diagnosis import Finding, line, run
from app.web.operating.doctor import _clocks
from app.web.operating.doctor_password import passwords
from config.default import load
from tests.conftest import Site
from tests.profile.slapd import BASE, Slapd
from tests.scripted import Peer, Scripted

ROOT = Path(__file__).parents[3]
FLASK = str(Path(sys.executable).with_name("flask"))
servers = pytest.mark.servers


@dataclass(frozen=True)
class Told:
    """What the command printed, by part; its status and its seconds."""

    lines: dict[str, str]
    text: str
    status: int
    seconds: float


def doctor(site: Site, **settings: str) -> Told:
    environment = nodes.environment({**site.settings, "POSTERN_KEEPER_SOCKET": "/nonexistent/socket", **settings})
    began = time.monotonic()
    command = [FLASK, "--app", "wsgi", "doctor"]
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)
    lines = {}
    for each in ended.stdout.splitlines():
        state, (name, _, text) = each[:8].strip(), each[9:].partition(": ")
        lines[name] = f"{state}: {text}"
    return Told(lines, ended.stdout + ended.stderr, ended.returncode, time.monotonic() - began)


@pytest.fixture(scope="module")
def a_site(servers_folder: Path, two_dovecots: tuple[Dovecot, Dovecot]) -> Iterator[Site]:
    """Take `own_site`."""
    folder = servers_folder / "doctor"
    folder.mkdir()
    site = Site(folder, two_dovecots)
    yield site
    site.close()


@pytest.fixture
def own_site(a_site: Site) -> Site:
    """A migrated directory without mail servers, and a Redis."""
    with a_site.engine.begin() as connection:
        connection.execute(delete(ServerRow))
    return a_site


def add_server(site: Site, name: str, port: int, **values: object) -> None:
    """One more mail server of the directory, plain where `values` say nothing else."""
    with site.engine.begin() as connection:
        row = directory.put_server(connection, name, {"imap": port})
        if values:
            connection.execute(update(ServerRow).where(ServerRow.server_id == row).values(**values))


@pytest.fixture
def silent() -> Iterator[int]:
    """A port that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@servers
def test_a_node_in_good_health_has_a_line_for_each_part_and_status_0(
    own_site: Site, server_folder: Path, dovecot: Dovecot, certificate: Certificate
):
    tls = {"imap_host": "localhost", "imap_security": "tls", "tls_ca": certificate.ca}
    add_server(own_site, "mx1", dovecot.imaps_port, **tls)
    cache = RedisServer(server_folder / "cache").start()
    node = own_site.node(server_folder / "node").start()
    try:
        Redis.from_url(cache.url).config_set("maxmemory-policy", "allkeys-lru")
        keeper = node.environ["POSTERN_KEEPER_SOCKET"]
        told = doctor(own_site, POSTERN_CACHE_URL=cache.url, POSTERN_KEEPER_SOCKET=keeper)
    finally:
        node.stop()
        cache.stop()
    inotify = told.lines.pop("inotify")
    assert {name: text for name, text in told.lines.items() if not text.startswith("ok")} == {}, told.text
    assert "noeviction" in told.lines["redis"] and "allkeys-lru" in told.lines["cache"]
    assert "mail servers: 1" in told.lines["sql"] and "process" in told.lines["keeper"]
    assert "certificate valid for 29 days" in told.lines["mail server mx1"]
    assert "before a login it names" in told.lines["mail server mx1"]
    assert "instances" in inotify
    assert told.status == 0 and told.seconds < 25
    assert own_site.settings["POSTERN_SECRET_KEY"] not in told.text


@servers
def test_a_directory_without_mail_servers_is_told_how_to_get_one(own_site: Site):
    told = doctor(own_site)
    assert told.lines["sql"].startswith("warning: no mail server is up") and "directory add server" in told.lines["sql"]


@servers
def test_parts_that_are_away_are_faults_named_within_seconds(own_site: Site, silent: int):
    """One silent, one refused: each costs its own five seconds at most, and all are looked at side by side."""
    add_server(own_site, "gone", free_port())
    add_server(own_site, "mute", silent)
    told = doctor(own_site, POSTERN_REDIS_URL=f"redis://:secret-of-redis@127.0.0.1:{free_port()}/0")
    assert told.status == 1
    for name in ("redis", "mail server gone", "mail server mute"):
        assert told.lines[name].startswith("fault"), told.text
        assert "To do: " in told.lines[name]
    assert told.lines["keeper"].startswith("warning"), "pages log in by themselves"
    assert told.lines["sql"].startswith("ok")
    assert "secret-of-redis" not in told.text
    assert told.seconds < 25


@servers
def test_a_silent_database_is_a_fault_and_its_password_stays_unsaid(own_site: Site, silent: int):
    url = f"postgresql://postern:secret-of-sql@127.0.0.1:{silent}/postern"
    told = doctor(own_site, POSTERN_DATABASE_URL=url)
    assert (told.status, told.lines["sql"].startswith("fault")) == (1, True)
    assert "secret-of-sql" not in told.text
    assert told.seconds < 30


@servers
def test_a_database_without_tables_is_told_the_command(own_site: Site, tmp_path: Path):
    told = doctor(own_site, POSTERN_DATABASE_URL=f"sqlite:///{tmp_path}/new.sqlite")
    assert told.status == 1 and "flask --app wsgi database upgrade" in told.lines["sql"]


@servers
def test_certificates_that_prove_nothing_are_faults_and_those_that_end_soon_warnings(
    own_site: Site, server_folder: Path, authority: Authority, dovecot: Dovecot
):
    soon = authority.issue("localhost", days=3)
    server = Dovecot(server_folder / "soon", tls=soon).start()
    try:
        tls = {"imap_host": "localhost", "imap_security": "tls"}
        add_server(own_site, "soon", server.imaps_port, **tls, tls_ca=soon.ca)
        add_server(own_site, "stranger", dovecot.imaps_port, **tls)
        add_server(own_site, "other-name", dovecot.imaps_port, **tls, tls_ca=soon.ca, tls_name="imap.example.net")
        add_server(own_site, "starttls", dovecot.imap_port, **{**tls, "imap_security": "starttls"}, tls_ca=soon.ca)
        told = doctor(own_site)
    finally:
        server.stop()
    assert told.lines["mail server soon"].startswith("warning: certificate valid for 2 days"), told.text
    for name in ("stranger", "other-name"):
        assert "fault: its certificate does not prove who it is" in told.lines[f"mail server {name}"], told.text
    assert told.lines["mail server starttls"].startswith("ok") and "valid for" in told.lines["mail server starttls"]
    assert told.status == 1


@servers
def test_the_words_of_a_hostile_mail_server_move_no_cursor(own_site: Site):
    def rude(peer: Peer) -> None:
        peer.line()

    with Scripted(greeting=b"* BYE \x1b[2J\x1b]0;owned\x07\r\n", conversation=rude) as server:
        add_server(own_site, "rude", server.port)
        told = doctor(own_site)
    assert told.lines["mail server rude"].startswith("fault") and "owned" in told.text
    assert "\x1b" not in told.text and "\x07" not in told.text


@servers
def test_capabilities_named_before_a_login_are_shown(own_site: Site):
    with Scripted(greeting=b"* OK [CAPABILITY IMAP4rev1 LOGINDISABLED MOVE UIDPLUS] hello\r\n") as server:
        add_server(own_site, "closed", server.port)
        told = doctor(own_site)
    assert told.lines["mail server closed"].startswith("fault: it offers no way to sign in with a password")
    assert "MOVE, UIDPLUS" in told.lines["mail server closed"]


@servers
def test_the_wrong_eviction_policy_and_a_user_who_may_not_ask_are_told(own_site: Site, server_folder: Path):
    evicting = RedisServer(server_folder / "evicting").start()
    try:
        client = Redis.from_url(evicting.url)
        client.config_set("maxmemory-policy", "volatile-ttl")
        told = doctor(own_site, POSTERN_REDIS_URL=evicting.url)
        assert told.lines["redis"].startswith("warning: its eviction policy is volatile-ttl"), told.text
        assert told.lines["cache"].startswith("warning: the same server as the sessions")
        client.acl_setuser("postern", enabled=True, passwords=["+word"], keys=["*"], commands=["+@all", "-info"])
        told = doctor(own_site, POSTERN_REDIS_URL=evicting.url.replace("//", "//postern:word@"))
        assert told.lines["redis"].startswith("warning") and "info" in told.lines["redis"], told.text
        told = doctor(own_site, POSTERN_REDIS_URL=evicting.url.replace("//", "//postern:wrong@"))
        assert "see the user and the password" in told.lines["redis"] and "wrong@" not in told.text
    finally:
        evicting.stop()


@servers
def test_settings_that_open_doors_are_told(own_site: Site, tmp_path: Path):
    brand = tmp_path / "campus"
    brand.mkdir()
    (tmp_path / "postern").symlink_to(ROOT / "config" / "brands" / "postern")
    (brand / "brand.toml").write_text('name = "Campus"\nhosts = ["mail.campus.test"]\n')
    told = doctor(
        own_site,
        POSTERN_PROXIES="0.0.0.0/0",
        POSTERN_TRUSTED_HOSTS="webmail.example.net",
        POSTERN_SECRETKEY="misspelt",
        POSTERN_BRANDS=str(tmp_path),
        POSTERN_ALLOW_PLAINTEXT="1",
    )
    assert told.lines["addresses"].startswith("fault: believes X-Forwarded-For of all of 0.0.0.0/0"), told.text
    assert "POSTERN_SECRETKEY is no setting" in told.lines["settings"]
    assert "POSTERN_ALLOW_PLAINTEXT" in told.lines["settings"]
    assert "mail.campus.test" in told.lines["brands"] and told.lines["brands"].startswith("warning")
    assert told.status == 1


@servers
def test_where_one_mail_server_serves_everybody_no_table_is_missed(own_site: Site, dovecot: Dovecot, tmp_path: Path):
    told = doctor(
        own_site,
        POSTERN_IMAP_URL=f"imap+plain://127.0.0.1:{dovecot.imap_port}",
        POSTERN_DATABASE_URL=f"sqlite:///{tmp_path}/none.sqlite",
    )
    assert told.lines["mail server POSTERN_IMAP_URL"].startswith("ok"), told.text
    assert told.lines["sql"].startswith("ok") and told.status == 0


def test_a_part_says_the_worst_first_and_a_broken_check_is_a_finding():
    def broken() -> Iterator[Finding]:
        yield Finding("ok", "one")
        yield Finding("fault", "two", "this")
        raise ZeroDivisionError

    ((name, findings),) = run([("part", broken)])
    assert line(name, findings) == "fault    part: two; cannot be looked at: ZeroDivisionError; one. To do: this"


@pytest.mark.parametrize(("apart", "said"), [(90.2, "90 s ahead of"), (-3600, "3600 s behind"), (1.5, ""), (-0.1, "")])
def test_a_clock_that_differs_from_that_of_redis_is_told(apart: float, said: str):
    told = [each.text for each in _clocks(apart)]
    assert told == ([f"this node's clock is {said} its own"] if said else [])


@servers
def test_mails_that_wait_too_long_and_a_missing_table_are_told(own_site: Site, tmp_path: Path) -> None:
    told = doctor(own_site, POSTERN_OUTBOX_KEY="")
    assert told.lines["outbox"] == "ok: empty; mail cannot be sent later (POSTERN_OUTBOX_KEY)"
    columns = "outbox_id, account_id, state, due, until, message_id, size, sha256, letter, account, created, changed"
    with own_site.engine.begin() as connection:
        connection.exec_driver_sql(
            f"INSERT INTO outbox ({columns}) VALUES ('m', '7', 'queued', 1, 1, 'i', 1, 's', '{{}}', '{{}}', 1, 1)"
        )
    told = doctor(own_site, POSTERN_OUTBOX_KEY="0123456789abcdef0123456789abcdef")
    with own_site.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM outbox")
    assert told.lines["outbox"].startswith("warning: mails that should have been looked at five minutes ago: 1")
    assert "1 queued; mail can be sent later" in told.text
    told = doctor(own_site, POSTERN_DATABASE_URL=f"sqlite:///{tmp_path}/none.db", POSTERN_IMAP_URL="imaps://x.example")
    assert told.lines["outbox"].startswith("warning: no table")


@servers
def test_a_directory_of_people_is_asked_as_workers_ask_it(own_site: Site, tmp_path: Path) -> None:
    slapd = Slapd(tmp_path / "slapd", {"Ann": "ann@one.example"}).start()
    where = {"POSTERN_LDAP_URL": f"ldap+plain://127.0.0.1:{slapd.port}", "POSTERN_LDAP_BASE": BASE}
    assert doctor(own_site, **where).lines["ldap"].startswith(f"ok: 127.0.0.1 port {slapd.port}, plain, answers in ")
    slapd.remove()
    told = doctor(own_site, **where)
    assert told.lines["ldap"].startswith("warning: 127.0.0.1") and told.status == 0
    assert "ldap" not in doctor(own_site).lines


@servers
def test_the_way_to_change_passwords_is_looked_at_where_there_is_one(own_site: Site, tmp_path: Path) -> None:
    told = doctor(own_site, POSTERN_PASSWORD_URL="sql:")
    assert told.lines["passwords"].startswith("ok: ") and "administrators can set one anew" in told.text
    environment = nodes.environment({**own_site.settings, "POSTERN_PASSWORD_URL": f"command:{tmp_path}/none {{login}}"})
    (found,) = passwords(load(environment))
    assert found.state == "warning" and found.text.startswith("there is no program ")
