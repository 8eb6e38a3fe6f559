"""Where a script sends mail on."""

import pytest

from app.sieve.targets import included, targets


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
        (b'redirect; fileinto "x"; redirect "caf\xe9@b.example";', set()),
        (b'redirect :ret "FULL" :notify ["FAILURE"] "a@b.example";', {"a@b.example"}),
        (
            b'notify :message "me@c.example ${body}" "mailto:A%40b.example,c@d.example?cc=e@f.example&body=x";',
            {"a@b.example", "c@d.example", "e@f.example"},
        ),
        (b'notify :message "x" "${where}"; notify "xmpp:a@b.example";', {"${where}"}),
        (b'notify :method "mailto" :options ["a@b.example", "c@b.example"];', {"a@b.example", "c@b.example"}),
        (b'redirect "a@b.example"; "never ends', {"a@b.example"}),
    ],
)
def test_what_stands_after_redirect_is_found_and_nothing_else(script: bytes, found: set[str]):
    assert targets(script) == found


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
