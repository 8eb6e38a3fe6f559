"""The site's own mails: where they are set up, and that a reply of the server's decides what became of one."""

from datetime import UTC, datetime

import pytest

from app.courier.letter import Letter, NotSent, open_post, set_up
from app.demo.process import free_port
from tests.courier.test_waiting import settings
from tests.smtpsink import Sink

pytestmark = pytest.mark.servers
NOW = datetime(2026, 7, 1, tzinfo=UTC)
LETTER = Letter("ann@one.example", "Subject", "Text")


def test_a_site_without_an_address_or_a_server_sends_none() -> None:
    assert set_up(settings(25))
    assert not set_up(settings(25, NOTICE_FROM="")) and not set_up(settings(25, NOTICE_URL=""))


def test_several_leave_over_one_line_and_none_where_nobody_listens() -> None:
    with Sink({}) as sink, open_post(settings(sink.port)) as post:
        for _ in range(2):
            post.send(LETTER, "One", NOW)
        assert [each.recipients for each in sink.taken] == [[LETTER.address]] * 2
    with open_post(settings(free_port())) as post, pytest.raises(NotSent):
        post.send(LETTER, "One", NOW)
