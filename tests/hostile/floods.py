# ruff: noqa: E501  (attacks and answers stand on one line each)
"""512 KB of what makes parsers slow, each read as the frame, the page and the list of parts would read it.

Run as a program it prints, as JSON, seconds and lengths of each flood and the peak of its own memory in MB, so that a
test can look at a process that did nothing else.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from app.mail import bodystructure, css, header, invitation, stylesheet
from app.mail.charset import decode_text
from app.mail.message import read_header
from app.mail.sanitize import frame_html, names_remote, referenced
from app.mail.shown import choose
from app.mail.small import linked, small_html
from app.mail.syntax import parse
from app.mail.text import text_html
from app.mail.transfer import decode

SIZE: Final = 512 * 1024

_SAME: Final = [
    "<div>", "</div>", "<b>", "</b>", "<a>", "<a href=x>", "<p>", "<p>x", "<table>", "<table><tr><td>", "<td>", "<li>", "<ul><li>",
    "<font>", "<nobr>", "<h1><h2>", "<b><i><u></b></i></u>", "<b><p></b>", "<i><table><b>", "<table>a<b></b>", "<table><b>x<tr>",
    "<table><caption><b>", "<div><table><td></div></td></table>", "<ruby><rt>", "<dl><dd><dt>", "<form>", "<button>", "<select><option>",
    "<svg>", "<svg><g>", "<svg><desc>", "<math><mi>", "<template>", "<object>", "<marquee>", "<frameset>", "<plaintext>",
    "<script>", "<script><!--<script>", "<style>", "<style>a{}</style>", "<title>", "<textarea>", "<xmp>", "<noscript>", "<iframe>",
    "<", "</", "<!", "<!-", "<!--", "<!-->", "-->", "<?", "<a ", "<a b", "<a b=", "<a b='", '<a b="', '<a b=""', "<a b=c\"d ", "<a/",
    "<p title='\"'>", '<b title="</b>">', "&", "&#", "&#x26;&notit;", "&lt;", '"', "'", "\0", "\x0c", "é", "\U0001f600", "\ud800",
    '<p style="(((((((((((((((((((((((((((((((((">', '<p style="a:b;">', "<style>{(</style>", "<style>a{b:c}@media x{", "<style>/*", "<body x='",
    '<body x="', "<body>", "url(", "src=", "src= ", "background = ", "cid:", "cid:x ", "<img src='data:image/png;base64,", "http://",
    "http://a ", "www.", "www.a.b ", "a@", "a@b.c ", "@", ".", ")", "http://)))", ">", "> ", ">\n", "> > ", " \n", "a \n", "\n", "-- \n",
    "BEGIN:VEVENT\n", ";:\"", "=\n", "=3", "=", "A", "A=", " ", "\t",
]  # fmt: skip


def _numbered() -> dict[str, Callable[[int], str]]:
    return {
        "p font": lambda n: f"<p><font id={n}>", "font p": lambda n: f"<font id={n}>x<p>", "font table": lambda n: f"<font id={n}><table><td></font></table>",
        "table font": lambda n: f"<table><font id={n}><td></font></td>", "div b": lambda n: f"<div><b id={n}></div>", "b p b": lambda n: f"<b class=c{n}><p></b>",
        "cells": lambda n: f"<table><tr><td><b id={n}>x", "hidden end": lambda n: f"<p><font id={n} title='</font>'>", "script end": lambda n: f"<p><font id={n}><script><!--<script></script></font></script>",
        "comment end": lambda n: f"<p><font id={n}><!--></font>-->", "styles": lambda n: f'<p style="color:red;width:{n}px;background:url(http://x/{n})">',
        "odd styles": lambda n: f'<p style="color:red;\\{n};x:(\'{n}">', "sheets": lambda n: f"<style>.a{n}{{color:red;background:url(http://x/{n})}}</style>",
        "attributes": lambda n: f" a{n}=1", "links": lambda n: f"http://x.example/{n} ", "pictures": lambda n: f'<img src="cid:{n}">',
        "headers": lambda n: f"X-{n}: y\r\n", "encoded words": lambda n: f"=?utf-8?q?{n}?= ", "addresses": lambda n: f'"{n}" <a{n}@x.example>, ',
        "folded": lambda n: f"\r\n {n}", "calendar": lambda n: f"BEGIN:VEVENT\nSUMMARY:{n}\n", "structure": lambda n: f'("text" "plain" ("x{n}',
    }  # fmt: skip


def floods() -> Iterator[tuple[str, str]]:
    """(name, 512 KB of text)."""
    for piece in _SAME:
        yield repr(piece), (piece * (SIZE // len(piece) + 1))[:SIZE]
    for name, make in _numbered().items():
        pieces: list[str] = []
        length = number = 0
        while length < SIZE:
            pieces.append(make(number))
            length += len(pieces[-1])
            number += 1
        start = "<a " if name == "attributes" else ""
        yield name, (start + "".join(pieces))[:SIZE]


READERS: Final[dict[str, Callable[[str], object]]] = {
    "frame": lambda text: frame_html(text).html,
    "text": lambda text: text_html(text),
    "flowed": lambda text: text_html(text, flowed=True),
    "style": lambda text: css.written(css.style_rules(text[:8192]), lambda _: None),
    "sheet": lambda text: stylesheet.sheet(text, lambda _: None),
    "selector": lambda text: stylesheet.sheet(text[:2000] + "{color:red}", lambda _: None),
    "glance": lambda text: str((names_remote(text), len(referenced(text)))),
    "calendar": lambda text: invitation.read(text) and "",
    "header": lambda text: read_header(b"Subject: " + _bytes(text)[:65536]) and "",
    "addresses": lambda text: read_header(b"To: " + _bytes(text)[:65536]) and "",
    "fields": lambda text: [header.decode(value) for _, value in header.fields(_bytes(text)[:262144])[:1000]] and "",
    "quoted": lambda text: decode(_bytes(text), "quoted-printable").decode("latin-1"),
    "base64": lambda text: decode(_bytes(text), "base64").decode("latin-1"),
    "charset": lambda text: decode_text(_bytes(text), "iso-2022-jp"),
    "structure": lambda text: choose(bodystructure.read(next(iter(parse((_bytes(text),))), None))) and "",
    "small": lambda text: small_html(text[:16384]),
    "linked": lambda text: linked(text[:16384]),
}


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def _peak() -> int:
    """Most memory that this program had, in MB. getrusage would tell that of whoever started it, where that was more."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) // 1024 for line in lines if line.startswith("VmHWM:"))


def main() -> None:
    """Reads every flood with every reader."""
    slowest: list[tuple[float, str, str, int]] = []
    for name, text in floods():
        for reader, read in READERS.items():
            began = time.process_time()
            made = read(text)
            slowest.append((time.process_time() - began, reader, name, len(made) if isinstance(made, str) else 0))
    slowest.sort(reverse=True)
    peak = _peak()
    longest = max(slowest, key=lambda each: each[3])
    print(json.dumps({"slowest": slowest[:12], "peak": peak, "longest": longest, "count": len(slowest)}))


if __name__ == "__main__":
    main()
