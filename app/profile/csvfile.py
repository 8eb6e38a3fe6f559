"""Address books as CSV, as Google, Outlook, Thunderbird and we ourselves write them.

Columns are known by their names, in a few languages of Outlook. A cell that a spreadsheet would take for a formula is
written behind an apostrophe (and read without it): a contact's name may come from a stranger's mail.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence

from app.profile.contact import MOST_CONTACTS, Contact, Faults, Imported, decoded, plausible
from app.profile.vcardline import Property, escaped, written
from app.profile.words import folded, line

_MOST_COLUMNS = 300
# A cell that begins so is a formula to a spreadsheet; where decimals have a comma, so is what stands behind a semicolon
# or a line's end. Apostrophes that are there already get one more, so that one can be taken off again.
_FORMULA = "[=+@\t\r\n\uff1d\uff0b\uff0d\uff20-]"
_UNGUARDED = re.compile(rf"(\A|[;\r\n][\s\"]{{0,99}}+)(?='*{_FORMULA})")
_GUARDED = re.compile(rf"(\A|[;\r\n][\s\"]{{0,99}}+)'(?='*{_FORMULA})")
_WHOLE = {"name", "display name", "full name", "anzeigename", "nom complet"}
_GIVEN = {"given name", "first name", "vorname", "prenom", "nombre"}
_MIDDLE = {"additional name", "middle name", "weitere vornamen"}
_FAMILY = {"family name", "last name", "nachname", "nom", "apellidos", "surname"}
_NOTE = {"notes", "note", "notizen", "remarques"}
_LABELS = {"labels", "group membership", "categories", "kategorien", "categorie", "groups", "group"}
_ORGANISATION = {
    "organization name",
    "organization 1 - name",
    "organization",
    "company",
    "firma",
    "societe",
    "organisation",
}
_TITLE = {"organization title", "organization 1 - title", "job title", "position", "titre"}
_MAIL = re.compile(
    r"(?:primary email|secondary email|(?:e-?mail|email)(?: ?\d+)?(?: ?-? ?(?:value|address|adresse))?"
    r"|e-mail ?\d? ?- ?value|(?:adresse|direccion) (?:de )?(?:messagerie|correo electronico)|e-mail-?adresse(?: \d)?)"
)
_PHONE = re.compile(
    r"(?:.* )?(?:phone|telefon|telephone|mobile|mobil|pager|fax)(?: .*)?(?: \d)?(?: - value)?(?: number)?"
)
_SILENT = re.compile(r"(?:e-mail|phone) \d - (?:type|label)")  # says what the next column is


def read(data: bytes) -> Imported:
    """The contacts of a file, and which rows and columns were not understood. Never raises."""
    faults = Faults()
    text = decoded(data)
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text))
        heads = [folded(each).strip() for each in next(reader, [])][:_MOST_COLUMNS]
    except csv.Error:
        heads = []
    if not _understood(heads):
        faults.add(1, text.partition("\n")[0], "has no column that we know for a name or a mail address")
        return faults.of(())
    return faults.of(_contacts(reader, heads, faults))


def _delimiter(text: str) -> str:
    """The mark that is most often in the head; Outlook writes semicolons where decimals have commas."""
    head = text.partition("\n")[0]
    return max(",;\t", key=head.count)


def _understood(heads: Sequence[str]) -> bool:
    return any(each in _WHOLE | _GIVEN | _FAMILY or _MAIL.fullmatch(each) for each in heads)


def _contacts(reader: Iterable[list[str]], heads: Sequence[str], faults: Faults) -> list[Contact]:
    contacts: list[Contact] = []
    ignored: set[str] = set()
    rows = iter(reader)
    number = 1
    while True:
        try:
            row = next(rows)
        except StopIteration:
            break
        except csv.Error:
            faults.add(number + 1, "", "is no row of a CSV file")
            break
        number = getattr(reader, "line_num", number + 1)
        cells = [(head, _plain(cell)) for head, cell in zip(heads, row, strict=False) if cell.strip()]
        if len(contacts) >= MOST_CONTACTS and cells:
            faults.rest(number)
            break
        if cells:
            _take(cells, number, contacts, ignored, faults)
    for head in sorted(ignored)[:50]:
        faults.add(1, head, "is a column that has no place here")
    return contacts


def _plain(cell: str) -> str:
    """Without the apostrophes that keep a spreadsheet from calculating."""
    return _GUARDED.sub(r"\1", cell)


def _take(
    cells: Sequence[tuple[str, str]], number: int, contacts: list[Contact], ignored: set[str], faults: Faults
) -> None:
    by_name: Mapping[str, str] = dict(reversed(cells))
    addresses = []
    for head, cell in cells:
        if _MAIL.fullmatch(head):
            for each in re.split(r" ::: |[;,]", cell):  # Google joins several by " ::: "
                (
                    addresses.append(each.strip())
                    if plausible(each.strip())
                    else faults.add(number, each, "is no mail address")
                )
        elif not _known(head):
            ignored.add(head)
    parts = (_first(by_name, names) for names in (_GIVEN, _MIDDLE, _FAMILY))
    name = _first(by_name, _WHOLE) or line(" ".join(parts)) or _first(by_name, _ORGANISATION)
    if not (name or addresses):
        faults.add(number, ", ".join(cell for _, cell in cells), "this row has neither a name nor a mail address")
        return
    labels = [each.removeprefix("* ").strip() for each in re.split(r" ::: |[;,\n]", _first(by_name, _LABELS))]
    labels = [each for each in labels if each and each.lower() != "mycontacts"]
    note = _first(by_name, _NOTE)
    contacts.append(Contact(name or addresses[0], tuple(addresses), note, tuple(labels), _card(cells, by_name)))


def _known(head: str) -> bool:
    names = _WHOLE | _GIVEN | _MIDDLE | _FAMILY | _NOTE | _LABELS | _ORGANISATION | _TITLE
    return head in names or bool(_PHONE.fullmatch(head) or _SILENT.fullmatch(head))


def _first(by_name: Mapping[str, str], names: set[str]) -> str:
    return next((cell.strip() for head, cell in by_name.items() if head in names), "")


def _card(cells: Sequence[tuple[str, str]], by_name: Mapping[str, str]) -> str | None:
    """What has no place here but one in a vCard: it comes out again at export."""
    lines = [
        Property("ORG", escaped(_first(by_name, _ORGANISATION))),
        Property("TITLE", escaped(_first(by_name, _TITLE))),
    ]
    for head, cell in cells:
        if _PHONE.fullmatch(head) and not _SILENT.fullmatch(head):
            kinds = [kind for kind in ("home", "work", "fax", "pager") if kind in head]
            kinds += ["cell"] if "mobi" in head else []
            lines.append(Property("TEL", escaped(line(cell)), (("TYPE", tuple(kinds or ["voice"])),)))
    told = "".join(written(each) for each in lines if each.value)
    return told.replace("\r\n", "\n") or None


def write(contacts: Sequence[Contact]) -> str:
    """A CSV file (RFC 4180) in Google's columns, which most programs import."""
    width = max((len(each.addresses) for each in contacts), default=1) or 1
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(["Name", *(f"E-mail {number} - Value" for number in range(1, width + 1)), "Labels", "Notes"])
    for each in contacts:
        addresses = (*each.addresses, *[""] * (width - len(each.addresses)))
        cells = (each.name, *addresses, " ::: ".join(each.labels), each.note)
        writer.writerow([_UNGUARDED.sub(r"\1'", cell) for cell in cells])
    return out.getvalue()
