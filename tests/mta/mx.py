"""A Postfix that receives mail for isp.example and refuses in every way that its log knows.

Runs inside a Namespace, with postgrey and policyd-spf of Debian beside it; its ports are kinds of refusing.
"""

from __future__ import annotations

import shutil
import subprocess
import time
from typing import Self

from tests.barepostfix import SERVICES, SETTINGS, log_of
from tests.mta.namespace import Namespace

MAIN, GREYLISTING, MILTERS, POSTSCREEN, FILTERED = 25, 2523, 2525, 2526, 2527
FEW, AT_ONCE, RATE, SILENT, PERMITS, DROPS, BACK, FILTER, POLICY, POSTGREY, MILTER = (
    2529,
    2530,
    2531,
    2532,
    2533,
    2534,
    10025,
    10024,
    9999,
    10023,
    8891,
)
SIZE = 20_000

_MASTER = """\
127.0.0.1:25 inet n - n - - smtpd
127.0.0.1:2523 inet n - n - - smtpd
  -o syslog_name=postfix/greylisting
  -o smtpd_recipient_restrictions=reject_unauth_destination,check_policy_service,inet:127.0.0.1:10023,$told
127.0.0.1:2525 inet n - n - - smtpd
  -o smtpd_milters=inet:127.0.0.1:8891
127.0.0.1:2526 inet n - n - 1 postscreen
smtpd pass - - n - - smtpd
dnsblog unix - - n - 0 dnsblog
tlsproxy unix - - n - 0 tlsproxy
127.0.0.1:2527 inet n - n - - smtpd
  -o syslog_name=postfix/filtered
  -o content_filter=smtp:[127.0.0.1]:10024
127.0.0.1:2529 inet n - n - - smtpd
  -o smtpd_recipient_limit=3
127.0.0.1:2530 inet n - n - - smtpd
  -o smtpd_delay_reject=no
  -o smtpd_client_restrictions=check_client_access,cidr:{folder}/etc/clients
  -o smtpd_helo_restrictions=reject_non_fqdn_helo_hostname
  -o smtpd_sender_restrictions=reject_unknown_sender_domain
127.0.0.1:2531 inet n - n - - smtpd
  -o smtpd_client_connection_rate_limit=1
  -o smtpd_client_event_limit_exceptions=
127.0.0.1:2532 inet n - n - - smtpd
  -o told=
127.0.0.1:2533 inet n - n - - smtpd
  -o syslog_name=postfix/permits
  -o told=permit
  -o smtpd_log_access_permit_actions=static:all
  -o smtpd_delay_open_until_valid_rcpt=no
127.0.0.1:2534 inet n - n - 1 postscreen
  -o postscreen_denylist_action=drop
  -o postscreen_greet_action=drop
  -o postscreen_dnsbl_action=drop
127.0.0.1:10025 inet n - n - - smtpd
  -o syslog_name=postfix/10025
  -o content_filter=
  -o mynetworks=127.0.0.0/8
  -o smtpd_recipient_restrictions=permit_mynetworks,reject
  -o smtpd_data_restrictions=
  -o smtpd_end_of_data_restrictions=
  -o smtpd_authorized_xforward_hosts=127.0.0.0/8
policyd-spf unix - n n - 0 spawn
  user=nobody argv=/usr/bin/policyd-spf {folder}/etc/policyd-spf.conf
"""
_MAIN = """\
myhostname = mx1.isp.example
mynetworks = 127.0.0.2/32
virtual_mailbox_domains = isp.example
virtual_mailbox_maps = texthash:{folder}/etc/mailboxes
virtual_alias_maps = texthash:{folder}/etc/aliases
virtual_transport = lmtp:unix:{folder}/lmtp
default_transport = discard
bounce_queue_lifetime = 1h
message_size_limit = {size}
header_checks = regexp:{folder}/etc/headers
body_checks = regexp:{folder}/etc/body
strict_8bitmime = no
strict_mime_encoding_domain = yes
smtpd_error_sleep_time = 0
smtpd_relay_restrictions =
smtpd_helo_required = yes
smtpd_discard_ehlo_keywords = chunking
told = check_recipient_access static:{{INFO rcpt accepted}}
smtpd_recipient_restrictions =
  check_client_access cidr:{folder}/etc/clients,
  reject_rbl_client zen.list.example,
  reject_rbl_client abcdefgh1234ijklmnop5678qr.zen.dq.list.example,
  reject_rhsbl_helo dbl.list.example, reject_rhsbl_sender dbl.list.example,
  reject_unknown_reverse_client_hostname,
  reject_invalid_helo_hostname, reject_non_fqdn_helo_hostname, reject_unknown_helo_hostname,
  reject_non_fqdn_sender, reject_unknown_sender_domain,
  check_sender_access texthash:{folder}/etc/senders,
  reject_non_fqdn_recipient, reject_unauth_destination, reject_unlisted_recipient,
  check_recipient_access texthash:{folder}/etc/recipients,
  check_policy_service unix:private/policyd-spf,
  check_policy_service inet:127.0.0.1:9999,
  $told
smtpd_data_restrictions = reject_multi_recipient_bounce, reject_unauth_pipelining
smtpd_end_of_data_restrictions = check_policy_service inet:127.0.0.1:9999
postscreen_greet_wait = 1s
postscreen_greet_action = enforce
postscreen_dnsbl_sites = zen.list.example
postscreen_dnsbl_action = enforce
postscreen_access_list = cidr:{folder}/etc/postscreen
postscreen_denylist_action = enforce
postscreen_blacklist_action = enforce
postscreen_cache_map =
"""
PEOPLE = ("alice", "bob", "carol", "dave", "full")
TABLES = {
    "mailboxes": "".join(f"{name}@isp.example box\n" for name in PEOPLE),
    "aliases": "team@isp.example alice@isp.example, bob@isp.example\n",
    "clients": "203.0.113.64/31 REJECT\n203.0.113.67/32 DISCARD enough of you\n203.0.113.68/32 HOLD to be looked at\n",
    "senders": (
        "denied@sender.example REJECT\n"
        "told@sender.example 554 5.7.1 We have had enough of you\n"
        "later@sender.example 450 4.7.1 Not at this hour\n"
        "discard@sender.example DISCARD\n"
        "hold@sender.example HOLD\n"
        "hangup@sender.example 421 4.7.0 Go away\n"
        "warned@sender.example WARN we look at you\n"
    ),
    "recipients": "dave@isp.example 550 5.2.1 Mailbox disabled\n",
    "headers": (
        "/^Subject: .*pills/ REJECT No pills here\n"
        "/^Subject: .*code/ REJECT 5.7.0 No codes here\n"
        "/^Subject: .*caught (.*)/ REJECT Not $1\n"
        "/^Subject: .*vanish/ DISCARD\n"
        "/^Subject: .*wait/ HOLD\n"
        "/^Subject: .*logged/ INFO\n"
        "/^Content-(Type|Disposition):.*name=.*exe/ REJECT Attachment not allowed\n"
    ),
    "body": "/cheap watches/ REJECT No watches here\n",
    "postscreen": "203.0.113.68/30 reject\n203.0.113.72/32 reject\n",
    "policyd-spf.conf": (
        "debugLevel = 1\nHELO_reject = False\nMail_From_reject = Fail\nPermError_reject = False\n"
        "skip_addresses = 127.0.0.2/32\n"
    ),
}


