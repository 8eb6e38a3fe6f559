"""A log to be read: of which node, where it lies, how its lines begin, and the zone of times that name none."""

from dataclasses import dataclass
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

FORMATS = ("syslog", "exim-main", "exim-reject", "rspamd")


@dataclass(frozen=True, slots=True)
class Source:
    """One log. `path` may hold Exim's %D (a day as 20261127) or %M (a month): the newest such file is in use."""

    node: str
    path: str
    format: str = "syslog"
    zone: str = "UTC"

    def __str__(self) -> str:
        return f"{self.node}:{self.path}:{self.format}:{self.zone}"


def sources(text: str) -> tuple[Source, ...]:
    """Sources as a setting names them: `node:path[:format[:zone]]`, with commas between. Raises ValueError."""
    found = tuple(source(each.strip()) for each in text.split(",") if each.strip())
    if len({(each.node, each.path) for each in found}) < len(found):
        raise ValueError("each log once")
    return found


def source(text: str) -> Source:
    """One source. Raises ValueError."""
    node, _, rest = text.partition(":")
    path, _, rest = rest.partition(":")
    form, _, zone = rest.partition(":")
    if not (node and path.startswith("/")):
        raise ValueError("node:/path/of/the/log[:format[:zone]], with commas between")
    return checked(Source(node.lower(), path, form or "syslog", zone or "UTC"))


def checked(each: Source) -> Source:
    """The same source. Raises ValueError where its format or zone is none."""
    if each.format not in FORMATS:
        raise ValueError(f"a format of {', '.join(FORMATS)} after the path")
    if len(each.node) > 80 or len(each.path) > 255:
        raise ValueError("a node of at most 80 characters and a path of at most 255")
    try:
        ZoneInfo(each.zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"a zone as Europe/Berlin, not {each.zone!r}") from None
    return each
