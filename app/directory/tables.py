"""The directory's tables: sites, their domains, mail servers, accounts and addresses.

A site is a customer with any number of domains; an account signs in under each of them. Keys are lower case, domains
punycode, both compared byte by byte. The migrations under app/migrations build the same; a test compares the two.
"""

from sqlalchemy import Boolean, ForeignKey, Index, Integer, String, Text, UniqueConstraint, false, true

from app.directory.account import ANSWERS, KINDS, ROLES, SECURITIES, STATES
from app.table.declare import Declared, column, key, one_of, optional, table_set

ANY_DOMAIN = 0  # address.domain_id: holds under every domain of the site
CATCH_ALL = "*"  # address.local: every local part that nothing else names
_NEVER_AGAIN = {"sqlite_autoincrement": True}  # a removed row's number is no other's: rules and logs name it


class Base(Declared):
    """The directory's own set of tables; the block log has another, as it may lie in another database."""

    metadata = table_set()


class SiteRow(Base):
    """A customer. `primary_domain` is the domain of the main address of each of its accounts."""

    __tablename__ = "site"
    __table_args__ = (UniqueConstraint("name"), _NEVER_AGAIN)

    site_id = column(Integer, primary_key=True)
    name = column(key(80))
    primary_domain = column(key(253))
    time_zone = column(String(40), server_default="UTC")
    locale = column(String(12), server_default="en")
    brand = optional(key(40))
    junk_pattern = optional(String(80))  # such as spam.%Y
    messages_per_hour = optional(Integer)  # that each of its accounts may send; None: as the settings say
    recipients_per_hour = optional(Integer)
    log_days = optional(Integer)  # how long its block log is kept, where shorter than POSTERN_BLOCKLOG_DAYS
    forward_outside = column(Boolean, server_default=true())  # whether its accounts may forward to other sites' domains
    reset_passwords = column(Boolean, server_default=false())  # whether its administrators may set passwords anew
    forward_here = column(Boolean, server_default=false())  # whether accounts may set it without ManageSieve, in here
    filters_page = optional(String(300))  # where else filters are set, where their mail server has no ManageSieve
    filters_words = optional(String(300))
    learning = optional(String(8))  # how marked mail reaches the filter (teaching.py); None: as the settings say
    learn_spam_to = optional(String(320))  # where copies go, the way `address`
    learn_ham_to = optional(String(320))
    enabled = column(Boolean, server_default=true())


class DomainRow(Base):
    """A domain of a site."""

    __tablename__ = "domain"
    __table_args__ = (UniqueConstraint("name"), Index(None, "site_id"), _NEVER_AGAIN)

    domain_id = column(Integer, primary_key=True)
    name = column(key(253))
    site_id = column(Integer, ForeignKey("site.site_id"))
    enabled = column(Boolean, server_default=true())


class ServerRow(Base):
    """A mail server. `tls_ca` holds for all its endpoints; `tls_name` and `tls_sha256` for those on IMAP's host."""

    __tablename__ = "mail_server"
    __table_args__ = (
        UniqueConstraint("name"),
        one_of("imap_security", SECURITIES),
        one_of("submission_security", SECURITIES, nullable=True),
        one_of("sieve_security", SECURITIES, nullable=True),
        one_of("state", STATES),
        one_of("vacation", ANSWERS),
    )

    server_id = column(Integer, primary_key=True)
    name = column(key(80))
    imap_host = column(String(253))
    imap_port = column(Integer, server_default="993")
    imap_security = column(String(8), server_default="tls")
    submission_host = optional(String(253))
    submission_port = optional(Integer)
    submission_security = optional(String(8))
    sieve_host = optional(String(253))
    sieve_port = optional(Integer)
    sieve_security = optional(String(8))
    tls_name = optional(String(253))
    tls_ca = optional(Text)
    tls_sha256 = optional(String(64))
    state = column(String(8), server_default="up")
    vacation = column(String(8), server_default="sieve")  # what answers for who is away: scripts, or Exim out of SQL


class AccountRow(Base):
    """A person's account. `login` is its name on the mail server, which may say nothing about the person."""

    __tablename__ = "account"
    __table_args__ = (
        UniqueConstraint("site_id", "username"),
        Index(None, "server_id", "login"),
        one_of("kind", KINDS),
        one_of("role", ROLES),
        _NEVER_AGAIN,
    )

    account_id = column(Integer, primary_key=True)
    site_id = column(Integer, ForeignKey("site.site_id"))
    username = column(key(64))
    kind = column(String(8), server_default="mailbox")
    server_id = optional(Integer, ForeignKey("mail_server.server_id"))
    login = optional(String(255))
    forward_to = optional(Text)
    role = column(String(12), server_default="user")
    password_hash = optional(String(255))
    display_name = optional(String(120))
    time_zone = optional(String(40))
    locale = optional(String(12))
    enabled = column(Boolean, server_default=true())


class AddressRow(Base):
    """An address of a site beside its accounts' own names. Without `account_id` it only forwards, or holds a name free.

    `domain_id` 0 stands for every domain of the site and so has no foreign key: `directory check` looks instead.
    """

    __tablename__ = "address"
    __table_args__ = (UniqueConstraint("site_id", "local", "domain_id"), Index(None, "account_id"), _NEVER_AGAIN)

    address_id = column(Integer, primary_key=True)
    site_id = column(Integer, ForeignKey("site.site_id"))
    local = column(key(64))
    domain_id = column(Integer, server_default="0")
    account_id = optional(Integer, ForeignKey("account.account_id"))
    forward_to = optional(Text)
    enabled = column(Boolean, server_default=true())
