"""How large the files of a message may be: the smallest of what we, a proxy and the submission server take.

Files travel as base64 (RFC 2045 §6.8: lines of 76 letters and CRLF for 57 octets), beside a header and a text.
"""

from app.web.resources import resources

BESIDE = 131_072  # octets left for header, text and the fields of each file


def whole_message() -> int:
    """Octets of the largest message that can be sent."""
    return resources().settings.message_bytes


def all_files() -> int:
    """Octets that all files of a message may have together, as they are on somebody's disk."""
    return max(0, whole_message() - BESIDE) * 57 // 78


def one_file() -> int:
    """Octets of the largest file that can be uploaded: a proxy in front of us looks at each request alone."""
    return min(all_files(), resources().settings.proxy_bytes or all_files())
