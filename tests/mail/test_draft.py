"""Drafts: saved in place of the former one, read back as they were written, on a real server and on bare ones."""

import email
import io
import re
import tracemalloc
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from email import policy

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from app.demo.dovecot import Dovecot
from app.mail import draft
from app.mail.draft import Saved, read, save
from app.mail.errors import CannotDo, ConnectionLost, MailboxGone, MessageGone, OverQuota, Refused, Renumbered
from app.mail.flags import store
from app.mail.flowed import flow, joined
from app.mail.header import clean
from app.mail.move import existing
from app.mail.outgoing import Address, File, Origin, Stored, Upload, Writing, pieces, placed, size
from app.mail.part import Place
from tests.examples import examples
from tests.mail.boxes import Spent, opened, scripted
from tests.proxy import Proxy

WRITING = Writing(
    Address("Alice Ärmel", "alice@example.org"),
    (Address("Müller, Jörg", "jörg@straße.example"), Address("", "b@example.org")),
    (Address('The "C"', "c@example.org"),),
    (Address("Dora", "dora@example.org"), Address("", "half typed")),
    subject="Grüße – 😀",
    text="Hello\n\n> quoted\n>> twice\n " + "long " * 40 + "end\n-- \nAlice",
    message_id="<d1@example.org>",
    in_reply_to="<p@example.org>",
    references=("<o@example.org>", "<p@example.org>"),
    date=datetime(2026, 6, 1, 12, 0, tzinfo=timezone(timedelta(hours=2))),
    origin=Origin("reply", Place("Später/50% & x\t", 7, 12)),
    state={"mode": "rich\n ü"},
)
ODD = 'Entwürfe/50% "x" & #y'


@contextmanager
def opened_for(account):
    with opened(account.server.imap_port, account.login, account.password) as connection:
        yield connection


@pytest.fixture
def client(mail_account):
    with opened_for(mail_account) as connection:
        yield connection


def source(client, saved):
    """The whole message as another parser reads it."""
    client.select(saved.mailbox, uidvalidity=saved.uidvalidity)
    return email.message_from_bytes(draft.fetch(client, saved.uid, b"BODY.PEEK[]")[b"BODY[]"], policy=policy.default)


def drafts(client, mailbox="Drafts"):
    client.select(mailbox)
    client.noop()
    return existing(client, range(1, 100))


@pytest.mark.servers
@pytest.mark.parametrize("mailbox", ["Drafts", ODD])
def test_a_draft_comes_back_as_it_was_written(client, mailbox):
    saved = save(client, mailbox, pieces(WRITING, final=False))
    again = read(client, mailbox, saved.uidvalidity, saved.uid)
    assert again == WRITING and again.date.utcoffset() == timedelta(hours=2)
    assert set(client.fetch([saved.uid], ["FLAGS"])[saved.uid][b"FLAGS"]) >= {b"\\Draft", b"\\Seen"}


RICH = replace(
    WRITING,
    html="<p>Hällo <img src='cid:p@x'></p>\n<p>x",
    files=(
        File("bild.png", "image/png", b"\x89PNG" * 100, "p@x"),
        File("Übersicht – “final” 😀.pdf", "application/pdf", b"%PDF" * 20_000),
        File("notes.txt", "text/plain", b"plain"),
    ),
)


FILES = [file.content for file in RICH.files]


@pytest.mark.servers
def test_files_stay_on_the_server_and_a_save_moves_the_text_alone(client):
    saved = save(client, "Drafts", pieces(RICH, final=False))
    stored = read(client, "Drafts", saved.uidvalidity, saved.uid)
    assert stored == placed(RICH, "Drafts", saved.uidvalidity, saved.uid)
    counted = Spent(client)
    bare = read(client, "Drafts", saved.uidvalidity, saved.uid, texts=False)
    assert (counted.commands, bare) == (1, replace(stored, text="", html=None))
    changed = replace(stored, text="More", subject="Changed")
    spent, sent = Spent(client), client.traffic.sent
    second = save(client, "Drafts", pieces(changed, final=False), replaces=(saved.uidvalidity, saved.uid))
    assert (second.former, second.uid, spent.commands) == ("removed", saved.uid + 1, 3)
    assert client.traffic.sent - sent < 4500 and spent.received < 500
    again = read(client, "Drafts", second.uidvalidity, second.uid)
    assert again == placed(changed, "Drafts", second.uidvalidity, second.uid)
    assert drafts(client) == [second.uid]
    files = {part.get_filename(): part.get_payload(decode=True) for part in source(client, second).walk()}
    assert [files[file.name] for file in RICH.files] == FILES


