"""What is done with spam: limits, delays, block lists, languages; each inherited until somebody chooses otherwise."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from flask import flash, redirect, request

from app.policy import spam
from app.policy.chosen import Chosen
from app.policy.errors import BadValue, Locked, PolicyAway
from app.policy.languages import LANGUAGES
from app.policy.rule import Scope
from app.policy.spam import VERB, Effective, Setting, sound_value
from app.web.lists import taught
from app.web.lists.senders import lately, undo_url
from app.web.lists.whose import Whose, whose
from app.web.mailboxes import teaching
from app.web.policy import policy
from app.web.resources import resources

SCORES = ("junk_score", "reject_score")
LABELS = {
    "junk_score": "Into the spam folder from a score of",
    "reject_score": "Refused from a score of",
    "spam_action": "What happens to spam",
    "greylist": "Delay unknown servers",
    "rbl": "Block lists",
    "languages": "Languages you read",
}
NAMES = {
    "junk_score": "the limit of the spam folder",
    "reject_score": "the limit of refusing",
    "spam_action": "what happens to spam",
    "greylist": "delays",
    "rbl": "block lists",
    "languages": "languages",
}
WORDS = {"0": "off", "1": "on", "junk": "put into the spam folder", "tag": "only marked"}
AWAY = "These settings cannot be reached at the moment. Nothing was changed; try again in a while."
BARRED = "One of these was locked meanwhile, so nothing was changed. It is shown as it is now."


def show(level: str = "account") -> Any:
    """GET /filters/spam"""
    return _page(whose(level))


def save(level: str = "account") -> Any:
    """POST /filters/spam: what was chosen of all of them, or one of them to be reset."""
    its = whose(level)
    try:
        with policy() as engine:
            held = _held(its, engine)
            wishes, faults = _wishes(its, held)
            if faults:
                return _page(its, faults, 422)
            spam.choose_all(engine, its.by, its.scope, wishes, _now())
    except PolicyAway:
        return _page(its, {"form": AWAY}, 503)
    except Locked:
        return _page(its, {"form": BARRED}, 409)
    flash("Saved. Mail servers heed it from the next message on.")
    return redirect(its.url("spam"), 303)


def shown(name: str, value: str) -> str:
    """A value in words."""
    if name == "languages":
        return ", ".join(LANGUAGES[code] for code in value.split() if code in LANGUAGES) or "any"
    return value if name in SCORES else WORDS.get(value, value)


def who(its: Whose, scope: Scope | None) -> str:
    """Who chose, as a page calls them."""
    if scope is None:
        return "As usual"
    provider = "As the provider says" if its.realm is not None else "As your provider says"
    return "As your site says" if scope.rank == 1 else provider


def offered(its: Whose) -> tuple[str, ...]:
    """The settings that mail servers heed; administrators set up the others, too."""
    asked = resources().settings.spam_asked
    return tuple(name for name in LABELS if its.realm is not None or name in asked)


def barred(its: Whose, setting: Setting) -> bool:
    """Whether a wider scope has locked it."""
    return setting.locked and setting.scope is not None and setting.scope.rank < its.scope.rank


def _held(its: Whose, engine: Any) -> Effective:
    account_id = its.me.account.id if its.realm is None else ""
    return spam.effective(engine, account_id=account_id, site=its.site)


def _wishes(its: Whose, held: Effective) -> tuple[dict[str, Chosen | None], dict[str, str]]:
    """What a form wishes of each setting that it may choose, and what is wrong with it."""
    told, faults = dict(held.items()), {}
    free = [name for name in offered(its) if not barred(its, told[name])]
    wishes: dict[str, Chosen | None] = {}
    for name in (each for each in free if each in request.form):
        try:
            wishes[name] = None if request.form.get("reset") == name else _wish(its, name, told[name])
        except BadValue as error:
            faults[name] = f"{str(error)[:1].upper()}{str(error)[1:]}."
    junk, reject = (_will_be(name, wishes, told[name]) for name in SCORES)
    here = [name for name in SCORES if wishes.get(name)]
    if not faults and here and float(junk) >= float(reject):
        faults[here[0]] = f"Mail is refused from {reject} on, and would never reach the spam folder from {junk}."
    return wishes, faults


def _wish(its: Whose, name: str, now: Setting) -> Chosen | None:
    """None: it inherits. What is locked needs a value: the one that holds. Raises BadValue."""
    value = request.form.get(name, "").strip()
    locked = its.realm is not None and request.form.get(f"lock_{name}") == "yes"
    if name == "languages" and value == "these":
        value = " ".join(request.form.getlist("language"))
        if not value:
            raise BadValue("choose at least one language, or any")
    elif name == "languages" and value == "any":
        return Chosen("", locked)
    if not value:
        return Chosen(now.inherited, True) if locked else None
    return Chosen(sound_value(name, value), locked)


def _will_be(name: str, wishes: Mapping[str, Chosen | None], now: Setting) -> str:
    if name not in wishes:
        return now.value
    wish = wishes[name]
    return now.inherited if wish is None else wish.value


def _page(its: Whose, faults: Mapping[str, str] | None = None, status: int = 200) -> Any:
    try:
        with policy() as engine:
            held, done = _held(its, engine), lately(its, engine, (VERB,), _now())
    except PolicyAway:
        if not (faults or {}).get("form"):
            raise
        held, done = Effective(**{name: Setting(value) for name, value in spam.DEFAULTS.items()}, delays=True), []
    told, here, settings = dict(held.items()), offered(its), resources().settings
    way = teaching.way(its.me).way
    values = {
        "settings": [(name, LABELS[name], told[name], barred(its, told[name])) for name in here],
        "unheeded": [NAMES[name] for name in NAMES if name not in settings.spam_asked],
        "delays": held.delays, "faults": faults or {}, "typed": _typed(told, keep=bool(faults)),
        "locks": {name: request.form.get(f"lock_{name}") == "yes" if faults else _locks(told[name]) for name in here},
        "known": LANGUAGES, "shown": shown, "who": who, "way": way, "labels": NAMES,
        "taught": taught.mine(its) if its.realm is None and way == "move" else None,
        "done": [(each, undo_url(its, each)) for each in done],
    }  # fmt: skip
    return its.page("spam", values, status)


def _typed(told: Mapping[str, Setting], *, keep: bool) -> dict[str, Any]:
    """What the fields hold: what was typed, where the form comes back, else the own choice; "" is inherited."""
    if keep:
        return {**{name: request.form.get(name, "") for name in told}, "language": request.form.getlist("language")}
    own = {name: each.own.value if each.own else "" for name, each in told.items()}
    codes = own["languages"].split()
    if told["languages"].own:
        own["languages"] = "these" if codes else "any"
    return {**own, "language": codes}


def _locks(setting: Setting) -> bool:
    return setting.own is not None and setting.own.locked


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)
