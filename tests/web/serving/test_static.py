"""static/ from memory, under names that change with their contents."""

import re
from pathlib import Path

import pytest

from app.web.serving.static import read_tree
from tests.web.pages import Pages


def test_the_digest_follows_names_and_contents(tmp_path: Path) -> None:
    (tmp_path / "a.css").write_text("a { color: red }")
    first = read_tree(tmp_path).digest
    assert read_tree(tmp_path).digest == first
    (tmp_path / "a.css").write_text("a { color: blue }")
    second = read_tree(tmp_path).digest
    (tmp_path / "a.css").rename(tmp_path / "b.css")
    assert len({first, second, read_tree(tmp_path).digest}) == 3


def test_hidden_files_are_not_served_and_small_ones_not_compressed(tmp_path: Path) -> None:
    (tmp_path / ".secret").write_text("x")
    (tmp_path / "tiny.js").write_text("1")
    (tmp_path / "big.js").write_text("let a = 1;" * 1000)
    (tmp_path / "logo.png").write_bytes(bytes(5000))
    files = read_tree(tmp_path).files
    assert set(files) == {"tiny.js", "big.js", "logo.png"}
    assert files["tiny.js"].packed is None and files["logo.png"].packed is None
    assert files["big.js"].packed is not None and files["big.js"].type == "text/javascript"


def test_comments_of_style_sheets_are_not_served(tmp_path: Path) -> None:
    (tmp_path / "a.css").write_text('/* Why\n so */\na { content: "x" } /* because */\nb { top: 0 }\n')
    assert read_tree(tmp_path).files["a.css"].raw == b'\na { content: "x" }\nb { top: 0 }\n'


def test_static_files_are_kept_by_their_contents(visitor: Pages) -> None:
    page = visitor.get("/login").get_data(as_text=True)
    address = re.findall(r'href="(/static/[0-9a-f]{12}/css/base\.css)"', page)[0]
    response = visitor.get(address, headers={"Accept-Encoding": "gzip"})
    assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert response.headers["Content-Encoding"] == "gzip"
    assert "Cookie" not in response.headers.get("Vary", "")
    assert "Set-Cookie" not in response.headers
    assert response.headers["Content-Security-Policy"].endswith("; sandbox")  # and no nonce that a cache would keep
    assert "nonce-" in visitor.get("/static/0/nothing.css").headers["Content-Security-Policy"]  # the page that says so
    again = visitor.get(address, headers={"Accept-Encoding": "gzip", "If-None-Match": response.headers["ETag"]})
    assert again.status_code == 304
    assert not again.data


def test_a_file_of_another_release_is_served_but_not_kept(visitor: Pages) -> None:
    assert visitor.get("/static/000000000000/css/base.css").headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize(
    "path", ["../wsgi.py", "..%2fwsgi.py", "css/../../wsgi.py", "/etc/passwd", "css", "css/", ".hidden", "%00"]
)
def test_no_path_leads_out_of_the_static_folder(visitor: Pages, path: str) -> None:
    response = visitor.get(f"/static/000000000000/{path}")
    assert response.status_code in {404, 308}
    assert b"create_app" not in response.data


def test_the_first_page_weighs_little(visitor: Pages) -> None:
    page = visitor.get("/login", headers={"Accept-Encoding": "gzip"})
    text = visitor.get("/login").get_data(as_text=True)
    links = set(re.findall(r'(?:href|src)="(/static/[^"#]+)', text))
    static = sum(len(visitor.get(link, headers={"Accept-Encoding": "gzip"}).data) for link in links)
    assert len(page.data) + static < 60 * 1024