@pytest.mark.servers
def test_a_hundred_autosaves_leave_one_draft(client):
    saved, writing = save(client, ODD, pieces(RICH, final=False)), RICH
    for count in range(30):
        writing = replace(placed(writing, ODD, saved.uidvalidity, saved.uid), text=f"save {count}")
        saved = save(client, ODD, pieces(writing, final=False), replaces=(saved.uidvalidity, saved.uid))
    assert drafts(client, ODD) == [saved.uid]
    assert len(source(client, saved).get_payload()[1].get_payload(decode=True)) == 80_000


@pytest.mark.servers
def test_files_of_other_messages_go_into_a_draft_as_they_are(client, mail_account):
    original = b"From: b@x.org\r\nSubject: \xfc\r\n\r\nbody \xff\r\n.\r\n"
    mail_account.append(original)
    validity = client.select("INBOX").uidvalidity
    whole = File("m.eml", "message/rfc822", Stored("INBOX", validity, 1, "", len(original), "8bit"))
    saved = save(client, "Drafts", pieces(replace(WRITING, files=(whole,)), final=False))
    client.select("Drafts")
    assert draft.fetch(client, saved.uid, b"BODY.PEEK[2]")[b"BODY[2]"] == original
    assert read(client, "Drafts", saved.uidvalidity, saved.uid).files[0].name == "m.eml"


@pytest.mark.servers
def test_a_file_that_is_gone_is_told_and_the_former_draft_stays(client):
    saved = save(client, "Drafts", pieces(RICH, final=False))
    lost = replace(RICH, files=(File("a.pdf", "application/pdf", Stored("Drafts", saved.uidvalidity, 99, "2", 8)),))
    with pytest.raises(MessageGone):
        save(client, "Drafts", pieces(lost, final=False), replaces=(saved.uidvalidity, saved.uid))
    assert drafts(client) == [saved.uid] and client.broken is None
    other = replace(lost, files=(File("a.pdf", "application/pdf", Stored("Drafts", saved.uidvalidity + 1, 1, "2", 8)),))
    with pytest.raises(MessageGone):
        save(client, "Drafts", pieces(other, final=False))


@pytest.mark.servers
def test_a_draft_changed_elsewhere_is_told_and_both_are_kept(client, mail_account):
    first = save(client, "Drafts", pieces(WRITING, final=False))
    here = (first.uidvalidity, first.uid)
    with opened_for(mail_account) as other:
        theirs = save(other, "Drafts", pieces(replace(WRITING, text="theirs"), final=False), replaces=here)
    ours = save(client, "Drafts", pieces(replace(WRITING, text="ours"), final=False), replaces=here)
    assert (theirs.former, ours.former) == ("removed", "gone")
    assert drafts(client) == [theirs.uid, ours.uid]
    renumbered = save(client, "Drafts", pieces(WRITING, final=False), replaces=(first.uidvalidity + 1, ours.uid))
    assert renumbered.former == "gone" and ours.uid in drafts(client)


@pytest.mark.servers
def test_a_former_draft_that_was_marked_already_is_removed(client):
    first = save(client, "Drafts", pieces(WRITING, final=False))
    store(client, "Drafts", first.uidvalidity, [first.uid], add=["\\Deleted"])
    second = save(client, "Drafts", pieces(WRITING, final=False), replaces=(first.uidvalidity, first.uid))
    assert second.former == "removed" and drafts(client) == [second.uid]


@pytest.mark.servers
def test_what_others_marked_is_not_expunged_with_the_former_draft(client):
    first = save(client, "Drafts", pieces(WRITING, final=False))
    second = save(client, "Drafts", pieces(WRITING, final=False))
    store(client, "Drafts", first.uidvalidity, [first.uid], add=["\\Deleted"])
    third = save(client, "Drafts", pieces(WRITING, final=False), replaces=(second.uidvalidity, second.uid))
    assert drafts(client) == [first.uid, third.uid]


@pytest.mark.servers
def test_a_full_mailbox_is_told_before_the_file_goes_up(server_folder, make_account):
    server = Dovecot(server_folder / "full", quota="20K").start()
    try:
        with opened_for(make_account(server)) as client:
            file = io.BytesIO(b"x" * 60_000)
            writing = replace(WRITING, files=(File("a", "image/png", Upload(file, 60_000)),))
            with pytest.raises(OverQuota):
                save(client, "Drafts", pieces(writing, final=False))
            assert file.tell() == 0 and client.broken is None and drafts(client) == []
    finally:
        server.stop()


