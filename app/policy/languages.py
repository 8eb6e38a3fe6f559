"""Languages that filters of content can tell apart, by ISO 639-1 code: those that SpamAssassin's TextCat knows."""

from collections.abc import Mapping
from typing import Final

_KNOWN: Final = (
    "af Afrikaans,am Amharic,ar Arabic,be Belarusian,bg Bulgarian,bs Bosnian,ca Catalan,cs Czech,cy Welsh,da Danish,"
    "de German,el Greek,en English,eo Esperanto,es Spanish,et Estonian,eu Basque,fa Persian,fi Finnish,fr French,"
    "fy Frisian,ga Irish,gd Scottish Gaelic,he Hebrew,hi Hindi,hr Croatian,hu Hungarian,hy Armenian,id Indonesian,"
    "is Icelandic,it Italian,ja Japanese,ka Georgian,ko Korean,la Latin,lt Lithuanian,lv Latvian,mr Marathi,ms Malay,"
    "ne Nepali,nl Dutch,no Norwegian,pl Polish,pt Portuguese,qu Quechua,rm Romansh,ro Romanian,ru Russian,sa Sanskrit,"
    "sk Slovak,sl Slovenian,sq Albanian,sr Serbian,sv Swedish,sw Swahili,ta Tamil,th Thai,tl Tagalog,tr Turkish,"
    "uk Ukrainian,vi Vietnamese,yi Yiddish,zh Chinese"
)
LANGUAGES: Final[Mapping[str, str]] = {each[:2]: each[3:] for each in _KNOWN.split(",")}
