# ruff: noqa: E501  (a field or a part stands on one line)
"""Whole messages that are odd, broken or hostile: each as bytes, made when asked for.

Beside corpus.py, which holds HTML alone: here it is header fields, MIME, charsets, encodings and sizes.
"""

from __future__ import annotations

import base64
import io
import zipfile
from typing import Final

from tests.hostile.corpus import HIT, RAN

HEAD: Final = b"From: Mallory <mallory@example.org>\r\nTo: Alice <alice@one.example>\r\nSubject: Odd\r\nDate: Mon, 05 Jan 2026 10:00:00 +0100\r\nMIME-Version: 1.0\r\n"
PLAIN: Final = b"Content-Type: text/plain; charset=utf-8\r\n\r\nthe text\r\n"


def field(*lines: bytes) -> bytes:
    """A message whose header is these fields and nothing else."""
    return b"".join(line + b"\r\n" for line in lines) + b"\r\nthe text\r\n"


def body(kind: bytes, content: bytes, *more: bytes) -> bytes:
    """A message that is one part."""
    return HEAD + b"Content-Type: " + kind + b"\r\n" + b"".join(each + b"\r\n" for each in more) + b"\r\n" + content


def mixed(*parts: bytes, kind: bytes = b"mixed") -> bytes:
    """A message of several parts, each with its own header."""
    opened = HEAD + b"Content-Type: multipart/" + kind + b"; boundary=b\r\n\r\n"
    return opened + b"".join(b"--b\r\n" + part + b"\r\n" for part in parts) + b"--b--\r\n"


def file(kind: bytes, content: bytes, *more: bytes, name: bytes = b"") -> bytes:
    """A part in base64."""
    named = b'; name="' + name + b'"' if name else b""
    head = b"Content-Type: " + kind + named + b"\r\nContent-Transfer-Encoding: base64\r\n"
    return head + b"".join(each + b"\r\n" for each in more) + b"\r\n" + base64.encodebytes(content).replace(b"\n", b"\r\n")


def _bomb() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("zeros", bytes(20_000_000))
    return packed.getvalue()


def _names() -> dict[str, bytes]:
    disposition = {
        "turned": b'attachment; filename="invoice\xe2\x80\xaefdp.exe"',
        "turned, encoded": b"attachment; filename*=utf-8''photo%E2%80%AEgpj.exe",
        "path": b'attachment; filename="../../../../etc/passwd"', "backslashes": b'attachment; filename="C:\\\\Windows\\\\cmd.exe"',
        "nul": b'attachment; filename="a.exe\0.png"', "header in name": b"attachment; filename*=utf-8''a%0D%0ASet-Cookie:%20x=1%0D%0A",
        "quotes": b'attachment; filename="a\\"; filename=\\"b.html"', "script": b'attachment; filename="<img src=x onerror=alert(1)>.png"',
        "pieces out of order": b"attachment; filename*2=c.txt; filename*0*=utf-8''%E2; filename*1*=%82%AC",
        "pieces with a gap": b"attachment; filename*0=a; filename*2=c", "a thousand pieces": b"attachment; " + b"; ".join(b"filename*%d=%d" % (n, n) for n in range(1000)),
        "piece of a billion": b"attachment; filename*999999999999999999999=x; filename*-1=y; filename*0x1=z",
        "charset of nobody": b"attachment; filename*=x-none'xx'%FF%FE", "idna": b"attachment; filename*=idna''" + b"a." * 500,
        "bad per cent": b"attachment; filename*=utf-8''%ZZ%4", "encoded word": b'attachment; filename="=?utf-8?b?' + base64.b64encode("Rechnung – März.pdf".encode()) + b'?="',
        "both": b"attachment; filename=plain.txt; filename*=utf-8''better.txt", "empty": b'attachment; filename=""', "dots": b'attachment; filename="..."',
        "blanks": b'attachment; filename="   "', "device": b'attachment; filename="CON"', "200 KB": b'attachment; filename="' + b"n" * 200_000 + b'.pdf"',
        "latin-1": b'attachment; filename="M\xe4rz.pdf"', "no value": b"attachment; filename", "semicolons": b"attachment;;;; filename=a.txt;;;",
    }  # fmt: skip
    return {f"name: {name}": mixed(PLAIN, file(b"application/octet-stream", b"x", b"Content-Disposition: " + value)) for name, value in disposition.items()}