class Endless(io.RawIOBase):
    """So many octets, never all at once; it tells what it gave."""

    def __init__(self, length):
        self.left = length

    def read(self, count=-1):
        given = min(self.left, count if count >= 0 else self.left, 40_000)
        self.left -= given
        return b"\xfe" * given


MEGABYTES_25 = 25 * 1024 * 1024


@pytest.mark.servers
def test_25_mb_go_up_and_are_kept_in_little_memory(client):
    tracemalloc.start()
    try:
        first = replace(WRITING, files=(File("a.bin", "image/png", Upload(Endless(MEGABYTES_25), MEGABYTES_25)),))
        written = pieces(first, final=False)
        saved = save(client, "Drafts", written)
        stored = placed(first, "Drafts", saved.uidvalidity, saved.uid)
        more = replace(stored, files=(*stored.files, File("b.bin", "image/png", Upload(Endless(9_999_999), 9_999_999))))
        second = save(client, "Drafts", pieces(more, final=False), replaces=(saved.uidvalidity, saved.uid))
        for _ in range(3):
            again = read(client, "Drafts", second.uidvalidity, second.uid)
            sent = client.traffic.sent
            here = (second.uidvalidity, second.uid)
            second = save(client, "Drafts", pieces(replace(again, text="x"), final=False), replaces=here)
            assert client.traffic.sent - sent < 4000
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 4_000_000
    client.select("Drafts")
    octets = int(draft.fetch(client, second.uid, b"RFC822.SIZE")[b"RFC822.SIZE"])
    assert octets == size(pieces(replace(again, text="x"), final=False)) > 45_000_000
    assert [part.size for part in read_parts(client, second)] == [file.content.size for file in again.files]


def read_parts(client, saved):
    return [file.content for file in read(client, saved.mailbox, saved.uidvalidity, saved.uid).files]


@pytest.mark.servers
def test_an_upload_that_breaks_off_stores_nothing_and_ends_the_connection(client, mail_account):
    writing = replace(WRITING, files=(File("a", "image/png", Upload(io.BytesIO(b"x" * 500_000), 600_000)),))
    with pytest.raises(EOFError):
        save(client, "Drafts", pieces(writing, final=False))
    assert client.broken
    with opened_for(mail_account) as other:
        assert drafts(other) == []


@pytest.mark.servers
def test_without_catenate_the_files_travel_through_in_slices(client, mail_account):
    big = replace(RICH, files=(*RICH.files, File("big.bin", "image/png", b"\xab" * 2_000_000)))
    first = save(client, "Drafts", pieces(big, final=False))
    stored = read(client, "Drafts", first.uidvalidity, first.uid)
    client.note.capabilities = tuple(name for name in client.note.capabilities if name not in ("CATENATE", "UIDPLUS"))
    with pytest.raises(CannotDo):
        save(client, "Drafts", pieces(stored, final=False))
    with opened_for(mail_account) as client:
        client.note.capabilities = ("IMAP4REV1",)
        second = save(
            client, "Drafts", pieces(replace(stored, text="x"), final=False),
            replaces=(first.uidvalidity, first.uid), lease=lambda: opened_for(mail_account),
        )  # fmt: skip
        assert (second.former, drafts(client)) == ("removed", [second.uid])
        assert read(client, "Drafts", second.uidvalidity, second.uid).text == "x"
        sent = source(client, second)
        assert [part.get_payload(decode=True) for part in sent.walk() if part.get_filename()] == [
            file.content for file in big.files
        ]


@pytest.mark.servers
def test_a_missing_mailbox_is_made_once_and_no_upload_is_lost(client):
    saved = save(client, "Neu/Entwürfe", pieces(WRITING, final=False))
    assert saved.mailbox == "Neu/Entwürfe" and drafts(client, "Neu/Entwürfe") == [saved.uid]
    files = (File("a.bin", "image/png", Upload(io.BytesIO(b"x" * 99_999), 99_999)),)
    first = save(client, "B", pieces(replace(WRITING, files=files), final=False))
    more = File("b.bin", "image/png", Upload(io.BytesIO(b"y" * 99_999), 99_999))
    both = (*read(client, "B", first.uidvalidity, first.uid).files, more)
    second = save(client, "C", pieces(replace(WRITING, files=both), final=False))
    sent = source(client, second).walk()
    assert [part.get_payload(decode=True) for part in sent if part.get_filename()] == [b"x" * 99_999, b"y" * 99_999]


