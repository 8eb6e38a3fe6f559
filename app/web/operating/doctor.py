"""`flask --app wsgi doctor`: looks over everything that a node needs, one line a part, with what to do about it.

Nobody signs in, nothing is changed. Each part has 5 seconds; what is silent for longer is at fault.
"""

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from redis import Redis, RedisError
from redis.exceptions import AuthenticationError, ResponseError
from sqlalchemy import Engine, select
from sqlalchemy.engine import make_url

from app.directory.check import check_query
from app.directory.endpoint import is_loopback
from app.directory.engine import asking
from app.directory.errors import DirectoryBroken, DirectoryError
from app.directory.open import open_directory
from app.directory.row import Reading, server_of
from app.directory.tables import ServerRow
from app.keeper.lease import status as keeper_status
from app.migrations import missing_migrations
from app.store.clock import present
from app.store.connect import connect
from app.web.brand import Brands
from app.web.headers import host_allowed
from app.web.operating.diagnosis import Finding, Part, State, line, run, worst
from app.web.operating.doctor_blocklog import block_log
from app.web.operating.doctor_ldap import directory_of_people
from app.web.operating.doctor_mail import Listed, mail_servers
from app.web.operating.doctor_outbox import outbox
from app.web.operating.doctor_password import passwords
from app.web.resources import ldap_source
from config.default import LOOPBACK_HOSTS, Settings, unknown

FULL = 0.8  # of Redis' maxmemory
OLDEST_REDIS = (6, 2)
APART = 2.0  # seconds between two clocks that NTP sets: some milliseconds
NO_SERVER = "flask --app wsgi directory add server, or POSTERN_IMAP_URL"


def examine(settings: Settings, brands: Brands, say: Callable[[str], Any]) -> int:
    """Says a line for each part; returns the exit status, 1 where a part is at fault."""
    found: Listed = []
    status = 0
    for parts in (lambda: _own(settings, brands, found), lambda: mail_servers(settings, found)):
        for name, findings in run(parts()):
            say(line(name, findings))
            status = max(status, int(worst(findings) == "fault"))
    return status


def _own(settings: Settings, brands: Brands, found: Listed) -> list[Part]:
    """The parts beside the mail servers; the directory's are put into `found`."""
    people = ldap_source(settings)
    return [
        ("settings", partial(_settings, settings)),
        ("addresses", partial(_addresses, settings)),
        ("brands", partial(_brands, settings, brands)),
        ("sql", partial(_sql, settings, found)),
        ("redis", partial(_redis, settings)),
        ("cache", partial(_cache, settings)),
        ("keeper", partial(_keeper, settings)),
        ("outbox", partial(outbox, settings)),
        ("block log", partial(block_log, settings)),
        *([("passwords", partial(passwords, settings))] if settings.password_url else []),
        *([("ldap", partial(directory_of_people, people))] if people else []),
    ]


# -- settings ---------------------------------------------------------------------------------------------------------


def _settings(settings: Settings) -> Iterator[Finding]:
    yield Finding("ok", f"node {settings.node}, {settings.web_concurrency} workers of {settings.threads} threads")
    for name in unknown():
        yield Finding("warning", f"{name} is no setting", "correct its name (docs/settings.md lists all)")
    if settings.allow_plaintext:
        yield Finding(
            "warning", "unencrypted connections are permitted", "unset POSTERN_ALLOW_PLAINTEXT outside closed networks"
        )


def _addresses(settings: Settings) -> Iterator[Finding]:
    """Where it listens, for which names, and whom it believes about the browser's address."""
    outside = [name for name in settings.trusted_hosts if name not in LOOPBACK_HOSTS]
    yield Finding("ok", f"listens at {settings.bind} for {', '.join(settings.trusted_hosts)}")
    local = settings.bind.startswith("unix:") or is_loopback(settings.bind.rpartition(":")[0].strip("[]"))
    if not outside and (not local or settings.proxies):
        todo = "name the host of the webmail in POSTERN_TRUSTED_HOSTS"
        yield Finding("warning", "answers for names of this machine only", todo)
    for network in settings.proxies:
        if network.prefixlen < (8 if network.version == 4 else 16):
            todo = "list the balancers alone in POSTERN_PROXIES: anybody else could forge the browser's address"
            yield Finding("fault", f"believes X-Forwarded-For of all of {network}", todo)
    if not settings.proxies and outside and not settings.bind.startswith("unix:"):
        todo = "name it in POSTERN_PROXIES, or all users have its address and share one throttle"
        yield Finding("warning", "no balancer is believed; where one stands in front", todo)


def _brands(settings: Settings, brands: Brands) -> Iterator[Finding]:
    yield Finding("ok", f"{len(brands.by_id)} in {settings.brands}: {', '.join(sorted(brands.by_id))}")
    for brand in brands.by_id.values():
        for host in brand.hosts:
            if host.endswith(".example"):
                continue  # no name that anybody has (RFC 2606 §2): the brand that is shipped as a pattern
            if not host_allowed(f"any{host}" if host.startswith(".") else host, settings.trusted_hosts):
                todo = "add it to POSTERN_TRUSTED_HOSTS"
                yield Finding("warning", f"{brand.id} is for {host}, which this node does not answer for", todo)


# -- SQL, Redis, keeper -----------------------------------------------------------------------------------------------