def _fields() -> dict[str, bytes]:
    sender, subject = b"From: Mallory <mallory@example.org>", b"Subject: Odd"
    subjects = {
        "turned": b"\xe2\x80\xaeevil\xe2\x80\xac \xe2\x81\xa6x", "turned, encoded": b"=?utf-8?b?4oCuZXZpbA==?=", "gb18030": b"\xc4\xe3\xba\xc3\x816\x950",
        "gb18030, encoded": b"=?gb18030?b?" + base64.b64encode("你好𠀀".encode("gb18030")) + b"?=", "iso-2022-jp": "こんにちは".encode("iso2022_jp"),
        "iso-2022-jp, broken": b"=?iso-2022-jp?b?GyRCJDMkcyRLJEEkTxs=?= \x1b$B\x1b(", "iso-2022-cn": b"=?iso-2022-cn?b?GyQpQQ48RA8=?=", "utf-7": b"=?utf-7?q?+ADw-script+AD4-?=",
        "ebcdic": b"=?cp037?b?" + base64.b64encode("Hello <b>".encode("cp037")) + b"?=", "utf-16": b"=?utf-16?b?/v8AQQ==?= =?utf-16le?b?QQ==?=",
        "rot13": b"=?rot13?q?uryyb?=", "zlib": b"=?zlib?b?eJwDAAAAAAE=?=", "punycode": b"=?punycode?q?" + b"a" * 900 + b"?=", "unknown": b"=?x-unknown?q?=FF=FE?=",
        "language": b"=?utf-8*en?q?Odd?=", "nested": b"=?utf-8?q?=3D=3Futf-8=3Fq=3Fx=3F=3D?=", "lines": b"=?utf-8?q?a=0D=0ABcc:_x=00y?=", "blanks inside": b"=?utf-8?q?a b c?=",
        "never closed": b"=?utf-8?q?=E2=82", "no data": b"=?utf-8?b??= =?utf-8?q??=", "split letter": b"=?utf-8?q?=E2=82?= =?utf-8?q?=AC?=",
        "1 MB": b"x" * 1_000_000, "1 MB folded": b"\r\n ".join([b"word " * 10] * 20_000), "1 MB encoded": b"\r\n ".join([b"=?utf-8?q?=E2=82=AC?="] * 50_000),
        "markup": f"<script>{RAN}</script><img src={HIT}>".encode(), "template": b"{{ 7*7 }} {% raw %} ${7*7} #{7*7}", "zalgo": ("a" + "\u0301" * 2000).encode(),
        "tags": "".join(chr(0xE0000 + n) for n in range(1, 127)).encode(), "surrogates": b"\xed\xa0\x80\xed\xb0\x80", "rtl": "اجتماع يوم الثلاثاء".encode(), "nothing": b"", "nul": b"a\0b",
        "vertical": b"a\x0bb\x0cc\x85d\xe2\x80\xa8e",
    }  # fmt: skip
    senders = {
        "10 KB": b"From: " + b"a" * 10_000 + b"@" + b"b" * 10_000 + b".example", "10 KB name": b'From: "' + b"n" * 10_000 + b'" <a@b.example>', "turned": "From: \u202egro.elpmaxe@knab\u202c <m@example.org>".encode(),
        "address as name": b'From: "bank@bank.example" <m@example.org>', "address in encoded name": b"From: =?utf-8?q?bank=40bank=2Eexample_=3Cbank=40bank=2Eexample=3E?= <m@example.org>",
        "two": b"From: a@one.example, b@two.example", "two fields": b"From: a@one.example\r\nFrom: b@two.example", "none": b"X-From: a@b.example", "empty": b"From: <>", "brackets": b"From: " + b"<" * 5_000,
        "comments": b"From: " + b"(" * 5_000 + b"a@b.example" + b")" * 5_000, "group": b"From: Friends: a@b.example, c@d.example;", "route": b"From: <@x.example,@y.example:a@b.example>",
        "quotes": b'From: "' + b'\\"' * 3_000 + b" <a@b.example>", "idn": "From: <pöst@xn--pple-43d.com>".encode(), "utf-8": "From: Jürgen <jürgen@müller.example>".encode(), "8-bit": b"From: J\xfcrgen <j@x.example>",
        "percent": b"From: <a%0d%0ab@c.example>", "javascript": b'From: "x" <javascript:alert(1)@x.example>', "null": b"From: a\0b@c.example", "encoded address": b"From: =?utf-8?q?a=40b=2Eexample?=",
    }  # fmt: skip
    dates = [
        b"Mon, 01 Jan 0000 00:00:00 +0000", b"Fri, 31 Dec 9999 23:59:59 -1400", b"Fri, 31 Dec 9999 23:59:59 +0000", b"Thu, 01 Jan 1970 00:00:00 +0000", b"Mon, 01 Jan 0001 00:00:00 +1400", b"31 Feb 2026 25:61:61 +9999",
        b"tomorrow", b"", b"1", b"99999999999999999999", b"Mon, 05 Jan 26 10:00 EST", b"Mon, 5 Jan 2026 10:00:60 GMT", b"(" * 3000, b"Mon, 05 Jan 2026 10:00:00 +" + b"9" * 100, b"2026-01-05T10:00:00Z", b"\xff\xfe", b"Mon, 05 Jan -2026 10:00:00 +0100",
    ]  # fmt: skip
    made = {f"subject: {name}": field(sender, b"Subject: " + value) for name, value in subjects.items()}
    made |= {f"sender: {name}": field(value, subject) for name, value in senders.items()}
    made |= {f"date: {value[:30].decode('latin-1')}": field(sender, subject, b"Date: " + value) for value in dates}
    made["fields without names"] = field(b": x", b" : y", b"no colon", b"Subject : Odd", sender, b"\xff: z", b"<b>: q")
    made["field of 4 MB"] = field(sender, subject, b"X-Long: " + b"y" * 4_000_000)
    made["50,000 fields"] = field(sender, subject, *(b"X-%d: y" % number for number in range(50_000)))
    made["50,000 times To"] = field(sender, subject, *(b"To: a%d@b.example" % number for number in range(50_000)))
    made["references"] = field(sender, subject, b"References: " + b"<a@b> " * 50_000, b"Message-ID: <" + b"m" * 5_000 + b">", b"In-Reply-To: " + b"<" * 1_000)
    made["unsubscribe"] = field(sender, subject, b"List-Unsubscribe: <javascript:alert(1)>, <data:text/html,x>, <mailto:a?subject=%0d%0aBcc:x>", b"List-Id: <script>alert(1)</script>")
    made["reply to"] = field(sender, subject, b"Reply-To: undisclosed-recipients:;, <>, ,, \"\" <@>, a@" + b"b" * 5_000)
    made["results"] = field(sender, subject, b"Authentication-Results: mx.one.example; dmarc=pass (\x00" + b"(" * 5_000 + b" header.from=example.org")
    made["only line ends"] = b"Subject: Odd\n\nthe text\n"
    made["only carriage returns"] = b"Subject: Odd\r\rthe text\r"
    made["no header"] = b"\r\nthe text\r\n"
    made["no body"] = b"Subject: Odd\r\n\r\n"
    made["nothing"] = b"\r\n"
    made["from line"] = b"From mallory@example.org Mon Jan  5 10:00:00 2026\r\n" + field(sender, subject)
    return made


