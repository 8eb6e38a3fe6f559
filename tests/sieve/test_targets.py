"""Where a script sends mail on."""

import time

import pytest

from app.sieve.targets import UNREAD, included, targets


@pytest.mark.parametrize(
    ("script", "found"),
    [
        (b'redirect "A@b.example";', {"a@b.example"}),
        (
            b'REDIRECT :copy /* x */ # y\n "a@b.example"; redirect text:\na@c.example\n.\n;',
            {"a@b.example", "a@c.example"},
        ),
        (b'if false # true\n{ redirect "off@b.example"; }', {"off@b.example"}),
        (b'# redirect "a@b.example"\nfileinto "redirect"; keep; set "redirect" "x";', set()),
        (b'redirect; fileinto "x"; keep; report; include;', set()),
        (b'redirect :ret "FULL" :notify ["FAILURE"] "a@b.example";', {"a@b.example"}),
        (
            b'notify :message "me@c.example ${body}" "mailto:A%40b.example,c@d.example?cc=e@f.example&body=x";',
            {"a@b.example", "c@d.example", "e@f.example"},
        ),
        (b'notify :message "x" "${where}"; notify "xmpp:a@b.example";', {"${where}"}),
        (b'notify :method "mailto" :options ["a@b.example", "c@b.example"];', {"a@b.example", "c@b.example"}),
        (b'redirect "a@b.example"; "never ends', {"a@b.example"}),
        (b'report :headers_only "abuse" "Look." "A@b.example";', {"a@b.example"}),
        (b'notify :method "mailto" :options "Anna <a@b.example>" :message "c@d.example";', {"a@b.example"}),
        (b'notify :options "${to}" :message "x"; notify :message "${x}" "mailto:a@b.c";', {"${to}", "a@b.c"}),
        (b'include "${hex:6d}ine"; include "mine";', {"${hex:6d}ine"}),
        (b'redirect "caf\xe9@b.example";', {UNREAD}),
        (b'keep; \x0c ReDirect "a@b.example";', {UNREAD}),
    ],
)
def test_what_stands_after_redirect_is_found_and_nothing_else(script: bytes, found: set[str]):
    assert targets(script) == found


@pytest.mark.parametrize("text", [b"a" * 500_000, b"a@" * 250_000, b"%" * 500_000])
def test_texts_of_any_kind_are_read_in_time_that_grows_with_their_length(text: bytes):
    began = time.thread_time()
    assert len(targets(b'notify :method "mailto" :options "%b";' % text)) <= 1
    assert time.thread_time() - began < 2


@pytest.mark.parametrize(
    ("script", "found"),
    [
        (b'include :personal :optional "Mine"; INCLUDE "mine"; include "Mine";', ("Mine", "mine")),
        (b'# include "a";\nset "include" "b"; include :global text:\nc\n.\n;', ("c",)),
        (b'if true { include "a"; } "never ends', ("a",)),
    ],
)
def test_scripts_that_run_as_well_are_found_by_their_names(script: bytes, found: tuple[str, ...]):
    assert included(script) == found
