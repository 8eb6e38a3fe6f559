"""Which mailbox is the junk, the trash, the sent mail.

SPECIAL-USE tells (RFC 6154 §2), else the account's own setting, else the site's pattern, else a name that people and
programs have given such a mailbox in their language; in that order.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Literal, Protocol

Use = Literal["inbox", "drafts", "sent", "junk", "trash", "archive", "all", "flagged"]

USES: tuple[Use, ...] = ("inbox", "drafts", "sent", "archive", "junk", "trash", "all", "flagged")

ATTRIBUTES: Mapping[bytes, Use] = {
    b"\\DRAFTS": "drafts", b"\\SENT": "sent", b"\\JUNK": "junk", b"\\TRASH": "trash", b"\\ARCHIVE": "archive",
    b"\\ALL": "all", b"\\FLAGGED": "flagged",
}  # fmt: skip

# What is made when a mailbox is needed and there is none.
DEFAULT_NAMES: Mapping[Use, str] = {
    "inbox": "INBOX", "drafts": "Drafts", "sent": "Sent", "junk": "Junk", "trash": "Trash", "archive": "Archive",
}  # fmt: skip

_NAMES: Mapping[Use, str] = {
    "drafts": (
        "drafts|draft|entwürfe|entwurf|brouillons|brouillon|borradores|rascunhos|bozze|concepten|utkast|kladder"
        "|luonnokset|szkice|kopie robocze|koncepty|rozepsané|piszkozatok|schițe|черновики|чернетки|taslaklar"
        "|πρόχειρα|下書き|草稿|草稿箱|임시보관함|טיוטות|مسودات"
    ),
    "sent": (
        "sent|sent items|sent messages|sent mail|sent-mail|sent-items|gesendet|gesendete elemente"
        "|gesendete objekte|gesendete nachrichten|envoyés|éléments envoyés|messages envoyés|enviados"
        "|elementos enviados|itens enviados|inviata|posta inviata|inviati|verzonden|verzonden items"
        "|verzonden berichten|skickat|skickade|skickade objekt|sendt|sendte elementer|sendt post|lähetetyt"
        "|wysłane|elementy wysłane|odeslané|odoslané|elküldött|trimise|отправленные|надіслані|gönderilmiş"
        "|gönderilenler|gönderilmiş öğeler|απεσταλμένα|送信済み|送信済みメール|已发送|寄件備份|보낸편지함|נשלח"
        "|المرسلة"
    ),
    "junk": (
        "junk|junk e-mail|junk email|junk mail|spam|bulk mail|caughtspam|quarantine|junk-e-mail|spamverdacht"
        "|werbung|unerwünscht|courrier indésirable|indésirables|pourriel|pourriels|correo no deseado|no deseado"
        "|lixo eletrônico|lixo electrónico|posta indesiderata|ongewenste e-mail|ongewenst|skräppost|søppelpost"
        "|uønsket e-post|uønsket mail|roskaposti|wiadomości-śmieci|niechciane|nevyžádaná pošta|levélszemét|спам"
        "|нежелательная почта|istenmeyen|önemsiz e-posta|ανεπιθύμητα|迷惑メール|垃圾邮件|垃圾郵件|스팸함|דואר זבל"
    ),
    "trash": (
        "trash|deleted|deleted items|deleted messages|bin|waste|wastebasket|papierkorb|gelöschte elemente"
        "|gelöschte objekte|gelöscht|corbeille|éléments supprimés|messages supprimés|papelera"
        "|elementos eliminados|eliminados|lixeira|lixo|itens excluídos|cestino|posta eliminata|prullenbak"
        "|verwijderde items|papperskorg|borttaget|borttagna objekt|slettet|slettede elementer|papirkurv|roskakori"
        "|poistetut|kosz|elementy usunięte|koš|odstraněná pošta|kôš|kuka|törölt elemek|coș de gunoi|корзина"
        "|удаленные|кошик|çöp|çöp kutusu|silinmiş öğeler|κάδος|ゴミ箱|已删除|已删除邮件|刪除的郵件|휴지통|אשפה"
        "|المحذوفة"
    ),
    "archive": (
        "archive|archives|archived|archiv|archivo|arquivo|archivio|archief|arkiv|arkisto|archiwum|archív|архив"
        "|архів|arşiv|αρχείο|アーカイブ|归档|存档|보관함"
    ),
}
USUAL: Mapping[str, Use] = {name: use for use, names in _NAMES.items() for name in names.split("|")}


class Named(Protocol):
    """What is looked at of a mailbox here."""

    @property
    def name(self) -> str: ...
    @property
    def path(self) -> tuple[str, ...]: ...
    @property
    def attributes(self) -> frozenset[bytes]: ...
    @property
    def selectable(self) -> bool: ...


def assign(
    listed: Sequence[Named], *, special: Mapping[Use, str], junk_pattern: str | None, today: date
) -> dict[str, Use]:
    """Return {name: use}; the first of a use is the one that mail goes to, further ones are shown like it (junk only).

    `path` of each is its components without the namespace's prefix.
    """
    uses: dict[str, Use] = {each.name: "inbox" for each in listed if each.name == "INBOX"}
    open_to = [each for each in listed if each.selectable and each.name not in uses]
    for each in open_to:
        for attribute, use in ATTRIBUTES.items():
            if attribute in each.attributes:
                uses.setdefault(each.name, use)
    names = {each.name for each in open_to}
    for use, name in special.items():
        if name in names and use not in uses.values():
            uses.setdefault(name, use)
    _by_pattern(uses, open_to, junk_pattern, today)
    _by_name(uses, open_to)
    return uses


def _by_pattern(uses: dict[str, Use], listed: Sequence[Named], pattern: str | None, today: date) -> None:
    """All mailboxes of the pattern are junk: the one of today first, then the latest names."""
    if not pattern:
        return
    fits = pattern_regex(pattern)
    found = [each for each in listed if fits.fullmatch(each.name) or fits.fullmatch(".".join(each.path))]
    current = expand_pattern(pattern, today)
    found.sort(key=lambda each: each.name, reverse=True)
    found.sort(key=lambda each: each.name != current and ".".join(each.path) != current)
    for each in found:
        uses.setdefault(each.name, "junk")


def _by_name(uses: dict[str, Use], listed: Sequence[Named]) -> None:
    taken = set(uses.values())
    for each in listed:
        use = USUAL.get(each.path[0].casefold()) if len(each.path) == 1 else None
        if use and use not in taken and each.name not in uses:
            uses[each.name] = use
            taken.add(use)


def pattern_regex(pattern: str) -> re.Pattern[str]:
    """Return what a name must match: `spam.%Y` fits `spam.2006` and `spam.old`; %% is a percent sign."""
    pieces = re.split(r"(%.)", pattern)
    return re.compile("".join(_piece(piece) for piece in pieces), re.DOTALL)


def _piece(piece: str) -> str:
    return (re.escape("%") if piece == "%%" else ".+") if re.fullmatch(r"%.", piece) else re.escape(piece)


def expand_pattern(pattern: str, today: date) -> str:
    """Return the name of the day: %Y year, %m month, %d day, %% a percent sign; anything else stays as it is."""
    values = {"%Y": f"{today:%Y}", "%m": f"{today:%m}", "%d": f"{today:%d}", "%%": "%"}
    return re.sub(r"%.", lambda found: values.get(found[0], found[0]), pattern)
