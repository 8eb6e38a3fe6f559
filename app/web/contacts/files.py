"""The address book as files: vCard and CSV in, with a report of what was not understood, and out.

A file is read as it came with the form; nothing of it is kept but the contacts.
"""

from dataclasses import dataclass

from flask import Response, make_response, render_template, request

from app.mail.address import BadAddress, normal
from app.mail.filename import content_disposition
from app.profile import contacts as book
from app.profile import csvfile, vcard
from app.profile.contact import Contact, Imported
from app.profile.errors import Full, ProfileAway
from app.profile.words import line
from app.web import spool
from app.web.contacts.contacts import FULL
from app.web.profile import profile
from app.web.resources import resources
from app.web.session import current

AWAY = "Your address book cannot be reached at the moment. Nothing was imported; try again in a while."


@dataclass(frozen=True, slots=True)
class Report:
    """What became of a file."""

    name: str
    added: int
    known: int
    imported: Imported


def choose() -> Response:
    """GET /contacts/import"""
    return _page()


def read() -> Response:
    """POST /contacts/import"""
    if spool.dropped("file"):
        raise spool.NoRoom
    file = request.files.get("file")
    if file is None or not file.filename:
        return _page(fault="Choose a file first.", status=422)
    data = file.stream.read()
    found = vcard.read(data) if b"BEGIN:VCARD" in data[:4096].upper().replace(b"\0", b"") else csvfile.read(data)
    label = line(request.form.get("label", ""), 60)
    try:
        added, known = _added([_labelled(each, label) for each in found.contacts])
    except ProfileAway:
        return _page(fault=AWAY, status=503)
    except Full:
        return _page(fault=FULL, status=507)
    return _page(report=Report(line(file.filename, 120), added, known, found))


def _page(*, fault: str = "", report: Report | None = None, status: int = 200) -> Response:
    limit = resources().settings.request_bytes
    return make_response(render_template("import.html", fault=fault, report=report, limit=limit), status)


def _labelled(contact: Contact, label: str) -> Contact:
    """In the group that was asked for, its addresses as they are written here."""
    addresses = tuple(_normal(each) for each in contact.addresses)
    labels = (*contact.labels, *([label] if label else []))
    return Contact(contact.name, addresses, contact.note, labels, contact.card)


def _normal(address: str) -> str:
    try:
        return normal(address)
    except BadAddress:
        return address


def _added(contacts: list[Contact]) -> tuple[int, int]:
    """How many were added, and how many were there already: of the same name with the same addresses."""
    me = current()
    with profile() as engine:
        return book.add_missing(engine, me.account.id, contacts)


def export_vcf() -> Response:
    """GET /contacts/export.vcf?version=4.0"""
    version: vcard.Version = "4.0" if request.args.get("version") == "4.0" else "3.0"
    return _file(vcard.write(_everybody(), version), "contacts.vcf", "text/vcard; charset=utf-8")


def export_csv() -> Response:
    """GET /contacts/export.csv; with a mark of UTF-8, without which Excel reads other letters."""
    return _file("\ufeff" + csvfile.write(_everybody()), "contacts.csv", "text/csv; charset=utf-8")


def _everybody() -> tuple[Contact, ...]:
    with profile() as engine:
        return book.every(engine, current().account.id)


def _file(text: str, name: str, media: str) -> Response:
    response = make_response(text)
    response.headers["Content-Type"] = media
    response.headers["Content-Disposition"] = content_disposition("attachment", name)
    return response
