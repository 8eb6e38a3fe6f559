"""A script that runs another one and ours."""

from __future__ import annotations

import pytest

from app.sieve.errors import BadRule
from app.sieve.script import Script
from app.sieve.wrapper import wrapper


def test_both_are_included_in_the_order_asked_for():
    assert wrapper('my "own"', "webmail", ours_first=False) == (
        b'require ["include"];\r\ninclude :personal :optional "my \\"own\\"";\r\ninclude :personal "webmail";\r\n'
    )
    script = Script.read(wrapper("theirs", "ours", ours_first=True))
    assert [b"ours" in block.source for block in script.blocks] == [False, True, False]
    assert script.notes == ("include",) and not script.editable


@pytest.mark.parametrize("name", ["", "a\r\nb", "a/b", "x" * 129, "\ud800"])
def test_a_name_that_cannot_be_written_is_refused(name: str):
    with pytest.raises(BadRule):
        wrapper(name, "webmail", ours_first=False)
