"""Pages compressed to a length that tells nothing."""

import gzip

from flask import Flask, Response

from app.web.serving.pack import compress, packed


def test_what_is_packed_can_be_unpacked() -> None:
    assert gzip.decompress(compress(b"x" * 5000)) == b"x" * 5000


def test_only_pages_in_memory_are_packed_and_only_where_it_is_wanted(lone_app: Flask) -> None:
    page, short = b"<p>page</p>" * 500, b"<p>short</p>"
    with lone_app.test_request_context("/", headers={"Accept-Encoding": "gzip"}):
        assert "Content-Encoding" in packed(Response(page)).headers
        assert "Content-Encoding" not in packed(Response(short)).headers
        assert "Content-Encoding" not in packed(Response(page, mimetype="application/pdf")).headers
        streamed = packed(Response((part for part in [page]), mimetype="text/html"))
        assert "Content-Encoding" not in streamed.headers
        done = Response(page, headers={"Content-Encoding": "br"})
        assert packed(done).headers["Content-Encoding"] == "br"
    for refused in ("", "identity", "gzip;q=0", "br"):
        with lone_app.test_request_context("/", headers={"Accept-Encoding": refused}):
            assert "Content-Encoding" not in packed(Response(page)).headers


def test_pages_are_compressed_to_a_blurred_length(lone_app: Flask) -> None:
    gzip = {"Accept-Encoding": "gzip"}
    lengths = {len(lone_app.test_client().get("/login", headers=gzip).data) for _ in range(12)}
    assert len(lengths) > 3
