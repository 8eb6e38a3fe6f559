"""The tree: from the answers of many kinds of server, and on real ones."""

import time
from datetime import date

import pytest
from imapclient import imap_utf7

from app.mail.create import make
from app.mail.errors import Refused, ServerSilent
from app.mail.listed import decode_name
from app.mail.mailbox import MANY, find, named_mailbox, target_name, tree, uncounted
from tests.mail.boxes import letter, opened, scripted

TODAY = date(2026, 6, 1)
EXTENDED = "IMAP4REV1 LIST-EXTENDED LIST-STATUS SPECIAL-USE"


def listed(*lines: str, capabilities: str = "IMAP4REV1", replies=(), **how):
    """The tree of a server that lists so."""
    text = "".join(f"* LIST {line}\r\n" for line in lines).encode()
    with scripted({"LIST": text, **dict(replies)}, capabilities=capabilities) as (client, heard):
        return tree(client, today=TODAY, **how), heard


def shape(boxes):
    return [(box.depth, box.label, box.use) for box in boxes]


def test_special_mailboxes_come_first_and_children_below_their_parents():
    boxes, heard = listed(
        '(\\HasNoChildren) "/" zebra', '() "/" Archive/2025', '(\\Archive) "/" Archive', '() "/" alpha', '() "/" INBOX',
        '(\\Trash) "/" Trash', '(\\Sent) "/" Sent', '() "/" INBOX/work', capabilities=EXTENDED,
    )  # fmt: skip
    assert shape(boxes) == [
        (0, "INBOX", "inbox"), (1, "work", None), (0, "Sent", "sent"), (0, "Archive", "archive"), (1, "2025", None),
        (0, "Trash", "trash"), (0, "alpha", None), (0, "zebra", None),
    ]  # fmt: skip
    assert heard == [b'LIST "" "*" RETURN (SPECIAL-USE STATUS (MESSAGES UNSEEN))']


def test_counts_come_with_the_same_command():
    boxes, heard = listed(
        '() "/" INBOX\r\n* STATUS INBOX (MESSAGES 7 UNSEEN 3)', '() "/" "a b"\r\n* STATUS "a b" (UNSEEN 0 MESSAGES 1)',
        capabilities=EXTENDED,
    )  # fmt: skip
    assert [(box.name, box.messages, box.unseen) for box in boxes] == [("INBOX", 7, 3), ("a b", 1, 0)]
    assert len(heard) == 1


def test_courier_s_prefix_is_no_level_and_new_mailboxes_get_it():
    boxes, _ = listed('() "." INBOX', '() "." INBOX.Sent', '() "." INBOX.Work.Old', '() "." INBOX.Work')
    assert shape(boxes) == [(0, "INBOX", "inbox"), (0, "Sent", "sent"), (0, "Work", None), (1, "Old", None)]
    assert target_name(boxes, "archive", today=TODAY) == "INBOX.Archive"


def test_all_mailboxes_of_the_site_s_pattern_are_junk_and_today_s_is_the_target():
    lines = '() "." INBOX', '() "." INBOX.spam.2025', '() "." INBOX.spam.2026', '() "." INBOX.spam.old'
    boxes, _ = listed(*lines, junk_pattern="spam.%Y")
    assert {box.name for box in boxes if box.use == "junk"} == {"INBOX.spam.2025", "INBOX.spam.2026", "INBOX.spam.old"}
    assert find(boxes, "junk").name == "INBOX.spam.2026"
    assert target_name(boxes, "junk", junk_pattern="spam.%Y", today=TODAY) == "INBOX.spam.2026"
    january = date(2027, 1, 1)
    assert target_name(boxes, "junk", junk_pattern="spam.%Y", today=january) == "INBOX.spam.2027"


def test_what_the_server_says_goes_before_settings_patterns_and_names():
    lines = '() "/" INBOX', '(\\Junk) "/" Bad', '() "/" Spam', '() "/" spam.2026', '() "/" Mine', '() "/" Trash'
    boxes, _ = listed(*lines, capabilities=EXTENDED, junk_pattern="spam.%Y", special={"junk": "Mine", "trash": "Mine"})
    assert find(boxes, "junk").name == "Bad"
    assert target_name(boxes, "junk", junk_pattern="spam.%Y", today=TODAY) == "Bad"
    assert find(boxes, "trash").name == "Mine"
    assert named_mailbox(boxes, "Trash").use is None and named_mailbox(boxes, "Spam").use is None


