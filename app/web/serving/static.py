"""Serves static/ from memory: compressed once, named by a digest of the whole tree, kept by browsers for a year.

The digest stands in the path (/static/<digest>/css/base.css), so that relative imports of modules carry it too.
A name that is not in the table does not exist: no path is ever looked up on disk.
"""

import gzip
import hashlib
import mimetypes
import re
from dataclasses import dataclass
from pathlib import Path

from flask import Flask, Response, abort, current_app, request

COMPRESSIBLE = frozenset({"text/css", "text/javascript", "image/svg+xml", "application/json", "text/plain"})
COMMENT = re.compile(rb"\s*/\*.*?\*/", re.DOTALL)
TYPES = {".js": "text/javascript", ".mjs": "text/javascript", ".svg": "image/svg+xml", ".css": "text/css"}


@dataclass(frozen=True, slots=True)
class StaticFile:
    """One file: bytes as they are and compressed, its type, and the validator of its contents (RFC 9110 §8.8.3)."""

    raw: bytes
    packed: bytes | None
    type: str
    etag: str


@dataclass(frozen=True)
class StaticTree:
    """All files by their path below static/, and the digest of the whole."""

    files: dict[str, StaticFile]
    digest: str


def read_tree(folder: Path) -> StaticTree:
    """Everything below `folder` but hidden files."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    files = {path.relative_to(folder).as_posix(): read_file(path) for path in paths}
    whole = hashlib.sha256("".join(f"{name} {file.etag}\n" for name, file in files.items()).encode())
    return StaticTree(files, whole.hexdigest()[:12])


def read_file(path: Path) -> StaticFile:
    """One file, compressed where that makes it smaller. Comments of style sheets stay here: 1.5 KB of a first view."""
    raw = path.read_bytes()
    if path.suffix == ".css":
        raw = COMMENT.sub(b"", raw)
    kind = TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    packed = gzip.compress(raw, 9, mtime=0) if kind in COMPRESSIBLE else None
    smaller = packed if packed and len(packed) < len(raw) else None
    return StaticFile(raw, smaller, kind, hashlib.sha256(raw).hexdigest()[:16])


def install(app: Flask, folder: Path) -> None:
    """Adds the route, and the digest to every url_for("static", …)."""
    app.extensions["postern.static"] = read_tree(folder)

    @app.url_defaults
    def _with_digest(endpoint: str, values: dict[str, object]) -> None:
        if endpoint == "static":
            values.setdefault("digest", tree().digest)


def tree() -> StaticTree:
    """The application's."""
    found: StaticTree = current_app.extensions["postern.static"]
    if current_app.debug:
        return read_tree(Path(current_app.root_path).parents[1] / "static")
    return found


def static_file(digest: str, filename: str) -> Response:
    """GET /static/<digest>/<path:filename>. Another digest is an older page's: served, but not kept."""
    held = tree()
    file = held.files.get(filename)
    if file is None:
        abort(404)
    return answer(file, lasting=digest == held.digest)


def answer(file: StaticFile, *, lasting: bool) -> Response:
    """A file as an answer; a year and immutable if its address names its contents."""
    packed = file.packed is not None and request.accept_encodings.quality("gzip") > 0
    response = Response(file.packed if packed else file.raw, content_type=file.type)
    if file.type.startswith("text/"):
        response.headers["Content-Type"] = f"{file.type}; charset=utf-8"
    if packed:
        response.headers["Content-Encoding"] = "gzip"
    if file.packed is not None:
        response.headers["Vary"] = "Accept-Encoding"
    response.headers["Cache-Control"] = "public, max-age=31536000, immutable" if lasting else "no-cache"
    response.set_etag(f"{file.etag}{'-gz' if packed else ''}")
    response.make_conditional(request)
    return response
