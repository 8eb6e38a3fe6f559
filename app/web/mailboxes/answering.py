"""That somebody's mail is answered for them: one line above their list while it is so.

No page of mail asks for the script: whoever reads or writes it notes what it says here, in a setting of the account's.
"""

from contextlib import suppress
from datetime import UTC, datetime

from app.profile.errors import ProfileAway
from app.sieve.period import Period
from app.sieve.script import Script
from app.sieve.vacation import Bound, Vacation
from app.web.format import long_day
from app.web.profile import keep_setting, setting
from app.web.session import Current

SETTING = "answering"
_NEAR = 300  # days


def noted(me: Current, script: Script) -> bool:
    """Keeps what a script that runs says; whether that was not known before. Never raises."""
    return answers(me, next((rule for rule in script.rules if isinstance(rule, Vacation) and rule.enabled), None))


def answers(me: Current, vacation: Vacation | None) -> bool:
    """Keeps that mail is answered so; whether that was not known before. Never raises."""
    told = None if vacation is None or not vacation.enabled else Period(vacation.start, vacation.end).as_json()
    if told == setting(me, SETTING):
        return False
    with suppress(ProfileAway):
        keep_setting(me, SETTING, told)
    return True


def shown(me: Current) -> str:
    """Until when mail is answered, in words; "" while it is not. Never raises."""
    period = Period.from_json(setting(me, SETTING))
    now = datetime.now(UTC)
    if period is None or period.state(now) != "within":
        return ""
    return f"Mail is answered until {short(period.end, now)}." if period.end else "Mail is answered."


def short(bound: Bound, now: datetime) -> str:
    """A bound's day, for a narrow line: "18 November", with the year where it is not near."""
    words = long_day(bound.day).partition(" ")[2]
    return words.rpartition(" ")[0] if (bound.day - now.date()).days < _NEAR else words


def day(bound: Bound) -> str:
    """A bound in words: "Tuesday 18 November 2025, 08:00"."""
    return long_day(bound.day) + (f", {bound.at:%H:%M}" if bound.at else "")
