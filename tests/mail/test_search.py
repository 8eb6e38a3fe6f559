"""Queries as criteria: what is understood, and that nothing typed becomes syntax."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.mail.search import criteria, searches_text, tidy, uids, window
from tests.mail.boxes import scripted


def wire(query, **how):
    """What a server that knows LITERAL+ is sent for a query."""
    with scripted({}, selected="INBOX") as (client, heard):
        uids(client, criteria("all", tidy(query), **how))
    return heard


def test_words_are_joined_and_looked_for_in_subject_sender_recipients_and_text():
    assert wire("garden", text=True) == [
        b'UID SEARCH UNDELETED (OR BODY "garden" OR SUBJECT "garden" OR FROM "garden" TO "garden")'
    ]
    assert wire("a b", text=False)[0].count(b"OR SUBJECT") == 2


@pytest.mark.parametrize(
    ("query", "term"),
    [
        ("from:bob", b'(FROM "bob")'),
        ('subject:"two words"', b'(SUBJECT "two words")'),
        ("text:deep", b'(TEXT "deep")'),
        ("-is:read", b"NOT (SEEN)"),
        ("is:flagged", b"(FLAGGED)"),
        ("since:2026-02-03", b"(SENTSINCE 3-Feb-2026)"),
        ("before:nonsense", b'(OR SUBJECT "before:nonsense" OR FROM "before:nonsense" TO "before:nonsense")'),
        ("http://a.example", b'(OR SUBJECT "http://a.example" OR FROM "http://a.example" TO "http://a.example")'),
        ('"unclosed phrase', b'(OR SUBJECT "unclosed phrase" OR FROM "unclosed phrase" TO "unclosed phrase")'),
    ],
)
def test_a_term_is_understood(query, term):
    assert wire(query, text=False) == [b"UID SEARCH UNDELETED " + term]


def test_other_scripts_travel_as_counted_literals_with_their_charset():
    assert wire("from:Jörg", text=False) == [b"UID SEARCH CHARSET UTF-8 UNDELETED (FROM {5+}\r\nJ\xc3\xb6rg)"]


@pytest.mark.parametrize(
    "query",
    ['x" ALL', "x\r\nA1 LOGOUT", "x\0", "a {5}\r\nb", "{5+}", "\\", '"\\"', "(", ") OR ALL", "* %", "\x7f", "is:x OR"],
)
def test_what_is_typed_never_becomes_syntax(query):
    (line,) = wire(query, text=False)
    quoted = line.replace(b"\\\\", b"").replace(b'\\"', b"").split(b'"')
    outside = b"".join(quoted[::2])
    assert len(quoted) % 2 == 1
    assert set(outside.split()) <= {b"UID", b"SEARCH", b"UNDELETED", b"(OR", b"SUBJECT", b"OR", b"FROM", b"TO", b")"}


@given(st.text(max_size=60))
def test_no_query_breaks_the_line_or_raises(query):
    tidied = tidy(query)
    if tidied is not None:
        assert "\r" not in tidied and "\n" not in tidied
        criteria("all", tidied)


def test_a_query_has_a_bound():
    assert len(tidy("x" * 5000)) == 300
    assert len(criteria("all", "w " * 150).arguments) == 11


def test_nothing_typed_is_no_query():
    assert tidy("  \r\n ") is None and tidy(None) is None
    assert tidy('""') is None and tidy('from:"" " "') is None


def test_a_query_names_only_the_words_that_are_looked_for():
    typed = " ".join(f"w{number}" for number in range(12))
    assert tidy(typed) == " ".join(f"w{number}" for number in range(10))
    assert tidy('"" "two words" "') == '"" "two words"'
    assert len(criteria("all", '"" ' * 12 + "word").arguments) == 2


def test_texts_are_searched_in_small_mailboxes_or_where_an_index_is_kept():
    with scripted({}, capabilities="IMAP4REV1") as (client, _):
        assert searches_text(client, 5000) and not searches_text(client, 5001)
    with scripted({}, capabilities="IMAP4REV1 SEARCH=FUZZY") as (client, _):
        assert searches_text(client, 100_000)


CONTEXT = "IMAP4REV1 ESEARCH CONTEXT=SEARCH"


def test_few_hits_cost_one_command_and_come_newest_first():
    reply = b'* ESEARCH (TAG "%TAG") UID COUNT 4 PARTIAL (1:200 3,5:6,9)\r\n'
    with scripted({"UID SEARCH": reply}, capabilities=CONTEXT, selected="INBOX", exists=9) as (client, heard):
        assert window(client, criteria("unread"), 1, 3, descending=True) == (4, [9, 6, 5])
        assert heard == [b"UID SEARCH RETURN (COUNT PARTIAL 1:200) UNDELETED UNSEEN"]


def test_many_hits_cost_two_commands_and_the_second_asks_for_the_page_only():
    replies = {
        "UID SEARCH": b"* ESEARCH UID COUNT 900 PARTIAL (851:900 2851:2900)\r\n",
        r"UID SEARCH RETURN \(COUNT PARTIAL 1:200": b"* ESEARCH UID COUNT 900 PARTIAL (1:200 1:200)\r\n",
    }
    with scripted(replies, capabilities=CONTEXT, selected="INBOX", exists=3000) as (client, heard):
        count, found = window(client, criteria("unread"), 1, 50, descending=True)
    assert (count, found[0], found[-1], len(found)) == (900, 2900, 2851, 50)
    assert heard[1] == b"UID SEARCH RETURN (COUNT PARTIAL 851:900) UNDELETED UNSEEN"


def test_a_bare_server_is_asked_by_plain_search():
    reply = b"* SEARCH 3 1\r\n* SEARCH 8 3\r\n"
    with scripted({"UID SEARCH": reply}, selected="INBOX", exists=9) as (client, _):
        assert window(client, criteria("flagged"), 2, 3, descending=True) == (3, [3, 1])
        assert window(client, criteria("flagged"), 1, 2, descending=False) == (3, [1, 3])


def test_a_server_that_says_how_far_it_is_disturbs_no_search():
    told = b'* OK [INPROGRESS ("%TAG" 454 1000)] 45 % done\r\n* OK [INPROGRESS] Hang in there\r\n'  # RFC 9585
    reply = told + b'* ESEARCH (TAG "%TAG") UID COUNT 1 PARTIAL (1:200 9)\r\n' + told
    with scripted({"UID SEARCH": reply}, capabilities=CONTEXT, selected="INBOX", exists=9) as (client, _):
        assert window(client, criteria("unread"), 1, 3, descending=True) == (1, [9])
        assert client.note.exists == 9
