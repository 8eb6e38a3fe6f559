"""Where a script sends mail on."""

import pytest

from app.sieve.targets import targets


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
        (b'redirect "a@b.example"; "never ends', {"a@b.example"}),
    ],
)
def test_what_stands_after_redirect_is_found_and_nothing_else(script: bytes, found: set[str]):
    assert targets(script) == found
