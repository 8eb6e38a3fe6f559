"""Domains where anybody gets an address: a rule about one of them as a whole would let in, or shut out, everybody."""

from typing import Final

_KNOWN: Final = (
    "126.com 163.com aim.com aol.com arcor.de att.net bigpond.com bk.ru bluewin.ch bol.com.br btinternet.com "
    "comcast.net cox.net email.com email.cz fastmail.com fastmail.fm free.fr freemail.hu freenet.de gmail.com "
    "gmx.at gmx.ch gmx.com gmx.de gmx.net googlemail.com hey.com hotmail.co.uk hotmail.com hotmail.de hotmail.es "
    "hotmail.fr hotmail.it hushmail.com icloud.com inbox.com inbox.lv inbox.ru interia.pl laposte.net libero.it "
    "list.ru live.co.uk live.com live.de live.fr live.nl mac.com mail.com mail.de mail.ru me.com msn.com "
    "naver.com o2.pl onet.pl op.pl orange.fr outlook.com outlook.de outlook.es outlook.fr pm.me posteo.de "
    "proton.me protonmail.ch protonmail.com qq.com rambler.ru rediffmail.com rocketmail.com sbcglobal.net "
    "seznam.cz sfr.fr sina.com sky.com skynet.be t-online.de terra.com.br tiscali.it tutamail.com tutanota.com "
    "uol.com.br verizon.net virgilio.it wanadoo.fr web.de wp.pl yahoo.co.in yahoo.co.jp yahoo.co.uk yahoo.com "
    "yahoo.com.br yahoo.de yahoo.es yahoo.fr yahoo.it yandex.com yandex.ru yeah.net ymail.com zoho.com "
)
_DOMAINS: Final = frozenset(_KNOWN.split())


def is_free(domain: str) -> bool:
    """Whether anybody gets an address under this domain (lower case, punycode), as far as is known here."""
    return domain in _DOMAINS
