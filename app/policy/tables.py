"""The tables of what is allowed and denied. Mail servers read them too, so they are plain: text keys, no digests.

A rule or setting holds for everybody ("global", `scope_id` ""), one site or one account, by the directory's opaque id.
`scope_rank` 0, 1 and 2 orders these three without comparing names. Times are UTC.
"""

from sqlalchemy import BigInteger, Boolean, Index, Integer, SmallInteger, String, UniqueConstraint, false

from app.table.declare import Declared, ascii_key, column, key, long_text, moment, one_of, optional, table_set

ACTIONS = ("deny", "allow", "nogrey")
ORIGINS = ("user", "admin", "import", "auto")
SCOPE = 700


class Base(Declared):
    """The policy's own set of tables."""

    metadata = table_set()


class RuleRow(Base):
    """One entry of an allow or deny list. `kind`: 1 sender's address, 2 its domain, 3 client network in canonical
    CIDR, 4 recipient's address or domain. `hits`: how often it acted, as the block log has it."""

    __tablename__ = "policy_rule"
    __table_args__ = (
        Index(None, "kind", "value", "scope_rank", "scope_id"),
        UniqueConstraint("scope_rank", "scope_id", "kind", "value", "action", name="uq_policy_rule"),
        one_of("action", ACTIONS),
        one_of("origin", ORIGINS),
    )

    rule_id = column(Integer, primary_key=True)
    scope_rank = column(SmallInteger)
    scope_id = column(ascii_key(SCOPE))
    action = column(ascii_key(8))
    kind = column(SmallInteger)
    value = column(key(320))
    locked = column(Boolean, server_default=false())
    origin = column(String(8), server_default="user")
    note = optional(String(120))
    created_at = column(moment())
    created_by = column(ascii_key(SCOPE), server_default="")
    expires_at = optional(moment())
    hits = column(Integer, server_default="0")


class HostBlockRow(Base):
    """A sending server that nobody takes mail from until `expires_at`."""

    __tablename__ = "host_block"
    __table_args__ = (Index(None, "expires_at"),)

    ip = column(ascii_key(45), primary_key=True)
    reason = column(String(120))
    added_at = column(moment())
    expires_at = column(moment())
    hits = column(Integer, server_default="0")


class TripletRow(Base):
    """A greylisted attempt: `mark` is a digest of sender and recipient, which are too long for an index."""

    __tablename__ = "grey_triplet"
    __table_args__ = (Index(None, "last_seen"),)

    net = column(ascii_key(45), primary_key=True)
    mark = column(ascii_key(32), primary_key=True)
    sender = column(String(320))
    rcpt = column(String(320))
    first_seen = column(moment())
    last_seen = column(moment())
    tries = column(SmallInteger, server_default="1")
    passed_at = optional(moment())


class PolicySettingRow(Base):
    """A setting of the mail intake or of spam handling. None in a scope: inherited from the one above."""

    __tablename__ = "policy_setting"

    scope_rank = column(SmallInteger, primary_key=True)
    scope_id = column(ascii_key(SCOPE), primary_key=True)
    name = column(ascii_key(50), primary_key=True)
    value = column(String(255))
    locked = column(Boolean, server_default=false())
    updated_at = column(moment())


class SpamPreferenceRow(Base):
    """A preference of SpamAssassin's, as it reads them from SQL, by rank of its scope."""

    __tablename__ = "spam_pref"
    __table_args__ = (UniqueConstraint("scope_rank", "scope_id", "preference", "value", name="uq_spam_pref"),)

    prefid = column(Integer, primary_key=True)
    scope_rank = column(SmallInteger)
    scope_id = column(ascii_key(SCOPE))
    preference = column(ascii_key(50))
    value = column(key(255))


class ActionRow(Base):
    """Who did what, to whose account or to which site. `detail` is JSON and holds what an undo needs; `undone_by` the
    action that took it back."""

    __tablename__ = "action_log"
    __table_args__ = (Index(None, "site", "at"), Index(None, "account_id", "at"))

    id = column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    at = column(moment())
    actor_id = column(ascii_key(SCOPE))
    account_id = column(ascii_key(SCOPE), server_default="")
    site = column(ascii_key(SCOPE), server_default="")
    verb = column(ascii_key(40))
    target = column(String(320))
    detail = optional(long_text())
    ip = column(ascii_key(45), server_default="")
    undone_by = optional(BigInteger)


class AwayRow(Base):
    """What is answered while somebody is away, from one moment to before another. `zone`: by whose clock their days
    were meant; `contacts`: only these senders, one a line with a line break at both ends."""

    __tablename__ = "away"

    account_id = column(ascii_key(SCOPE), primary_key=True)
    enabled = column(Boolean, server_default=false())
    subject = column(String(500), server_default="")
    answer = column(long_text())
    days = column(SmallInteger, server_default="7")
    starts_at = optional(moment())
    ends_at = optional(moment())
    zone = column(String(40), server_default="UTC")
    contacts = optional(long_text())
    updated_at = column(moment())


class AwayAnswerRow(Base):
    """Whom the mail exchanger answered for an account, and when: `mark` is a digest of the sender."""

    __tablename__ = "away_answer"
    __table_args__ = (Index(None, "answered_at"),)

    account_id = column(ascii_key(SCOPE), primary_key=True)
    mark = column(ascii_key(32), primary_key=True)
    answered_at = column(moment())
