"""The block log's tables: mail that was stopped, mail that was accepted, and how far each log is read.

They may lie in a database of their own (POSTERN_BLOCKLOG_DATABASE_URL). Times are UTC. `account_id` and `site` are the
directory's opaque ids; "" stands for a recipient that nobody has, or none of our sites. A row's `id` is made by who
reads the log (source_id << 48 | a counter), so that a batch that is written again doubles nothing. No foreign keys.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Index,
    Integer,
    Numeric,
    PrimaryKeyConstraint,
    SmallInteger,
    String,
)

from app.table.declare import (
    Declared,
    ascii_key,
    column,
    digest,
    key,
    long_bytes,
    long_text,
    moment,
    optional,
    table_set,
)

ACCOUNT = 700  # characters of an opaque id, as everywhere
CLUSTERED: dict[str, Any] = {"sqlite_with_rowid": False}  # rows lie in the order of the primary key


def weekly(column: str) -> dict[str, Any]:
    """Options of a table that is kept in partitions of a week, where the database has them: weeks.py cuts and drops
    them. SQLite has none. MariaDB's rows lie in the order of the primary key anyway."""
    latest = "(PARTITION later VALUES LESS THAN (MAXVALUE))"
    by = {f"{kind}_partition_by": f"RANGE COLUMNS({column}) {latest}" for kind in ("mysql", "mariadb")}
    return {**CLUSTERED, **by, "postgresql_partition_by": f"RANGE ({column})"}


class Base(Declared):
    """The block log's own set of tables."""

    metadata = table_set()


class BlockRow(Base):
    """A message that was stopped, for one recipient. `rule_id` names the rule that did it, `stored_ref` where it is
    kept; `detail` is the list, the virus, the filter's top symbols."""

    __tablename__ = "block_log"
    __table_args__ = (
        # What counts read, so that they read no row: of an account, and of a site per account.
        PrimaryKeyConstraint("account_id", "blocked_at", "id", postgresql_include=["policy", "outcome"]),
        Index("ix_block_log_site", "site", "blocked_at", "account_id", "policy", "outcome"),
        Index("ix_block_log_sender_domain", "sender_domain", "blocked_at"),
        weekly("blocked_at"),
    )

    account_id = column(ascii_key(ACCOUNT), primary_key=True)
    blocked_at = column(moment(), primary_key=True)
    id = column(BigInteger, primary_key=True)
    site = column(ascii_key(ACCOUNT))
    policy = column(SmallInteger)
    outcome = column(SmallInteger)
    stage = column(SmallInteger, server_default="0")
    rcpts_known = column(SmallInteger, server_default="1")
    smtp_code = optional(SmallInteger)
    dsn = optional(String(11))
    score = optional(Numeric(7, 2))
    detail = optional(String(80))
    rule_id = optional(Integer)
    client_ip = column(ascii_key(45), server_default="")
    client_name = column(String(253), server_default="")
    helo = column(String(253), server_default="")
    sender_local = column(String(255), server_default="")
    sender_domain = column(key(253), server_default="")
    rcpt = column(String(320), server_default="")
    subject = optional(String(200))
    message_id = optional(String(250))
    reason = column(String(300), server_default="")
    queue_id = optional(String(32))
    source_id = column(SmallInteger)
    stored_ref = optional(String(160))
    resolved_at = optional(moment())
    resolved_how = optional(SmallInteger)


class RecentRow(Base):
    """A message that was accepted, for one recipient; or sent, by one of our own users (outcome 5: `rcpt` is whom)."""

    __tablename__ = "recent_mail"
    __table_args__ = (
        PrimaryKeyConstraint("account_id", "received_at", "id", postgresql_include=["outcome"]),
        Index("ix_recent_mail_site", "site", "received_at", "account_id", "outcome"),
        weekly("received_at"),
    )

    account_id = column(ascii_key(ACCOUNT), primary_key=True)
    received_at = column(moment(), primary_key=True)
    id = column(BigInteger, primary_key=True)
    site = column(ascii_key(ACCOUNT))
    outcome = column(SmallInteger)
    score = optional(Numeric(7, 2))
    size = optional(BigInteger)
    client_ip = column(ascii_key(45), server_default="")
    client_name = column(String(253), server_default="")
    sender_local = column(String(255), server_default="")
    sender_domain = column(key(253), server_default="")
    rcpt = column(String(320), server_default="")
    final_rcpt = column(String(320), server_default="")
    message_id = optional(String(250))
    reply = optional(String(255))
    queue_id = optional(String(32))
    source_id = column(SmallInteger)


