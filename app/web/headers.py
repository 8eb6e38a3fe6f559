"""Headers of every answer, and what a request must be before any page sees it.

A page's own stricter policy (the mail frame, attachments) is kept: only what it did not say is added here.
"""

import secrets
from ipaddress import ip_address

from flask import Response, g, request

from app.directory.endpoint import is_loopback
from app.web.brand import host_name
from app.web.fault import BadHost, ForeignRequest, Unencrypted
from app.web.resources import resources

# Whoever watches a node asks by address, often by no allowed name.
PROBES = frozenset({"health.live", "health.ready", "health.metrics"})
# Answers that may lie in a cache: the same for everybody.
LASTING = frozenset({"static", "brand.picture"})
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
HSTS = "max-age=31536000"
POLICY = (
    "default-src 'self'; script-src 'self' 'nonce-{nonce}'; style-src 'self' 'nonce-{nonce}'; img-src 'self' data:; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types postern"
)
# Files that are the same for everybody load nothing; without what is for pages, twenty are 7 KB less.
FILE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox"
FIXED = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-DNS-Prefetch-Control": "off",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
ONLY_PAGES = frozenset({"X-DNS-Prefetch-Control", "Permissions-Policy"})


def nonce() -> str:
    """The nonce of this answer's scripts and styles (CSP Level 3 §6.7.3.1), made when first asked for."""
    if "csp_nonce" not in g:
        g.csp_nonce = secrets.token_urlsafe(18)
    found: str = g.csp_nonce
    return found


def check_request() -> None:
    """Before any page. Raises BadHost, Unencrypted, ForeignRequest."""
    if request.endpoint in PROBES:
        return
    if not host_allowed(host_name(), resources().settings.trusted_hosts):
        raise BadHost
    if request.endpoint not in LASTING and not _encrypted_enough():
        raise Unencrypted
    if request.method not in SAFE and not _from_our_pages():
        raise ForeignRequest


def host_allowed(name: str, trusted: tuple[str, ...]) -> bool:
    """Whether a host name is in the list, or below one of its ".suffix" entries."""
    return any(
        name.endswith(each) and name != each if each.startswith(".") else name == each for each in trusted
    )


def _encrypted_enough() -> bool:
    """https, or a browser on this very machine: both ends say so, else a forgotten proxy setting would pass."""
    if request.is_secure or resources().settings.allow_plaintext:
        return True
    if not is_loopback(host_name().strip("[]")):
        return False
    try:
        return ip_address(request.remote_addr or "").is_loopback
    except ValueError:
        return False


def _from_our_pages() -> bool:
    """Beside the CSRF token: what the browser itself says of where a POST comes from (Fetch Metadata §2.2).

    Old browsers send no Sec-Fetch-Site; their Origin is "null" on our own forms too, because of no-referrer.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site in {"same-origin", "none"}
    origin = request.headers.get("Origin", "null")
    return origin == "null" or origin == f"{request.scheme}://{request.host}"


def finish(response: Response) -> Response:
    """Adds the headers to an answer."""
    lasting = request.endpoint in LASTING and response.status_code < 400
    for name, value in FIXED.items():
        if not lasting or name not in ONLY_PAGES:
            response.headers.setdefault(name, value)
    if "Content-Security-Policy" not in response.headers:
        response.headers["Content-Security-Policy"] = FILE_POLICY if lasting else POLICY.format(nonce=nonce())
    if not lasting:
        response.headers["Cache-Control"] = "no-store"
        response.vary.add("Cookie")
    if request.is_secure:
        response.headers["Strict-Transport-Security"] = HSTS
    return response