class Mx:
    """The server; `log` is its own log file, postgrey's and policyd-spf's lines are in the network's."""

    def __init__(self, network: Namespace) -> None:
        self.network, self.folder = network, network.folder
        self.log = self.folder / "mail.log"

    @staticmethod
    def missing() -> str | None:
        """Why there can be none here; None where there can."""
        absent = [name for name in ("postfix", "postgrey", "policyd-spf") if not shutil.which(name)]
        return f"{', '.join(absent)} not installed" if absent else Namespace.missing()

    def __enter__(self) -> Self:
        for name in ("etc", "queue", "data", "greylist"):
            (self.folder / name).mkdir()
        shutil.chown(self.folder / "data", "postfix")
        shutil.chown(self.folder / "greylist", "postgrey")
        names = {"folder": self.folder, "size": SIZE}
        (self.folder / "etc/main.cf").write_text((SETTINGS + _MAIN).format(**names))
        (self.folder / "etc/master.cf").write_text(_MASTER.format(**names) + SERVICES)
        for name, text in TABLES.items():
            (self.folder / "etc" / name).write_text(text)
        self._postfix("start")
        words = ["postgrey", f"--inet=127.0.0.1:{POSTGREY}", f"--dbdir={self.folder}/greylist", "--delay=1", "-v"]
        with (self.folder / "postgrey.txt").open("wb") as output:
            self._postgrey = subprocess.Popen(self.network.words(words), stdout=output, stderr=output)
        return self

    def __exit__(self, *_error: object) -> None:
        self._postgrey.terminate()
        self._postgrey.wait(10)
        self._postfix("stop")
        time.sleep(0.1)

    def _postfix(self, word: str) -> None:
        self.network.run(["postfix", "-c", self.folder / "etc", word])

    def said(self) -> str:
        """Its log, with all that it has to say by now."""
        return log_of(self.folder, self.network.run)

    def ready(self) -> None:
        """Wait for postgrey: it is Perl."""
        end = time.monotonic() + 30
        while True:
            try:
                self.network.connect(POSTGREY).close()
                return
            except OSError:
                assert time.monotonic() < end, (self.folder / "postgrey.txt").read_text()
                time.sleep(0.05)
