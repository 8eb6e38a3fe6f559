"""The settings around what mail servers stop: the block log, the rules that they ask, and what keeps stopped mail.

They are settings of a node as all others; default.py takes them in, and reads them.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path

from app.blocklog.source import Source, sources
from config import values
from config.setting import setting
from config.values import Network

LOOPBACK_NETWORKS = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))


@dataclass(frozen=True, kw_only=True)
class FilterSettings:
    """The part of Settings that is about filters."""

    blocklog_database_url: str | None = setting(
        "where the block log is kept; unset: POSTERN_DATABASE_URL", values.database_url, secret=True
    )
    blocklog_days: int = setting("days that the block log is kept; sites may have fewer", values.whole(1, 3650), 90)
    blocklog_patterns: Path | None = setting(
        "file with a site's own words of refusal, before ours: a policy's name and a regular expression a line",
        values.existing_file,
    )
    blocklog_sources: tuple[Source, ...] = setting(
        "logs that the follower reads, each as node:/path[:syslog|exim-main|exim-reject|rspamd[:zone]]", sources, ()
    )
    own_names: tuple[str, ...] = setting(
        "names and public addresses of the site's own mail servers and nodes (docs/blocklog.md)", values.hosts, ()
    )
    host_block_days: int = setting(
        "days that a server which says it is ours is shut out (docs/blocklog.md); 0: never", values.whole(0, 3650), 30
    )
    rules_asked: bool = setting(
        "1 once the mail servers ask the rules (docs/blocklog.md): only then are rules about senders offered",
        values.flag,
        False,
    )
    policy_bind: str = setting(
        "where the policy service answers mail servers: host:port of this machine or unix:/path (docs/mta-postfix.md)",
        values.bind,
        "127.0.0.1:10040",
    )
    policy_trusted: tuple[Network, ...] = setting(
        "networks whose mail is relayed, as Postfix' mynetworks has them", values.networks, LOOPBACK_NETWORKS
    )
    greylist_seconds: int = setting("seconds until greylisted mail may come again", values.whole(1, 86400), 300)
    greylist_hours: int = setting("hours in which it has to come again", values.whole(1, 720), 24)
    greylist_days: int = setting("days that its sender is known since their last mail", values.whole(1, 366), 35)
    spam_asked: tuple[str, ...] = setting(
        "settings of spam that mail servers heed: rbl greylist junk_score reject_score spam_action languages",
        values.words("rbl", "greylist", "junk_score", "reject_score", "spam_action", "languages"),
        (),
    )
    learning: bool = setting(
        "1 where filters learn from mail moved into the spam folder and out of it; sites differ (docs/directory.md)",
        values.flag,
        False,
    )
    reputation_url: str | None = setting(
        "SpamAssassin's database of AWL or TxRep: then people may have it forget a sender (docs/mta-spamassassin.md)",
        values.database_url,
        secret=True,
    )
    reputation_table: str = setting("the table there: awl or txrep", values.word("awl", "txrep"), "awl")
    amavis_release: str | None = setting(
        "where amavis releases messages from its quarantine (AM.PDP): host:port or unix:/path; unset: not offered",
        values.bind,
    )
    amavis_files: bool = setting("amavis keeps them as files with its default names, not in SQL", values.flag, False)
    release_url: str | None = setting(
        "a program of the site's own that gives out or deletes kept mail: https://host/path (docs/blocklog.md)",
        values.web_address,
    )
    release_secret: str | None = setting("what it knows this node by", values.secret, secret=True)
    report_to: str | None = setting(
        "address to which people may report that mail was blocked wrongly; unset: not offered", values.mail_address
    )
