"""Small PNG pictures and PDF documents, drawn here so that the demo carries no foreign files."""

from __future__ import annotations

import random
import struct
import zlib

Colour = tuple[int, int, int]


def png(width: int, height: int, rows: list[bytes]) -> bytes:
    """Return a PNG of 8-bit RGB rows (ISO/IEC 15948)."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\0" + row for row in rows), 9)
    chunks = (b"IHDR", header), (b"IDAT", pixels), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(map(_chunk, *zip(*chunks, strict=True)))


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def landscape(seed: int, *, width: int = 320, height: int = 180) -> bytes:
    """Draw hills under an evening sky; each seed gives another one."""
    draw = random.Random(seed)
    sky = (draw.randrange(150, 250), draw.randrange(140, 210), draw.randrange(150, 240))
    ridges = [_ridge(draw, width // 2, height * (3 + layer) // 8) for layer in range(4)]
    shades = [(70 - 12 * layer, 100 - 18 * layer, 95 - 14 * layer) for layer in range(4)]
    rows = []
    for y in range(height):
        light = [min(255, part + (255 - part) * y // height) for part in sky]
        row = bytearray(bytes(light) * width)
        for ridge, shade in zip(ridges, shades, strict=True):
            pair = bytes(shade) * 2  # two pixels at once: a fifth of a second for each picture otherwise
            for x, top in enumerate(ridge):
                if y > top:
                    row[6 * x : 6 * x + 6] = pair
        rows.append(bytes(row))
    return png(width, height, rows)


def _ridge(draw: random.Random, width: int, middle: int) -> list[int]:
    heights = [middle + draw.randrange(-25, 25) for _ in range(8)]
    step = width / 7
    return [_between(heights, x / step) for x in range(width)]


def _between(heights: list[int], place: float) -> int:
    left = min(int(place), len(heights) - 2)
    part = place - left
    smooth = part * part * (3 - 2 * part)
    return round(heights[left] * (1 - smooth) + heights[left + 1] * smooth)


def banner(colour: Colour, *, width: int = 560, height: int = 96) -> bytes:
    """Draw a stripe with a lighter lower edge, as newsletters have."""
    light: Colour = (min(255, colour[0] + 60), min(255, colour[1] + 60), min(255, colour[2] + 60))
    return png(width, height, [bytes(light if y > height - 10 else colour) * width for y in range(height)])


def chart(values: list[int], colour: Colour = (38, 84, 124), *, width: int = 420, height: int = 160) -> bytes:
    """Draw a bar for each value of 0 to 100."""
    slot = width // len(values)
    rows = []
    for y in range(height):
        row = bytearray(b"\xff" * 3 * width)
        for index, value in enumerate(values):
            if (height - y) * 100 <= value * height:
                start, end = index * slot + slot // 6, (index + 1) * slot - slot // 6
                row[3 * start : 3 * end] = bytes(colour) * (end - start)
        rows.append(bytes(row))
    return png(width, height, rows)


def pdf(title: str, lines: list[str]) -> bytes:
    """Return a page of text as PDF 1.4; characters outside Latin-1 become question marks."""
    text = ["BT /F1 18 Tf 60 780 Td", f"({_escape(title)}) Tj", "/F1 11 Tf 0 -30 Td 16 TL"]
    text += [f"({_escape(line)}) Tj T*" for line in lines] + ["ET"]
    stream = "\n".join(text).encode("latin-1", "replace")
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R "
        b"/Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    return _assemble(objects)


def _escape(text: str) -> str:
    return text.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")


def _assemble(objects: list[bytes]) -> bytes:
    out, offsets = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    count = len(objects) + 1
    trailer = b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (count, len(out))
    return out + b"xref\n0 %d\n0000000000 65535 f \n" % count + table + trailer
