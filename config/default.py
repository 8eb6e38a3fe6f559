"""Every setting of a node: name, default, one line why. Read from the environment once, when the node starts.

A setting `x` comes from POSTERN_X, or from the file that POSTERN_X_FILE names (its last line break is dropped).
A wrong value stops the start with one line: the setting, what it got, what it wants.
"""

from __future__ import annotations

import dataclasses
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.mail import limits as parsing
from app.mail.login import MasterUser
from config import values
from config.filters import LOOPBACK_NETWORKS, FilterSettings
from config.password import PasswordSettings
from config.setting import REQUIRED, Deadlines, Limits, SettingError, setting
from config.together import check_together
from config.values import Network

LOOPBACK_HOSTS = ("localhost", ".localhost", "127.0.0.1", "[::1]")  # RFC 6761 §6.3: *.localhost is this machine


@dataclass(frozen=True, kw_only=True)
class Settings(PasswordSettings, FilterSettings):
    """A node's settings; made by `load`."""

    secret_keys: tuple[bytes, ...] = setting(
        "seals sessions and signs forms; the first key is used, keys after a comma are still accepted (rotation)",
        values.secrets_list,
        REQUIRED,
        env="POSTERN_SECRET_KEY",
        secret=True,
    )
    database_url: str = setting(
        "the directory, rules and settings of accounts: SQLite, PostgreSQL (psycopg) or MariaDB/MySQL (PyMySQL)",
        values.database_url,
        "sqlite:///var/postern.sqlite",
        secret=True,
    )
    redis_url: str = setting(
        "sessions, limits and notices of new mail; its server must not evict (noeviction)",
        values.redis_url,
        "redis://127.0.0.1:6379/0",
        secret=True,
    )
    cache_url: str | None = setting(
        "summaries of messages, which may be evicted (allkeys-lru); unset: the same server as POSTERN_REDIS_URL",
        values.redis_url,
        secret=True,
    )
    imap_url: str | None = setting(
        "the mail server of domains that the directory does not know: imaps://host, imap://host (STARTTLS), imap+plain://host"
    )
    submission_url: str | None = setting(
        "their submission server: smtps://host, smtp://host (STARTTLS), smtp+plain://host"
    )
    sieve_url: str | None = setting("their ManageSieve server: sieve://host (STARTTLS), sieve+plain://host")
    ca_file: Path | None = setting(
        "PEM file of a private certificate authority of the servers above; unset: the system's",
        values.certificates_file,
    )
    directory_query: str | None = setting(
        "one SELECT on an existing schema in place of our own tables: :address :local :plain :domain", values.statement
    )
    directory_database_url: str | None = setting(
        "where that schema lives; unset: POSTERN_DATABASE_URL", values.database_url, secret=True
    )
    master_user: str | None = setting("Dovecot master user: with it no user's password is kept", values.text)
    master_password: str | None = setting("the master user's password", values.secret, secret=True)
    outbox_keys: tuple[bytes, ...] = setting(
        "seals in SQL what mails to be sent later need to sign in; unset: nothing is sent later without a master user",
        values.secrets_list,
        (),
        env="POSTERN_OUTBOX_KEY",
        secret=True,
    )
    authserv_ids: tuple[str, ...] = setting(
        "names under which the provider's own servers write Authentication-Results (RFC 8601); nobody else is believed",
        values.hosts,
        (),
    )
    public_url: str | None = setting("where browsers find this website, for links in mails", values.web_address)
    notice_from: str | None = setting(
        "sender of digests of blocked mail; unset, or without POSTERN_PUBLIC_URL: not offered", values.mail_address
    )
    notice_url: str | None = setting("the submission server for them; unset: POSTERN_SUBMISSION_URL")
    notice_user: str | None = setting("who signs in there; unset: nobody, the server knows this host", values.text)
    notice_password: str | None = setting("their password", values.secret, secret=True)
    junk_pattern: str | None = setting(
        "name of the junk mailbox where the server marks none; strftime letters %Y %m %d, e.g. spam.%Y",
        values.mailbox_pattern,
    )

    ldap_url: str | None = setting(
        "a directory whose people are suggested as recipients: ldaps://host, ldap://host (STARTTLS), ldap+plain://host"
    )
    ldap_base: str | None = setting("below which entry it is searched, e.g. ou=people,dc=example,dc=org")
    ldap_bind_dn: str | None = setting("who asks it; unset: nobody, anonymously")
    ldap_bind_password: str | None = setting("their password", values.secret, secret=True)
    ldap_filter: str = setting(
        "which entries are found: {typed} is what was typed, {domain} the domain of the account that asks",
        values.ldap_filter,
        "(&(mail=*)(|(cn={typed}*)(sn={typed}*)(givenName={typed}*)(mail={typed}*)))",
    )
    ldap_name: str = setting("attribute with a person's name", values.ldap_attribute, "cn")
    ldap_mail: str = setting("attribute with their address", values.ldap_attribute, "mail")

    bind: str = setting("where gunicorn listens", values.bind, "127.0.0.1:8000")
    web_concurrency: int = setting("gunicorn worker processes", values.whole(1, 256), 2, env="WEB_CONCURRENCY")
    threads: int = setting(
        "threads of a worker, 32 at least; at most a quarter are in sign-ins at once", values.whole(32, 1024), 32
    )
    keeper_socket: Path = setting(
        "where the keeper of this host lends connections; its folder belongs to the node alone",
        values.socket_path,
        Path("var/keeper/socket"),
    )
    node: str = setting("this node's name in metrics and in the keepers' counts; unset: the host name", values.text, "")
    spool: Path = setting("temporary files of large requests", values.folder, Path("var/spool"))
    drain_file: Path = setting(
        "while this file exists /readyz says no, so that a balancer takes the node out",
        values.folder,
        Path("var/drain"),
    )
    brands: Path = setting("folder with one folder per brand", values.folder, Path("config/brands"))

    trusted_hosts: tuple[str, ...] = setting(
        "names a browser may ask for (Host header), without ports; a leading dot includes all names below",
        values.hosts,
        LOOPBACK_HOSTS,
    )
    proxies: tuple[Network, ...] = setting(
        "balancers whose X-Forwarded-For, -Proto and -Host are believed", values.networks, ()
    )
    allow_plaintext: bool = setting(
        "permits http and unencrypted mail connections outside loopback; for closed test networks only",
        values.flag,
        False,
    )
    throttle_exempt: tuple[Network, ...] = setting(
        "networks whose failed sign-ins are not counted per network (a campus behind one address)", values.networks, ()
    )
    metrics_networks: tuple[Network, ...] = setting(
        "who may read /metrics and the names of failing parts in /readyz", values.networks, LOOPBACK_NETWORKS
    )

    session_idle: int = setting("seconds without a request until a session ends", values.whole(600, 28800), 1800)
    session_absolute: int = setting("seconds until a session ends however busy", values.whole(1800, 604800), 43200)
    session_keep: int = setting(
        'seconds of a session with "keep me signed in"; 0: not offered',
        values.whole(86400, 7776000, or_zero=True),
        1209600,
    )
    failure_seconds: float = setting(
        "no failed sign-in is answered sooner, so that the time tells nothing", values.seconds(2.5, 10), 2.5
    )
    failure_window: int = setting("seconds over which failed sign-ins are counted", values.whole(60, 86400), 900)
    account_failures: int = setting("failed sign-ins of one address in that time", values.whole(3, 1000), 10)
    network_failures: int = setting(
        "failed sign-ins of one network (IPv6: /64) in that time", values.whole(3, 100000), 30
    )

    free_from: bool = setting(
        "lets people write under any sender address, not only their account's own", values.flag, False
    )
    visible_recipients: int = setting(
        "addresses in To and Copy beyond which Postern asks before it sends; 0: never asks",
        values.whole(1, 10000, or_zero=True),
        20,
    )
    per_page: int = setting("rows of a message list", values.whole(10, 100), 50)
    undo_seconds: int = setting("time in which sending can be undone; 0: none", values.whole(0, 300), 10)
    messages_per_hour: int = setting("an account's messages in an hour; sites may vary", values.whole(1, 999999), 200)
    recipients_per_hour: int = setting("recipients of these messages in all", values.whole(1, 999999), 1000)
    message_bytes: int = setting(
        "largest message that may be written, as sent: files grow by 37 % there",
        values.whole(65536, 1073741824),
        37748736,
    )
    proxy_bytes: int = setting(
        "largest request body that the proxy in front lets through; 0: any",
        values.whole(65536, 1099511627776, or_zero=True),
        0,
    )
    request_bytes: int = setting("largest request body", values.whole(65536, 104857600), 1048576)
    form_parts: int = setting("most fields of one form", values.whole(120, 10000), 1000)
    log_level: str = setting("how much is logged", values.word("debug", "info", "warning", "error"), "info")

    account_per_node: int = setting("IMAP connections of one account on one node", values.whole(1, 20), 3)
    account_total: int = setting(
        "IMAP connections of one account over all nodes; Dovecot allows 10 per user and address",
        values.whole(1, 100),
        8,
    )
    server_total: int = setting("IMAP connections of one node to one mail server", values.whole(1, 100000), 200)
    park_after: int = setting("seconds until an unused connection goes into IDLE", values.whole(1, 3600), 60)
    lease_timeout: int = setting("seconds until a lent connection is taken back by force", values.whole(5, 3600), 60)
    relogin_after: int = setting(
        "seconds until a kept connection signs in anew, which notices a changed password", values.whole(60, 86400), 900
    )

    connect_seconds: float = setting("deadline of a connect to a mail server", values.seconds(0.1, 60), 2.0)
    login_seconds: float = setting("deadline of its greeting and login", values.seconds(0.1, 60), 5.0)
    sign_in_seconds: float = setting(
        "deadline of the login at sign-in (Dovecot delays failed ones up to 16 s)", values.seconds(1, 60), 20.0
    )
    first_byte_seconds: float = setting("how long a page waits for a silent mail server", values.seconds(0.1, 60), 3.0)
    search_seconds: float = setting("deadline of a search", values.seconds(0.1, 60), 20.0)
    silence_seconds: float = setting("longest silence in a download or a change", values.seconds(1, 300), 30.0)

    max_parts: int = setting("parts of a message that are looked at", values.whole(10, 100000), 1000)
    max_depth: int = setting("depth of nested parts", values.whole(5, 500), 100)
    max_header_bytes: int = setting("bytes of a header block", values.whole(4096, 16777216), 262144)
    max_html_bytes: int = setting("bytes of HTML that are shown", values.whole(4096, 8388608), 524288)
    max_html_depth: int = setting("depth of HTML (the sanitiser is quadratic in it)", values.whole(10, 1000), 200)

    @property
    def secret_key(self) -> bytes:
        """The key in use."""
        return self.secret_keys[0]

    @property
    def master(self) -> MasterUser | None:
        """Who signs in for everybody, where one is set."""
        if self.master_user is None or self.master_password is None:
            return None
        return MasterUser(self.master_user, self.master_password)

    @property
    def limits(self) -> Limits:
        """The limits of connections, as the keeper and its client take them."""
        return Limits(
            self.account_per_node,
            self.account_total,
            self.server_total,
            self.park_after,
            self.lease_timeout,
            self.relogin_after,
        )

    @property
    def deadlines(self) -> Deadlines:
        """The deadlines of IMAP, in seconds."""
        return Deadlines(
            self.connect_seconds,
            self.login_seconds,
            self.sign_in_seconds,
            self.first_byte_seconds,
            self.search_seconds,
            self.silence_seconds,
        )

    @property
    def parsing(self) -> parsing.Limits:
        """The limits of taking a message apart."""
        return parsing.Limits(
            self.max_parts, self.max_depth, self.max_header_bytes, self.max_html_bytes, self.max_html_depth
        )