@pytest.mark.servers
def test_drafts_that_are_gone_or_renumbered_are_told(client):
    saved = save(client, "Drafts", pieces(WRITING, final=False))
    with pytest.raises(MessageGone):
        read(client, "Drafts", saved.uidvalidity, saved.uid + 1)
    with pytest.raises(Renumbered):
        read(client, "Drafts", saved.uidvalidity + 1, saved.uid)
    with pytest.raises(MailboxGone):
        read(client, "Nowhere", saved.uidvalidity, saved.uid)


OTHERS = (
    b"From: Alice <alice@example.org>\r\nTo: =?utf-8?q?J=C3=B6rg?= <j@xn--strae-oqa.example>, odd\r\n"
    b"X-Mozilla-Draft-Info: x\r\nSubject: A draft\r\n of Thunderbird\r\nMIME-Version: 1.0\r\n"
    b"Content-Type: text/html; charset=utf-8\r\n\r\n"
    b"<p>One</p><p>Gr\xc3\xbc\xc3\x9fe</p>\r\n"
)


@pytest.mark.servers
def test_drafts_of_other_clients_are_read(client, mail_account):
    mail_account.append(OTHERS, mailbox="Drafts", flags=("\\Draft",))
    validity = client.select("Drafts").uidvalidity
    found = read(client, "Drafts", validity, 1)
    assert found.to == (Address("Jörg", "j@straße.example"), Address("odd", ""))
    assert (found.subject, found.text) == ("A draft of Thunderbird", "One\n\nGrüße") and found.html.startswith("<p>One")
    assert (found.message_id, found.origin, found.state, found.sender.address) == ("", None, {}, "alice@example.org")


@pytest.mark.servers
def test_a_draft_too_long_to_edit_is_not_cut(client):
    saved = save(client, "Drafts", pieces(replace(WRITING, text="x" * 2_200_000), final=False))
    with pytest.raises(CannotDo):
        read(client, "Drafts", saved.uidvalidity, saved.uid)


NAMES = st.text(st.characters(codec="utf-8"), max_size=40).map(clean)
GOOD = ["a@example.org", "jörg@straße.example", '"a..b"@x.example', "r@xn--80ak6aa92e.com"]
ADDRESSES = st.builds(Address, NAMES, st.sampled_from([*GOOD, "odd", "a b@"]))
LINES = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]) | st.just("\n"), max_size=300)
WRITINGS = st.builds(
    Writing,
    st.builds(Address, NAMES, st.just("alice@example.org")),
    *[st.lists(ADDRESSES, max_size=4).map(tuple)] * 4,
    subject=NAMES,
    text=LINES.map(lambda text: joined(list(flow(text)))),
    html=st.none() | LINES,
    files=st.lists(
        st.builds(
            File,
            st.sampled_from(["a.pdf", "Übersicht “x” 😀.docx", "x" * 120 + ".txt"]),
            st.sampled_from(["application/pdf", "image/png", "text/plain"]),
            st.binary(max_size=300),
            st.none() | st.just("c1@example.org"),
        ),
        max_size=3,
    ).map(tuple),
    references=st.lists(st.sampled_from(["<a@x>", "<" + "b" * 800 + "@x>"]), max_size=3).map(tuple),
    message_id=st.just("<d@example.org>"),
    date=st.just(WRITING.date),
    state=st.dictionaries(st.from_regex(r"[a-z][a-z0-9-]{0,9}", fullmatch=True), st.text(max_size=80), max_size=3),
)


@pytest.mark.servers
@examples(0.6, suppress_health_check=list(HealthCheck))
@given(writing=WRITINGS)
def test_whatever_is_written_is_read_back(client, writing):
    saved = save(client, "Drafts", pieces(writing, final=False))
    again = read(client, "Drafts", saved.uidvalidity, saved.uid)
    expected = placed(writing, "Drafts", saved.uidvalidity, saved.uid)

    for name in ("to", "cc", "bcc", "reply_to"):  # what is no address yet comes behind those that are
        mailboxes = tuple(sorted(getattr(expected, name), key=lambda each: each.address not in GOOD))
        expected = replace(expected, **{name: mailboxes})
    assert again == expected


# -- servers that are odd ----------------------------------------------------------------------------------------------


