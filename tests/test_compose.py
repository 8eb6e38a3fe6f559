"""compose.yaml and the configurations it mounts stay valid, each asked of the program that will read it."""

from __future__ import annotations

import imaplib
import json
import os
import re
import secrets
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import redis as redis_client

from app.demo.dovecot import Dovecot
from app.demo.process import answers, end, find_program, free_port, spawn, wait_until
from app.policy import delegation
from app.web import create_app
from config import default

pytestmark = pytest.mark.servers

ROOT = Path(__file__).parent.parent
NEIGHBOURS = ("dovecot", "haproxy", "postfix", "systemd", "compose")


def run(*command: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    name = find_program(str(command[0]))
    assert name, f"{command[0]} is not installed"
    return subprocess.run([name, *map(str, command[1:])], capture_output=True, text=True, cwd=cwd, timeout=60)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what compose reads, made ready by the script that the documentation names."""
    folder = tmp_path_factory.mktemp("compose")
    for name in ("compose.yaml", "Dockerfile"):
        shutil.copy(ROOT / name, folder)
    for name in NEIGHBOURS:
        shutil.copytree(ROOT / "config" / name, folder / "config" / name)
    done = run("bash", "config/compose/prepare.sh", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def composed(project: Path) -> dict[str, Any]:
    """The file as docker-compose understands it. Debian's 1.29 needs no engine for that; it has no JSON, but PyYAML."""
    if not find_program("docker-compose"):
        pytest.skip("docker-compose is not installed (apt install docker-compose)")
    done = run("docker-compose", "config", cwd=project)
    assert done.returncode == 0, done.stderr
    script = "import json, sys, yaml; json.dump(yaml.safe_load(sys.stdin), sys.stdout)"
    read = subprocess.run(["/usr/bin/python3", "-c", script], input=done.stdout, capture_output=True, text=True)
    assert read.returncode == 0, read.stderr
    return dict(json.loads(read.stdout))


def nodes(composed: dict[str, Any]) -> dict[str, Any]:
    return {name: service for name, service in composed["services"].items() if name.startswith("node")}


def test_there_are_two_nodes_and_all_they_need(composed: dict[str, Any]) -> None:
    assert set(nodes(composed)) == {"node1", "node2"}
    assert {"haproxy", "redis", "cache", "postgres", "dovecot", "postfix", "migrate"} <= set(composed["services"])


def test_only_haproxy_is_reachable_from_outside(composed: dict[str, Any]) -> None:
    assert [name for name, service in composed["services"].items() if "ports" in service] == ["haproxy"]


def test_nodes_cannot_write_their_files_and_have_no_rights(composed: dict[str, Any]) -> None:
    for node in nodes(composed).values():
        assert node["read_only"] is True and node["user"] == "10001:10001"
        assert node["cap_drop"] == ["ALL"] and "no-new-privileges:true" in node["security_opt"]
        assert re.search(r"^USER 10001:10001$", (ROOT / "Dockerfile").read_text(), re.M)


def test_every_mounted_file_and_secret_exists(composed: dict[str, Any], project: Path) -> None:
    sources = [secret["file"] for secret in composed["secrets"].values()]
    for service in composed["services"].values():
        sources += [volume.split(":")[0] for volume in service.get("volumes", []) if volume.startswith("/")]
    assert len(sources) > 10
    assert [source for source in sources if not (Path(source).exists() and Path(source).is_relative_to(project))] == []


def test_the_settings_of_a_node_are_settings(composed: dict[str, Any], project: Path) -> None:
    environ = nodes(composed)["node1"]["environment"]
    here = {name: value.replace("/run/secrets/", "") for name, value in environ.items() if value}
    files = {name: composed["secrets"][value]["file"] for name, value in here.items() if value in composed["secrets"]}
    assert default.unknown(here) == ()
    settings = default.load({**here, **files})
    assert settings.cache_url != settings.redis_url and settings.database_url.startswith("postgresql")


def test_the_address_that_the_page_names_shows_the_sign_in(
    composed: dict[str, Any], project: Path, tmp_path: Path
) -> None:
    """A browser on this machine, as HAProxy tells of it: from the gateway of the containers' network."""
    environ = {name: value for name, value in nodes(composed)["node1"]["environment"].items() if "_FILE" not in name}
    own = {"SECRET_KEY": secrets.token_hex(32), "DATABASE_URL": f"sqlite:///{tmp_path}/db", "REDIS_URL": "redis://127.0.0.1:1/0"}
    app = create_app(default.load({**environ, **{f"POSTERN_{name}": value for name, value in own.items()}}))
    browser = {"X-Forwarded-For": "172.31.77.1", "X-Forwarded-Proto": "http", "Host": "127.0.0.1:8080"}
    asked = app.test_client().get("/login", headers=browser, environ_base={"REMOTE_ADDR": "172.31.77.10"})
    assert asked.status_code == 200 and b'name="password"' in asked.data
    assert composed["services"]["haproxy"]["ports"][0].startswith("127.0.0.1:8080:")


def test_haproxy_leads_to_every_node_and_is_believed_by_them(composed: dict[str, Any]) -> None:
    text = (ROOT / "config/haproxy/haproxy.cfg").read_text()
    port = re.findall(r"^EXPOSE (\d+)$", (ROOT / "Dockerfile").read_text(), re.M)[0]
    assert set(re.findall(r"^  server \S+ (\S+)$", text, re.M)) == {f"{name}:{port}" for name in nodes(composed)}
    address = composed["services"]["haproxy"]["networks"]["front"]["ipv4_address"]
    assert all(node["environment"]["POSTERN_PROXIES"] == address for node in nodes(composed).values())


def test_who_is_not_root_in_a_container_reads_what_is_mounted_there_and_nobody_here_does(project: Path) -> None:
    folder = project / "var" / "compose"
    assert folder.stat().st_mode & 0o777 == 0o700
    for name in ("tls", "dovecot", "postfix"):  # HAProxy's user, Dovecot's auth
        assert (folder / name).stat().st_mode & 0o005 == 0o005
    assert (folder / "dovecot" / "users").stat().st_mode & 0o004


def test_a_database_that_is_being_set_up_is_not_ready(composed: dict[str, Any]) -> None:
    """PostgreSQL's image sets it up in a server that listens on its socket alone."""
    assert "-h 127.0.0.1" in " ".join(composed["services"]["postgres"]["healthcheck"]["test"])


def test_a_node_that_is_made_anew_keeps_its_address(composed: dict[str, Any]) -> None:
    addresses = [service["networks"].get("front") for service in composed["services"].values()]
    fixed = [each["ipv4_address"] for each in addresses if each]
    assert len(set(fixed)) == 3, "haproxy and two nodes"


def test_haproxy_starts_though_a_node_is_unknown(project: Path) -> None:
    text = (project / "config/haproxy/haproxy.cfg").read_text()
    for old, new in (
        ("/usr/local/etc/haproxy/tls/", f"{project}/var/compose/tls/"),
        ("/usr/local/etc/haproxy/away.html", f"{project}/config/haproxy/away.html"),
        (" node1:", " node1.invalid:"),
        (" node2:", " 127.0.0.1:"),
    ):
        text = text.replace(old, new)
    (project / "one-unknown.cfg").write_text(text)
    done = run("haproxy", "-c", "-f", project / "one-unknown.cfg")
    assert done.returncode == 0 and "disabling server" in done.stderr, done.stderr


def test_preparing_twice_keeps_the_secrets(project: Path) -> None:
    before = {path: path.read_bytes() for path in (project / "var").rglob("*") if path.is_file()}
    assert run("bash", "config/compose/prepare.sh", cwd=project).returncode == 0
    assert {path: path.read_bytes() for path in (project / "var").rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(("name", "policy"), [("redis", "noeviction"), ("cache", "allkeys-lru")])
def test_each_redis_starts_with_its_policy_and_its_one_user(
    project: Path, server_folder: Path, name: str, policy: str
) -> None:
    port = free_port()
    log = server_folder / "redis.log"
    shipped = project / "var" / "compose" / f"{name}.conf"
    config = server_folder / "redis.conf"
    config.write_text(shipped.read_text().replace("dir /data", ""))
    program = find_program("redis-server")
    assert program
    with log.open("wb") as output:
        command = [program, config, "--port", str(port), "--bind", "127.0.0.1", "--dir", str(server_folder)]
        process = spawn(command, output=output)
    try:
        wait_until(lambda: answers(port), process, "Redis", log)
        url = (shipped.parent / f"{name}_url").read_text().strip().replace(f"@{name}:6379", f"@127.0.0.1:{port}")
        client = redis_client.Redis.from_url(url)
        assert client.info("memory")["maxmemory_policy"] == policy
        client.set("session:x", "1", ex=10)
        assert client.eval("return redis.call('get', KEYS[1])", 1, "session:x") == b"1"
        assert client.publish("revoked", "x") == 0
        for refused in (("FLUSHALL",), ("CONFIG", "GET", "*"), ("KEYS", "*"), ("SHUTDOWN",)):
            with pytest.raises(redis_client.exceptions.NoPermissionError):
                client.execute_command(*refused)
        with pytest.raises(redis_client.exceptions.AuthenticationError):
            redis_client.Redis(port=port).ping()
    finally:
        end(process)


def test_dovecot_accepts_the_configuration_of_compose(project: Path, server_folder: Path) -> None:
    for name in ("dovecot.conf", "postern.conf"):
        text = (project / "config/dovecot" / name).read_text()
        (server_folder / name).write_text(text.replace("/etc/dovecot/private", str(project / "var/compose/dovecot")))
    done = run("doveconf", "-n", "-c", server_folder / "dovecot.conf")
    assert done.returncode == 0 and "Warning" not in done.stderr, done.stderr
    for line in ("imap_hibernate_timeout = 5 mins", "mail_max_userip_connections = 20", "ssl = required"):
        assert line in done.stdout


def test_a_dovecot_with_our_lines_serves_folders_by_their_use(server_folder: Path) -> None:
    ours = (ROOT / "config/dovecot/postern.conf").read_text()
    with_ours = Dovecot(server_folder, {"alice": "alices-password"}, options=ours).start()
    try:
        client = imaplib.IMAP4("127.0.0.1", with_ours.imap_port)
        client.login("alice", "alices-password")
        uses = re.findall(r"\\(Drafts|Sent|Junk|Trash|Archive)\b", str(client.list()[1]))
        client.logout()
        log = with_ours.log()
    finally:
        with_ours.stop()
    assert set(uses) == {"Drafts", "Sent", "Junk", "Trash", "Archive"}
    assert not re.search("Error|Fatal|Warning", log), log


def test_postfix_knows_every_parameter_and_service(project: Path) -> None:
    folder = project / "config" / "postfix"
    for view in ("-n", "-M"):
        done = run("postconf", "-c", folder, view)
        assert done.returncode == 0 and done.stderr == "", done.stderr
    assert "submission inet" in " ".join(done.stdout.split())


@pytest.mark.parametrize("name", ["postern", "postern-policy", "postern-follower"])
def test_systemd_accepts_the_unit_and_finds_it_closed(tmp_path: Path, name: str) -> None:
    text = (ROOT / f"config/systemd/{name}.service").read_text()
    unit = tmp_path / f"{name}.service"
    unit.write_text(re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", text, flags=re.M))
    done = run("systemd-analyze", "verify", unit)
    assert done.returncode == 0 and unit.name not in done.stderr, done.stderr
    done = run("systemd-analyze", "security", "--offline=true", "--threshold=20", unit)
    assert done.returncode == 0, done.stdout[-400:]


def test_the_policy_service_may_open_what_it_lets_connect() -> None:
    text = (ROOT / "config/systemd/postern-policy.service").read_text()
    (limit,) = re.findall(r"^LimitNOFILE=(\d+)$", text, re.M)
    assert int(limit) > 2 * delegation.CONNECTIONS


def test_the_units_settings_are_settings() -> None:
    lines = (ROOT / "config/systemd/postern.env").read_text().splitlines()
    environ = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    unit = (ROOT / "config/systemd/postern.service").read_text()
    named = dict(re.findall(r"^Environment=(POSTERN_\w+)=(\S+)$", unit, re.M))
    assert default.unknown({**environ, **named}) == ()
    settings = default.load({**environ, "POSTERN_SECRET_KEY": secrets.token_hex(32), "POSTERN_SPOOL": str(Path.cwd())})
    assert settings.web_concurrency == 4 and len(settings.proxies) == 2


def test_shell_scripts_parse() -> None:
    for path in (ROOT / "config/compose/prepare.sh", ROOT / "tests/image/build.sh"):
        assert run("bash", "-n", path).returncode == 0
        assert os.access(path, os.R_OK)