def variable(item: dataclasses.Field[Any]) -> str:
    """The name of the environment variable of a field of Settings."""
    return item.metadata["env"] or f"POSTERN_{item.name.upper()}"


def load(environ: Mapping[str, str] = os.environ, *, sealing: bool = True) -> Settings:
    """The settings in `environ`; SettingError for the first one that cannot be used.

    Without `sealing` no secret key is wanted, nor looked at: what stands beside mail servers opens no session.
    """
    found: dict[str, Any] = {}
    for item in dataclasses.fields(Settings):
        if item.name == "secret_keys" and not sealing:
            found[item.name] = ()
            continue
        raw = _raw(environ, variable(item))
        if raw is not None:
            found[item.name] = _read(item, raw)
        elif item.metadata["default"] is REQUIRED:
            raise SettingError(variable(item), "nothing", f"a value: it {item.metadata['why']}; there is no default")
    settings = Settings(**found)
    check_together(settings)
    return _completed(settings)


def _raw(environ: Mapping[str, str], name: str) -> str | None:
    """A setting's text from its variable or its file; None where it is unset or empty."""
    path = environ.get(f"{name}_FILE")
    if path and environ.get(name):
        raise SettingError(name, f"a value and {name}_FILE too", "one of the two")
    if not path:
        return environ.get(name) or None
    try:
        return Path(path).read_text().rstrip("\r\n") or None
    except (OSError, UnicodeError) as error:
        raise SettingError(f"{name}_FILE", repr(path), f"a readable text file ({type(error).__name__})") from None


def _read(item: dataclasses.Field[Any], raw: str) -> Any:
    try:
        return item.metadata["read"](raw)
    except ValueError as error:
        got = f"{len(raw)} characters that are not shown" if item.metadata["secret"] else repr(raw)[:200]
        raise SettingError(variable(item), got, str(error)) from None


def unknown(environ: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """POSTERN_ names that are no setting: a misspelt one leaves a default in force, so the node says so at start.

    No error, because Kubernetes sets names such as POSTERN_SERVICE_HOST for a service called postern.
    """
    known = {variable(item) for item in dataclasses.fields(Settings)}
    ours = (name for name in environ if name.startswith("POSTERN_"))
    return tuple(sorted(name for name in ours if not {name, name.removesuffix("_FILE")} & known))


def _completed(settings: Settings) -> Settings:
    """Defaults that follow another setting or the host."""
    return dataclasses.replace(
        settings,
        cache_url=settings.cache_url or settings.redis_url,
        directory_database_url=settings.directory_database_url or settings.database_url,
        blocklog_database_url=settings.blocklog_database_url or settings.database_url,
        node=settings.node or socket.gethostname(),
    )
