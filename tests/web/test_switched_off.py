"""Parts that a brand switches off: no page that a reader meets leads to one of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest

from app.demo.node import Node
from app.web.brand import PARTS
from tests.browser.letters import fill
from tests.conftest import Resident, Site
from tests.visitor import Visitor

pytestmark = pytest.mark.servers
BEGIN = ("/mail/INBOX/", "/mail/Drafts/", "/mail/INBOX/?q=nothing-has-this", "/settings/sessions", "/mail/Nowhere/")
NOT_PAGES = re.compile(r"/(static|brand|logout)/?|.*/(actions|undo|remote|part/.*|archive\.zip|message\.eml)$")
MOST = 60


@pytest.fixture(scope="module")
def lean_node(site: Site, servers_folder: Path) -> Iterator[Node]:
    """A node whose only brand offers nothing but reading."""
    brand = servers_folder / "lean-brands/postern"
    brand.mkdir(parents=True)
    (brand / "brand.toml").write_text(f'name = "Lean"\noff = {sorted(PARTS)}')
    node = site.node(servers_folder / "lean", POSTERN_BRANDS=str(brand.parent))
    yield node.start(seconds=60)
    node.stop()


def test_no_page_leads_to_a_part_that_is_switched_off(lean_node: Node, resident: Resident) -> None:
    fill(resident, 1)
    reader = Visitor(lean_node.url)
    reader.sign_in(resident.address, resident.password)
    reached, todo, lost = set(BEGIN), [*BEGIN], []
    while todo and len(reached) < MOST:
        page = todo.pop()
        for link in re.findall(r'(?:href|action)="(/[^"#]*)"', reader.get(page).text):
            address = unescape(link)
            if address in reached or NOT_PAGES.match(address.partition("?")[0]):
                continue
            reached.add(address)
            todo.append(address)
            if reader.get(address).status == 404:
                lost.append(f"{page} leads to {address}")
    assert lost == []
    assert len(reached) > 20