class FateRow(Base):
    """How far a message that one of our users sent has come, for one recipient. `mark` is a digest of its Message-ID
    (blocklog/entry.py `message_mark`), which Sent has as well."""

    __tablename__ = "mail_fate"
    __table_args__ = (Index(None, "changed_at"),)

    account_id = column(ascii_key(ACCOUNT), primary_key=True)
    mark = column(ascii_key(32), primary_key=True)
    rcpt = column(key(320), primary_key=True)
    fate = column(SmallInteger)
    server = column(String(253), server_default="")
    reply = column(String(300), server_default="")
    dsn = optional(String(11))
    changed_at = column(moment())


class HostRow(Base):
    """What is known of a sending server. docs/blocklog.md says which mail server's log fills which column."""

    __tablename__ = "host_profile"
    __table_args__ = (Index(None, "cnxn_last"),)

    ip = column(ascii_key(45), primary_key=True)
    cnxn_count = column(Integer, server_default="0")
    cnxn_first = column(moment())
    cnxn_last = column(moment())
    reverse_ok_count = column(Integer, server_default="0")
    helo_ok_count = column(Integer, server_default="0")
    quit_count = column(Integer, server_default="0")
    bad_from_count = column(Integer, server_default="0")
    bad_rcpt_count = column(Integer, server_default="0")
    ok_rcpt_count = column(Integer, server_default="0")
    dnsbl_block_count = column(Integer, server_default="0")
    last_dnsbl_time = optional(moment())
    last_dnsbl = optional(String(80))


class UseRow(Base):
    """When an account was last used, by which way. It lies here as the follower writes it, and the directory may be an
    ISP's own, which is only read."""

    __tablename__ = "last_use"

    account_id = column(ascii_key(ACCOUNT), primary_key=True)
    site = column(ascii_key(ACCOUNT))
    imap = optional(moment())
    pop3 = optional(moment())
    smtp = optional(moment())
    web = optional(moment())


class LearntRow(Base):
    """A message that its owner moved into the folder of spam or out of it, and what the filter did with that
    (codes.py `Lesson`). The newest of each account are kept."""

    __tablename__ = "learnt"
    __table_args__ = (Index(None, "learnt_at"), Index(None, "site", "learnt_at"), CLUSTERED)

    account_id = column(ascii_key(ACCOUNT), primary_key=True)
    learnt_at = column(moment(), primary_key=True)
    id = column(BigInteger, primary_key=True)
    site = column(ascii_key(ACCOUNT))
    spam = column(Boolean)
    lesson = column(SmallInteger)
    message_id = optional(String(250))


DONE = "done"  # `owner` of a file that was read once; names of followers have colons


class SourceRow(Base):
    """One log file of one host, and how far it is read: the position, and what is known of messages still under way,
    written in the transaction that wrote their rows. `owner` is the follower that reads it, until `seen_at` is old."""

    __tablename__ = "ingest_source"
    __table_args__ = (Index("ux_ingest_source_node_path", "node", "path", unique=True),)

    source_id = column(SmallInteger, primary_key=True)
    node = column(key(80))
    path = column(key(255))
    format = column(String(20))
    zone = column(String(40), server_default="UTC")
    inode = optional(BigInteger)
    head_hash = optional(digest(32))
    head_length = optional(Integer)
    byte_pos = column(BigInteger, server_default="0")
    next_seq = column(BigInteger, server_default="1")
    last_at = optional(moment())
    state = optional(long_bytes())
    seen_at = optional(moment())
    owner = column(String(120), server_default="")
    lines = column(BigInteger, server_default="0")
    rows = column(BigInteger, server_default="0")
    odd_lines = column(BigInteger, server_default="0")
    gaps = column(Integer, server_default="0")


class OddRow(Base):
    """A line that could not be read though it looks like a refusal, or a reply that no pattern classes: the newest of
    each kind of a source (`mark` is a digest of its shape), how often, and an example."""

    __tablename__ = "odd_line"

    source_id = column(SmallInteger, primary_key=True)
    mark = column(ascii_key(32), primary_key=True)
    why = column(String(80))
    example = column(long_text())
    times = column(BigInteger, server_default="1")
    last_at = column(moment())