def _charsets() -> dict[str, bytes]:
    texts = {
        b"gb18030": "你好𠀀".encode("gb18030") + b"\x81", b"iso-2022-jp": "こんにちは".encode("iso2022_jp") + b"\x1b$B!", b"iso-2022-kr": b"\x1b$)C\x0e\x21\x21", b"hz": b"~{VPND~} ~{", b"utf-7": b"+ADw-script+AD4-alert(1)+ADw-/script+AD4-",
        b"cp037": "Hello <script>".encode("cp037"), b"utf-16": b"\xff\xfea\0b\0\0", b"utf-32": b"a\0\0\0b", b"utf-8": b"\xc0\xaf\xed\xa0\x80\xff", b"x-user-defined": b"\x80\xff", b"replacement": b"\x80", b"unicode_escape": b"\\x3cscript\\x3e",
        b"idna": b"a." * 20_000, b"punycode": b"a-" * 5_000 + b"99999999", b"base64": b"PHNjcmlwdD4=", b"zlib": b"x\x9c\x03\0", b"undefined": b"x", b"mbcs": b"x", b"oem": b"x", b"../../etc/passwd": b"x", b"a" * 5_000: b"x", b"": b"\xe4", b"'utf-8'": b"\xc3\xa4",
    }  # fmt: skip
    made = {}
    for charset, content in texts.items():
        for kind in (b"plain", b"html"):
            name = f"{kind.decode()} in {charset[:20].decode()}"
            made[name] = body(b'text/%b; charset="%b"' % (kind, charset), base64.encodebytes(content).replace(b"\n", b"\r\n"), b"Content-Transfer-Encoding: base64")
    made["charset twice"] = body(b"text/html; charset=utf-8; charset=utf-7", b"+ADw-script+AD4-")
    made["charset in meta"] = body(b"text/html", b"<meta charset=utf-7>+ADw-script+AD4-alert(1)+ADw-/script+AD4-")
    made["iso-2022-jp in meta"] = body(b"text/html; charset=iso-2022-jp", f'<a title="\x1b$B">x</a>\x1b(B<img src=x onerror="{RAN}">'.encode())
    made["two byte orders"] = body(b"text/html; charset=utf-8", b"\xff\xfe<\0b\0>\0x\0")
    return made