@pytest.mark.parametrize(
    ("name", "use"),
    [("Papierkorb", "trash"), ("SENT ITEMS", "sent"), ("&BCEEPwQwBDw-", "junk"), ("Brouillons", "drafts")],
)
def test_usual_names_are_known_in_several_languages(name, use):
    boxes, _ = listed('() "/" INBOX', f'() "/" "{name}"', f'() "/" "below/{name}"')
    assert find(boxes, use).depth == 0
    assert sum(box.use == use for box in boxes) == 1


def test_missing_parents_are_filled_in_and_cannot_be_opened():
    closed = '(\\Noselect) "/" x', '(\\NonExistent) "/" y', '(\\Noinferiors) "/" m'
    boxes, _ = listed('() "/" INBOX', '() "/" a/b/c', *closed)
    assert [(box.name, box.selectable) for box in boxes if box.name != "INBOX"] == [
        ("a", False), ("a/b", False), ("a/b/c", True), ("m", True), ("x", False), ("y", False),
    ]  # fmt: skip


def test_names_may_hold_anything_and_come_back_as_they_were():
    lines = '() "/" "50% \\"off\\" &- #1\\\\2"', '() "/" {4}\r\na(b"', "() NIL NIL", '() "/" &ZeVnLIqe-'
    boxes, _ = listed('() "/" INBOX', *lines)
    assert [box.name for box in boxes[1:]] == ['50% "off" & #1\\2', 'a(b"', "NIL", "日本語"]
    assert all(box.selectable for box in boxes)


@pytest.mark.parametrize(
    "name", ["会議\u3000資料", "a\u00a0b", "\U0001f468\u200d\U0001f469", "\u200fשלום", "a\u202eb", "\ufeffx", " a "]
)
def test_blanks_and_joiners_of_any_script_are_letters_of_a_name(name):
    assert decode_name(imap_utf7.encode(name)) == (name, True)


def test_a_name_that_cannot_be_opened_closes_no_other_that_looks_like_it():
    boxes, _ = listed('() "/" INBOX', '() "/" Wörk', '() "/" W&APY-rk')
    assert [(box.name, box.selectable) for box in boxes] == [("INBOX", True), ("Wörk", True)]


@pytest.mark.parametrize("raw", [b"&AAo-", b"a&b", "ä".encode(), b"&", b"&!!!-", b"\xff", b"&2D0-"])
def test_a_name_that_cannot_be_sent_back_is_shown_closed(raw):
    name, known = decode_name(raw)
    assert not known and name and name.isprintable()


def test_a_bare_server_is_asked_for_the_counts_of_a_few_mailboxes_only():
    many = [f'() "/" box{number:02}' for number in range(50)]
    boxes, heard = listed('() "/" INBOX', *many, replies={"STATUS": b"* STATUS INBOX (MESSAGES 9 UNSEEN 2)\r\n"})
    assert heard[0] == b'LIST "" "*"'
    assert heard[1] == b'STATUS "INBOX" (MESSAGES UNSEEN)'
    assert len(heard) == 13 and boxes[0].unseen == 2 and boxes[-1].unseen is None


def test_a_mailbox_whose_count_is_refused_has_none():
    boxes, _ = listed('() "/" INBOX', '() "/" a', replies={"STATUS": b"%TAG NO [SERVERBUG] not now\r\n"})
    assert [box.unseen for box in boxes] == [None, None]


@pytest.mark.slow
def test_a_server_that_lists_for_the_first_time_gets_longer_to_answer():
    def late(_command):
        time.sleep(0.6)
        return b'* LIST () "/" INBOX\r\n'

    for known in (None, MANY + 1):
        with scripted({"LIST": late}) as (client, _):
            client.io.timeout = 0.4
            assert [box.name for box in tree(client, today=TODAY, known=known)] == ["INBOX"]
    with scripted({"LIST": late}) as (client, _), pytest.raises(ServerSilent):
        client.io.timeout = 0.4
        tree(client, today=TODAY, known=3)