def test_the_commands_of_an_autosave():
    writing = replace(WRITING, files=(File("a.pdf", "application/pdf", Stored("Drafts", 7, 4, "2", 9999)),))
    replies = {
        "APPEND": b"%TAG OK [APPENDUID 7 5] done\r\n",
        "UID STORE": b"* 1 FETCH (UID 4 FLAGS (\\Deleted))\r\n",
    }
    with scripted(replies, capabilities="IMAP4REV1 LITERAL+ UIDPLUS CATENATE", selected="Drafts") as (client, heard):
        saved = save(client, "Drafts", pieces(writing, final=False), replaces=(7, 4))
    assert saved == Saved("Drafts", 7, 5, "removed")
    assert heard[0].startswith(b'APPEND "Drafts" (\\Draft \\Seen) CATENATE (TEXT {')
    assert b' URL "/Drafts;UIDVALIDITY=7/;UID=4/;SECTION=2" TEXT {' in heard[0] and heard[0].endswith(b"--\r\n)")
    assert heard[1:] == [b"UID STORE 4 +FLAGS (\\Deleted)", b"UID EXPUNGE 4"]


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("INBOX/Entwürfe", b"/INBOX/Entw%C3%BCrfe;UIDVALIDITY=7"),
        ('a b"c;d\\%', b"/a%20b%22c%3Bd%5C%25;UIDVALIDITY=7"),
        ("x\r\nA1 LOGOUT", b"/x%0D%0AA1%20LOGOUT;UIDVALIDITY=7"),
    ],
)
def test_no_name_of_a_mailbox_ends_an_address(name, url):
    writing = replace(WRITING, files=(File("a", "image/png", Stored(name, 7, 4, "2", 9)),))
    with scripted({}, capabilities="IMAP4REV1 LITERAL+ UIDPLUS CATENATE", selected="Drafts") as (client, heard):
        save(client, "Drafts", pieces(writing, final=False))
    assert b'URL "' + url in heard[0]


BARE = "IMAP4REV1 LITERAL+"
FOUND = b"* SEARCH 4 9\r\n"


def bare_save(replies, **options):
    known = {"UID STORE": b"* 1 FETCH (UID 4 FLAGS (\\Deleted))\r\n", "UID SEARCH DELETED": b"* SEARCH 4\r\n"}
    with scripted(known | replies, capabilities=BARE, selected="Drafts", exists=1) as (client, heard):
        saved = save(client, "Drafts", pieces(WRITING, final=False), replaces=(7, 4), **options)
        return saved, heard[1:], client.broken


def test_without_uidplus_the_new_draft_is_found_by_its_message_id():
    saved, heard, _ = bare_save({"UID SEARCH HEADER": FOUND})
    assert saved == Saved("Drafts", 7, 9, "removed")
    assert heard == [
        b"NOOP", b'UID SEARCH HEADER Message-ID "<d1@example.org>"', b"UID STORE 4 +FLAGS (\\Deleted)",
        b"UID SEARCH DELETED", b"EXPUNGE",
    ]  # fmt: skip


def test_a_former_draft_is_kept_where_the_new_one_is_not_found():
    saved, heard, _ = bare_save({"UID SEARCH HEADER": b"* SEARCH 4\r\n"})
    assert saved == Saved("Drafts", 7, None, "left") and not [line for line in heard if b"STORE" in line]


def test_where_others_are_marked_too_the_former_draft_stays_marked():
    saved, heard, _ = bare_save({"UID SEARCH HEADER": FOUND, "UID SEARCH DELETED": b"* SEARCH 3 4\r\n"})
    assert saved.former == "left" and b"EXPUNGE" not in heard


def test_an_error_behind_the_save_does_not_hide_that_it_was_saved():
    saved, _, broken = bare_save({"UID SEARCH HEADER": FOUND, "UID STORE": b"* BYE gone\r\n"})
    assert saved == Saved("Drafts", 7, 9, "left") and broken


@pytest.mark.parametrize(("reply", "error"), [
    (b"%TAG NO [OVERQUOTA] full\r\n", OverQuota),
    (b"%TAG NO [TOOBIG] too big\r\n", Refused),
    (b"%TAG NO never\r\n", Refused),
    (b"%TAG NO [TRYCREATE] none\r\n", MailboxGone),
    (b"* BYE gone\r\n", ConnectionLost),
])  # fmt: skip
def test_a_refused_save_is_told_and_tried_at_most_twice(reply, error):
    create = {"CREATE": b"%TAG NO no\r\n"}
    odd = scripted({"APPEND": reply, **create}, capabilities=BARE, selected="Drafts")
    with odd as (client, heard), pytest.raises(error):
        save(client, "Drafts", pieces(WRITING, final=False), replaces=(7, 4))
    assert len([line for line in heard if line.startswith(b"APPEND")]) <= 2
    assert not [line for line in heard if b"STORE" in line or b"EXPUNGE" in line]


