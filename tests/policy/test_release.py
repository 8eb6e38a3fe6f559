"""A message is released for its own recipient; what is no name of a kept message never reaches amavis."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.policy.release import NotReleased, QuarantineAway, release
from tests.policy.amavis import amavis

pytestmark = pytest.mark.servers


def test_a_message_is_released_for_one_recipient() -> None:
    with amavis() as quarantine:
        quarantine.kept.add("t3d7qJkAoigg")
        words = release(quarantine.address, "t3d7qJkAoigg", "anna@isp.example", by="postern 7")
    assert words.startswith("250 2.0.0 Ok")
    assert quarantine.asked == [
        {
            "request": "release", "mail_id": "t3d7qJkAoigg", "quar_type": "Q", "requested_by": "postern 7",
            "recipient": "<anna@isp.example>",
        }
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("kept", "file", "asked"),
    [
        ("spam-t3d7qJkAoigg.gz", "", ("t3d7qJkAoigg", "Z", "spam-t3d7qJkAoigg.gz")),
        ("banned-t3d7qJkAoigg", "", ("t3d7qJkAoigg", "F", "banned-t3d7qJkAoigg")),
        ("t/t3d7qJkAoigg", "", ("t3d7qJkAoigg", "F", "t/t3d7qJkAoigg")),
        ("t3d7qJkAoigg", "banned-t3d7qJkAoigg", ("t3d7qJkAoigg", "F", "banned-t3d7qJkAoigg")),
        ("a-b+c_d7qJkA", "spam-a-b+c_d7qJkA.gz", ("a-b+c_d7qJkA", "Z", "spam-a-b+c_d7qJkA.gz")),
    ],
)
def test_a_quarantine_of_files_is_asked_for_the_file(kept: str, file: str, asked: tuple[str, ...]) -> None:
    with amavis() as quarantine:
        quarantine.kept.add(asked[0])
        release(quarantine.address, kept, "anna@isp.example", file=file)
    assert tuple(quarantine.asked[0][name] for name in ("mail_id", "quar_type", "mail_file")) == asked


@pytest.mark.parametrize("kept", ["", "../../etc/passwd", "a b", "t3d7\nrequest=x", "/spam-t3d7qJkAoigg", "..gz"])
def test_what_is_no_kept_message_is_not_asked_for(kept: str) -> None:
    with pytest.raises(NotReleased):
        release("127.0.0.1:1", kept, "anna@isp.example")


def test_a_line_break_in_a_value_stays_in_the_value() -> None:
    with amavis() as quarantine:
        quarantine.kept.add("t3d7qJkAoigg")
        release(quarantine.address, "t3d7qJkAoigg", "a\r\nrecipient=<eve@isp.example>%0a@isp.example")
    assert quarantine.asked[0]["recipient"] == "<a\r\nrecipient=<eve@isp.example>%0a@isp.example>"


@pytest.mark.parametrize("reply", [None, b"", b"setreply=550 5.7.0 no\r\n\r\n", b"x" * 9000, b"\xff=\xff\n\n"])
def test_anything_but_a_yes_is_a_no(reply: bytes | None) -> None:
    with amavis() as quarantine:
        quarantine.reply = reply
        with pytest.raises(NotReleased):
            release(quarantine.address, "t3d7qJkAoigg", "anna@isp.example")


@pytest.mark.parametrize("at", ["127.0.0.1:1", "unix:{path}/nobody"])
def test_a_silent_quarantine_is_told_apart(at: str, tmp_path: Path) -> None:
    with pytest.raises(QuarantineAway):
        release(at.format(path=tmp_path), "t3d7qJkAoigg", "anna@isp.example", seconds=1)