@pytest.mark.slow
def test_10000_mailboxes_and_a_very_deep_one_are_ordered_in_bounded_time():
    boxes, _ = listed('() "/" INBOX', '() "/" "' + "d/" * 400 + 'e"', *[f'() "/" a{n}/b/c' for n in range(10_000)],
                      capabilities=EXTENDED)  # fmt: skip
    assert max(box.depth for box in boxes) == 20 and len(boxes) > 30_000


def names(count, counted=False):
    status = "\r\n* STATUS box{0:04} (MESSAGES 1 UNSEEN 1)" if counted else ""
    return [f'() "/" box{number:04}' + status.format(number) for number in range(count)]


def test_so_many_mailboxes_are_not_counted_all_at_once():
    many = ['(\\Junk) "/" Junk', *names(MANY)]
    status = {"STATUS": b"* STATUS INBOX (MESSAGES 9 UNSEEN 2)\r\n"}
    for known in (None, MANY + 1):
        boxes, heard = listed('() "/" INBOX', *many, capabilities=EXTENDED, replies=status, known=known)
        assert heard[:3] == [
            b'LIST "" "*" RETURN (SPECIAL-USE)', b'STATUS "INBOX" (MESSAGES UNSEEN)', b'STATUS "Junk" (MESSAGES UNSEEN)'
        ]  # fmt: skip
        assert len(heard) == 13 and boxes[0].unseen == 2 and boxes[-1].unseen is None


def test_a_few_mailboxes_of_which_nobody_knew_how_many_they_are_are_counted_by_a_second_command():
    boxes, heard = listed('() "/" INBOX', *names(3, counted=True), capabilities=EXTENDED, known=None)
    assert [b"STATUS" in each for each in heard] == [False, True]
    assert [box.unseen for box in boxes] == [None, 1, 1, 1]


def test_who_only_looks_for_a_name_has_nothing_counted():
    text = "".join(f"* LIST {line}\r\n" for line in ('() "/" INBOX', '(\\Sent) "/" Out')).encode()
    with scripted({"LIST": text}, capabilities=EXTENDED) as (client, heard):
        assert target_name(uncounted(client, today=TODAY), "sent", today=TODAY) == "Out"
    assert heard == [b'LIST "" "*" RETURN (SPECIAL-USE)']


def test_where_names_need_a_prefix_namespace_tells_it():
    replies = {
        "CREATE": b"%TAG NO Invalid mailbox name.\r\n",
        'CREATE "INBOX.': b"",
        "NAMESPACE": b'* NAMESPACE (("INBOX." ".")) NIL (("shared." "."))\r\n',
    }
    with scripted(replies, capabilities="IMAP4REV1 NAMESPACE") as (client, heard):
        assert make(client, "Archive") == "INBOX.Archive"
    assert heard[-1] == b'SUBSCRIBE "INBOX.Archive"'


def test_a_mailbox_that_cannot_be_made_is_refused_and_one_that_is_there_is_fine():
    with scripted({"CREATE": b"%TAG NO [NOPERM] no\r\n"}) as (client, _), pytest.raises(Refused):
        make(client, "Archive")
    with scripted({"CREATE": b"%TAG NO [ALREADYEXISTS] it is\r\n"}) as (client, _):
        assert make(client, "Archive") == "Archive"


@pytest.mark.servers
def test_on_a_real_server_the_tree_costs_one_command(mail_account):
    mail_account.append(letter(), mailbox='Grüße/50% "x" & #y')
    mail_account.append(letter(), mailbox="spam.2026", flags=("\\Seen",))
    with opened(mail_account.server.imap_port, mail_account.login, mail_account.password) as client:
        boxes = tree(client, junk_pattern="spam.%Y", today=TODAY)
        assert client.traffic.by_name["LIST"][0] == 1 and client.traffic.commands == 1
        for use in ("inbox", "drafts", "sent", "archive", "junk", "trash"):
            assert find(boxes, use), use
        odd = named_mailbox(boxes, 'Grüße/50% "x" & #y')
        assert (odd.depth, odd.messages, odd.unseen) == (1, 1, 1)
        assert named_mailbox(boxes, "spam.2026").use == "junk" and named_mailbox(boxes, "spam.2026").unseen == 0
        assert client.select(odd.name).exists == 1