def _parts() -> dict[str, bytes]:
    png = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")
    invitation = b"BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\nSUMMARY:Meeting <script>alert(1)</script>\r\nDTSTART:99991231T235959Z\r\nDTEND:00000101\r\nORGANIZER;CN=\"x\":mailto:a@b.example\r\nURL:javascript:alert(1)\r\nRRULE:FREQ=SECONDLY;COUNT=999999999\r\nDESCRIPTION:" + b"d\\n" * 50_000 + b"\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    html = f"<p>x</p><script>{RAN}</script><img src={HIT}>".encode()
    return {
        "uuencoded file in the text": body(b"text/plain", b"see\r\nbegin 644 a.exe\r\n#0V%T\r\n`\r\nend\r\nafter\r\n"), "uuencoded part": mixed(PLAIN, b"Content-Type: image/png; name=a.png\r\nContent-Transfer-Encoding: x-uuencode\r\n\r\nbegin 644 a.png\r\n#0V%T\r\n`\r\nend\r\n"),
        "yenc": body(b"text/plain", b"=ybegin line=128 size=4 name=a.bin\r\n\x8b\x8c\x8d\xff\x00\r\n=yend size=4 crc32=0\r\n"), "tnef": mixed(PLAIN, file(b"application/ms-tnef", b"\x78\x9f\x3e\x22" + bytes(60), name=b"winmail.dat")),
        "tnef alone": body(b"application/ms-tnef; name=winmail.dat", base64.encodebytes(b"\x78\x9f\x3e\x22" + bytes(60)), b"Content-Transfer-Encoding: base64"),
        "smime signed": mixed(PLAIN, file(b"application/pkcs7-signature", b"sig", name=b"smime.p7s"), kind=b'signed; protocol="application/pkcs7-signature"'), "smime opaque": body(b"application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m", base64.encodebytes(b"secret"), b"Content-Transfer-Encoding: base64"),
        "pgp signed": mixed(PLAIN, b"Content-Type: application/pgp-signature; name=signature.asc\r\n\r\n-----BEGIN PGP SIGNATURE-----\r\n", kind=b'signed; protocol="application/pgp-signature"'), "pgp inline": body(b"text/plain", b"-----BEGIN PGP MESSAGE-----\r\n\r\nhQEMA\r\n-----END PGP MESSAGE-----\r\n"),
        "pgp encrypted": mixed(b"Content-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n", b"Content-Type: application/octet-stream; name=encrypted.asc\r\n\r\nxx\r\n", kind=b'encrypted; protocol="application/pgp-encrypted"'), "encrypted and empty": HEAD + b"Content-Type: multipart/encrypted; boundary=b\r\n\r\n--b--\r\n",
        "external body": mixed(PLAIN, f'Content-Type: message/external-body; access-type=URL; URL="{HIT}"\r\n\r\nContent-Type: image/png\r\n\r\n'.encode()), "external body alone": body(b'message/external-body; access-type=local-file; name="/etc/passwd"', b"Content-Type: text/html\r\n\r\n"),
        "partial": body(b'message/partial; id="x@y"; number=1; total=3', b"Subject: inner\r\n\r\npiece\r\n"), "digest": mixed(b"\r\nFrom: a@b.example\r\nSubject: first\r\n\r\none\r\n", b"\r\nSubject: second\r\nContent-Type: text/html\r\n\r\n" + html, kind=b"digest"),
        "appledouble": mixed(PLAIN, b"Content-Type: multipart/appledouble; boundary=c\r\n\r\n--c\r\n" + file(b"application/applefile", b"\0\5\x16\7", name=b"a.png") + b"\r\n--c\r\n" + file(b"image/png", png, name=b"a.png") + b"\r\n--c--\r\n"), "parallel": mixed(PLAIN, b"Content-Type: text/html\r\n\r\n" + html, kind=b"parallel"),
        "unknown multipart": mixed(PLAIN, PLAIN, kind=b"x-nobody"), "form data": mixed(PLAIN, kind=b"form-data"), "no boundary": HEAD + b"Content-Type: multipart/mixed\r\n\r\n--b\r\n\r\ntext\r\n--b--\r\n", "empty boundary": HEAD + b'Content-Type: multipart/mixed; boundary=""\r\n\r\n--\r\n\r\ntext\r\n----\r\n',
        "no parts": HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\npreamble\r\n--b--\r\nepilogue\r\n", "alternative without any": HEAD + b"Content-Type: multipart/alternative; boundary=b\r\n\r\n--b--\r\n", "alternative of files": mixed(file(b"application/pdf", b"%PDF"), file(b"image/png", png), kind=b"alternative"),
        "alternative with two html": mixed(b"Content-Type: text/html\r\n\r\n" + html, b"Content-Type: text/html\r\n\r\n" + html, kind=b"alternative"), "related to itself": mixed(b"Content-Type: text/html\r\nContent-ID: <a>\r\n\r\n<img src=cid:a><img src=cid:a>", kind=b"related; start=\"<a>\""),
        "content id": mixed(b"Content-Type: text/html\r\n\r\n<img src=\"cid:a'&quot;&gt;&lt;script&gt;\">", file(b"image/png", png, b"Content-ID: <a'\"><script>>"), kind=b"related"), "svg as a picture": mixed(PLAIN, file(b"image/svg+xml", f'<svg xmlns="http://www.w3.org/2000/svg" onload="{RAN}"/>'.encode(), b"Content-Disposition: inline", name=b"a.svg")),
        "html as a picture": mixed(PLAIN, file(b"image/png", html, b"Content-Disposition: inline", name=b"a.png")), "html as a file": mixed(PLAIN, file(b"text/html", html, b"Content-Disposition: attachment", name=b"a.html")), "xhtml": mixed(PLAIN, file(b"application/xhtml+xml", html, name=b"a.xhtml")), "picture as text": mixed(PLAIN, file(b"text/plain", png, name=b"a.txt")),
        "picture and script": mixed(PLAIN, file(b"image/gif", b"GIF89a/*" + html + b"*/=1", b"Content-Disposition: inline")), "html in a text": body(b"text/plain", html), "enriched": body(b"text/enriched", b"<bold>x</bold><param>javascript:alert(1)</param>"), "rtf": body(b"text/rtf", b"{\\rtf1 " + b"{" * 5_000), "xml": body(b"text/xml", b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>'),
        "calendar": mixed(PLAIN, b"Content-Type: text/calendar; method=REQUEST\r\n\r\n" + invitation, kind=b"alternative"), "calendar alone": body(b"text/calendar; method=CANCEL", invitation), "calendar of nothing": body(b"text/calendar", b"\xff\xfe\0"), "zip bomb": mixed(PLAIN, file(b"application/zip", _bomb(), name=b"a.zip")),
        "gzip": body(b"text/html; charset=utf-8", b"\x1f\x8b\x08\0\0", b"Content-Encoding: gzip"), "base64 with junk": body(b"text/plain", b"dGhl!!!\r\n\0\xff IHRl-_eHQ=\r\n=====\r\nmore\r\n", b"Content-Transfer-Encoding: base64"), "base64 cut": mixed(b"Content-Type: application/pdf; name=a.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\nA"),
        "base64 in base64": mixed(b"Content-Type: multipart/mixed; boundary=c\r\nContent-Transfer-Encoding: base64\r\n\r\n" + base64.encodebytes(b"--c\r\n\r\ninner\r\n--c--\r\n")), "message in base64": mixed(PLAIN, file(b"message/rfc822", HEAD + PLAIN)), "encoding of nobody": body(b"text/html", html, b"Content-Transfer-Encoding: x-zip-8"),
        "encoding twice": body(b"text/plain", b"dGhlIHRleHQ=", b"Content-Transfer-Encoding: base64", b"Content-Transfer-Encoding: 7bit"), "lying lengths": body(b"text/plain", b"short", b"Content-Length: 99999999999", b"Lines: -5"), "type of nobody": body(b"x/y/z;;=;a=b=c", b"the text"), "type with markup": mixed(PLAIN, file(b"<script>/alert(1)", b"x", name=b"a")),
        "type of 100 KB": body(b"application/" + b"a" * 100_000, b"x"), "10,000 parameters": body(b"text/plain; " + b"; ".join(b"p%d=v" % number for number in range(10_000)), b"the text"), "boundary of 10 KB": HEAD + b"Content-Type: multipart/mixed; boundary=" + b"b" * 10_000 + b"\r\n\r\n--" + b"b" * 10_000 + b"\r\n\r\ntext\r\n",
        "1,000 parts": mixed(PLAIN, *[file(b"image/png", png, name=b"a.png")] * 1_000), "1,000 texts": mixed(*[PLAIN] * 1_000), "1,000 html": mixed(*[b"Content-Type: text/html\r\n\r\n" + html] * 1_000), "1,000 messages": mixed(*[b"Content-Type: message/rfc822\r\n\r\n" + HEAD + PLAIN] * 1_000),
        "200 in each other": HEAD + b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(200)) + PLAIN, "messages in each other": (HEAD + b"Content-Type: message/rfc822\r\n\r\n") * 150 + HEAD + PLAIN,
        "only files": mixed(file(b"application/pdf", b"%PDF", name=b"a.pdf"), file(b"application/pdf", b"%PDF", name=b"a.pdf")), "one file": body(b"application/pdf; name=a.pdf", base64.encodebytes(b"%PDF"), b"Content-Transfer-Encoding: base64", b"Content-Disposition: attachment"), "audio": body(b"audio/mpeg", b"\xff\xfb"), "empty parts": mixed(b"\r\n", b"Content-Type: text/html\r\n\r\n", b"Content-Type: image/png\r\n\r\n"),
        "rtl": body(b"text/plain; charset=utf-8", "مرحبا بالعالم\r\n> اقتباس\r\n\u202eevil\u202c\r\n".encode()), "rtl html": body(b"text/html; charset=utf-8", '<html dir="rtl"><body dir=rtl><p>مرحبا'.encode()), "nul in the text": body(b"text/plain", b"a\0b\0<script>\0"), "controls": body(b"text/plain", bytes(range(256))),
        "quotes 5,000 deep": body(b"text/plain", b">" * 5_000 + b" x\r\n" + b"> " * 5_000 + b"y\r\n"), "quotes up and down": body(b"text/plain; format=flowed; delsp=yes", b"".join(b">" * (n % 60) + b" word \r\n" for n in range(8_000))), "links": body(b"text/plain", b"http://a.example/" + b"(" * 20_000 + b" a@a.co?]<img/src=x/onerror=alert(1)> javascript:alert(1) //x.example"),
        "1 MB line": body(b"text/plain", b"x" * 1_000_000), "300,000 lines": body(b"text/plain", b"\r\n" * 300_000), "report": mixed(PLAIN, b"Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; x\r\n\r\nFinal-Recipient: rfc822; <script>\r\n", b"Content-Type: message/rfc822\r\n\r\n" + HEAD + PLAIN, kind=b"report; report-type=delivery-status"),
        "feedback": mixed(PLAIN, b"Content-Type: message/feedback-report\r\n\r\nFeedback-Type: abuse\r\n", b"Content-Type: message/global\r\n\r\n" + HEAD + PLAIN, kind=b"report"), "news": body(b"message/news", HEAD + PLAIN), "http": body(b"message/http", b"GET / HTTP/1.1\r\n\r\n"),
    }  # fmt: skip


def letters() -> dict[str, bytes]:
    """Every message by its name."""
    return {**_names(), **_fields(), **_charsets(), **_parts()}