def _sql(settings: Settings, found: Listed) -> Iterator[Finding]:
    directory = open_directory(settings)
    began = time.monotonic()
    try:
        if settings.directory_query is not None:
            yield from (Finding("warning", text, "docs/directory.md") for text in check_query(directory))
            yield Finding("ok", f"{_where(settings)} answers the directory query in {_milliseconds(began)}")
            return
        with asking():
            missing = missing_migrations(directory.engine)
        if missing and settings.imap_url is None:
            todo = "flask --app wsgi database upgrade"
            yield Finding("fault", f"{_where(settings)}: migrations are missing: {', '.join(missing)}", todo)
        elif missing:
            yield Finding("ok", "no tables of the directory: POSTERN_IMAP_URL serves everybody")
        else:
            yield from _listed(directory.engine, found)
            yield Finding("ok", f"{_where(settings)} answers in {_milliseconds(began)}, mail servers: {len(found)}")
            if not found and settings.imap_url is None:
                yield Finding("warning", "no mail server is up, so nobody reads mail", NO_SERVER)
    except DirectoryError as error:
        state: State = "fault" if settings.imap_url is None else "warning"
        yield Finding(state, f"{_where(settings)}: {error}", "see that the database runs and lets this node in")


def _where(settings: Settings) -> str:
    """The database without its password."""
    url = make_url(settings.directory_database_url or settings.database_url)
    return f"{url.get_backend_name()} {url.host or ''}/{url.database or ''}"


def _milliseconds(began: float) -> str:
    return f"{(time.monotonic() - began) * 1000:.0f} ms"


def _listed(engine: Engine, found: Listed) -> Iterator[Finding]:
    """Puts the directory's mail servers into `found`, those that are marked down left out. Raises DirectoryError."""
    with asking(), engine.connect() as connection:
        rows = [dict(row) for row in connection.execute(select(ServerRow.__table__)).mappings()]
    for row in rows:
        try:
            server = server_of(row, Reading(allow_plaintext=True))
        except DirectoryBroken as error:
            yield Finding("fault", f"mail server {row['name']}: {error}", "flask --app wsgi directory set server")
            continue
        if server.state != "down":
            found.append((row["name"], server))


def _redis(settings: Settings) -> Iterator[Finding]:
    todo = "maxmemory-policy noeviction: eviction signs people out"
    yield from _redis_at(settings.redis_url, "POSTERN_REDIS_URL", ("noeviction",), todo)


def _cache(settings: Settings) -> Iterator[Finding]:
    if settings.cache_url in (None, settings.redis_url):
        todo = "give it a server of its own with allkeys-lru (POSTERN_CACHE_URL): summaries fill the sessions' one"
        yield Finding("warning", "the same server as the sessions", todo)
        return
    todo = "maxmemory-policy allkeys-lru: a cache that is full must make room"
    yield from _redis_at(settings.cache_url or "", "POSTERN_CACHE_URL", ("allkeys-lru", "allkeys-lfu"), todo)


def _redis_at(url: str, setting: str, policies: tuple[str, ...], todo: str) -> Iterator[Finding]:
    client = connect(url, timeout=2.0)
    began = time.monotonic()
    try:
        client.ping()
        told = f"{_host(client)} answers in {_milliseconds(began)}"
        info: dict[str, Any] = client.info()
        apart = time.time() - present(client)
    except ResponseError as error:
        text = f"{_host(client)}: {error}"[:200]
        yield Finding("warning" if "info" in str(error).lower() else "fault", text, f"see the user in {setting}")
        return
    except RedisError as error:
        yield Finding("fault", f"{_host(client)}: {_words(error)}"[:200], _remedy(error, setting))
        return
    version, policy = str(info.get("redis_version", "")), str(info.get("maxmemory_policy", "unknown"))
    yield Finding("ok", f"{told}, Redis {version}, {policy}")
    yield from _redis_state(info, version)
    yield from _clocks(apart)
    if policy not in (*policies, "unknown"):
        yield Finding("warning", f"its eviction policy is {policy}", todo)


def _clocks(apart: float) -> Iterator[Finding]:
    """What nodes agree upon by a time goes by Redis's clock, what people read by each node's own."""
    if abs(apart) > APART:
        told = f"this node's clock is {abs(apart):.0f} s {'ahead of' if apart > 0 else 'behind'} its own"
        yield Finding("warning", told, "have NTP set the clocks of both")


def _words(error: RedisError) -> str:
    return str(error).rstrip(".") or type(error).__name__


def _remedy(error: RedisError, setting: str) -> str:
    if isinstance(error, AuthenticationError):
        return f"see the user and the password in {setting}"
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        return f"name its authority in {setting}: ?ssl_ca_certs=/path/of/ca.pem behind the rest"
    return f"see that the server of {setting} runs"


def _host(client: Redis) -> str:
    place = client.connection_pool.connection_kwargs
    return str(place.get("path") or f"{place.get('host')}:{place.get('port')}")


def _redis_state(info: dict[str, Any], version: str) -> Iterator[Finding]:
    if tuple(int(number) for number in version.split(".")[:2] if number.isdigit()) < OLDEST_REDIS:
        yield Finding("fault", "it is too old", "Redis 6.2 or newer")
    if info.get("role") == "slave":
        yield Finding("fault", "it is a replica, which takes no writes", "name the primary")
    used, most = int(info.get("used_memory", 0)), int(info.get("maxmemory", 0))
    if most and used > most * FULL and info.get("maxmemory_policy") == "noeviction":
        yield Finding("warning", f"{100 * used // most} % of its memory is used", "raise maxmemory")


def _keeper(settings: Settings) -> Iterator[Finding]:
    found = keeper_status(str(settings.keeper_socket))
    if found is None:
        todo = "start the node, or see its log; until then each page logs in by itself"
        yield Finding("warning", f"none answers at {settings.keeper_socket}", todo)
        return
    yield Finding("ok", f"process {found['pid']} has run for {found['seconds']:.0f} s, {found['accounts']} accounts")
    for place, each in found["servers"].items():
        if each["breaker"] != "closed":
            yield Finding("warning", f"it has given {place} a rest", "see that mail server")
