"""The text of a letter in another form: with formatting or plain, and under the signature of another identity.

A script asks for it (POST /compose, action rich, plain or signed) and takes the fields from the form that comes back,
so that there is one way to convert. Without a script a save exchanges the signature.
"""

from collections.abc import Sequence
from dataclasses import replace

from app.mail.formatted import too_much
from app.mail.signature import Signature, composed_text, exchanged_html, exchanged_text
from app.profile.identities import Identity
from app.web.letter.letter import Letter

FORMS = frozenset({"rich", "plain", "signed"})


def signature_of(identity: Identity) -> Signature:
    """As it stands under what this identity writes."""
    return Signature(identity.signature_text, identity.signature_html)


def lost_by(letter: Letter, html: str | None) -> str:
    """What of a draft's HTML cannot be edited here, for people: "" where all can."""
    if html and letter.html is None:
        return "This draft has more formatting than can be edited here. What is saved is its plain text."
    if html and html.lower().count("<img") > (letter.html or "").count("<img "):
        return "Some pictures of this draft lie on other servers. They are not kept when it is saved here."
    return ""


def in_form(letter: Letter, form: str, identities: Sequence[Identity]) -> Letter:
    """The letter in one of FORMS. As plain text it has no pictures inside: they are attached. A text whose quotes would
    make more HTML than can be saved stays as it is."""
    if form == "signed":
        return signed(letter, identities)
    own = next((signature_of(each) for each in identities if each.id == letter.signed), Signature())
    html = composed_text(letter.text, own) if form == "rich" else None
    return replace(letter, html=None if html and too_much(html) else html)


def signed(letter: Letter, identities: Sequence[Identity]) -> Letter:
    """The letter with its identity's signature in place of the one that was put there, if that was left as it was."""
    by_id = {each.id: each for each in identities}
    old, new = by_id.get(letter.signed), by_id.get(letter.identity)
    if old is None or new is None or old.id == new.id:
        return letter
    before, after = signature_of(old), signature_of(new)
    html = None if letter.html is None else exchanged_html(letter.html, before, after)
    return replace(letter, signed=new.id, html=html, text=exchanged_text(letter.text, before, after))