def test_a_stored_file_of_another_size_than_promised_is_not_sent_as_whole():
    @contextmanager
    def lease():
        with scripted({"UID FETCH": b'* 1 FETCH (UID 4 BODY[2]<0> "short")\r\n'}, selected="Drafts") as (other, _):
            yield other

    writing = replace(WRITING, files=(File("a", "image/png", Stored("Drafts", 7, 4, "2", 50)),))
    with pytest.raises(ConnectionLost):
        b"".join(draft.streamed(pieces(writing, final=False), lease))
    assert not re.search(rb"short", pieces(writing, final=False)[0])


@pytest.mark.servers
@pytest.mark.parametrize("said", [0, 1, 3999, 4001, 10**6])
def test_a_file_whose_size_the_server_told_wrongly_goes_up_whole(client, mail_account, said):
    first = save(client, "Drafts", pieces(replace(RICH, files=RICH.files[1:2]), final=False))
    (file,) = read(client, "Drafts", first.uidvalidity, first.uid).files
    wrong = replace(RICH, html=None, files=(replace(file, content=replace(file.content, size=said)),))
    with opened_for(mail_account) as bare:
        bare.note.capabilities = ("IMAP4REV1",)
        saved = save(bare, "Drafts", pieces(wrong, final=False), lease=lambda: opened_for(mail_account))
        assert source(bare, saved).get_payload()[1].get_payload(decode=True) == RICH.files[1].content


# -- lines that are cut ------------------------------------------------------------------------------------------------


def offsets(length, steps):
    """Places between the first and the last byte, the ends close together."""
    return sorted({*range(1, 6), *range(6, length, max(1, length // steps)), *range(max(1, length - 4), length + 1)})


@pytest.mark.servers
@pytest.mark.slow
@pytest.mark.parametrize("direction", ["up", "down"])
@pytest.mark.parametrize("catenate", [True, False])
def test_wherever_the_line_is_cut_a_whole_draft_is_left(mail_account, direction, catenate):
    def attempt(port, replaces):
        with opened(port, mail_account.login, mail_account.password) as client:
            client.select("Drafts")
            if not catenate:
                client.note.capabilities = ("IMAP4REV1",)
            stored = read(client, "Drafts", *replaces)
            here = replace(stored, text="after")
            yield client
            saved = save(
                client, "Drafts", pieces(here, final=False), replaces=replaces, lease=lambda: opened_for(mail_account)
            )
            yield saved

    with opened_for(mail_account) as client, Proxy(mail_account.server.imap_port) as proxy:
        saved = save(client, "Drafts", pieces(replace(RICH, text="before"), final=False))
        first = (saved.uidvalidity, saved.uid)
        counted = {"up": "sent", "down": "received"}[direction]
        run = attempt(proxy.port, first)
        next(run)
        before = getattr(proxy.counts, counted)
        saved = next(run)
        length = getattr(proxy.counts, counted) - before
        run.close()
        seen = set()
        for after in offsets(length, 25):
            run = attempt(proxy.port, (saved.uidvalidity, saved.uid))
            next(run)
            proxy.fault("cut", direction, after, once=True)
            told = None
            with suppress(ConnectionLost):
                told = next(run)
            run.close()
            proxy.clear()
            left = drafts(client)
            texts = {uid: read(client, "Drafts", first[0], uid).text for uid in left}
            assert left and len(left) <= 2 and set(texts.values()) <= {"before", "after"}
            assert told is None or texts[told.uid] == "after", "what was told as saved is there"
            for uid in left:
                parts = source(client, Saved("Drafts", first[0], uid)).walk()
                assert [part.get_payload(decode=True) for part in parts if part.get_filename()] == FILES, "and whole"
            seen.add((told is not None, len(left)))
            for uid in left[:-1]:
                draft.remove(client, uid)
            saved = Saved("Drafts", first[0], left[-1])
        lost = 1 if direction == "up" else 2  # the answer alone was lost: then the new one lies there untold
        assert seen >= {(False, lost), (True, 2), (True, 1)}
