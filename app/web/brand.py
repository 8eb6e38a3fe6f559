"""Brands: name, logo, eight colours, links, default domain and switched-off parts, chosen by the host name asked for.

One folder per brand under config/brands/ with a brand.toml and its pictures. Read once at start; a mistake in one
stops the start with a line that names it, because a half-read brand would show one provider's users another's name.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flask import Response, abort, g, request, url_for

from app.web.resources import resources
from app.web.serving.contrast import unreadable
from app.web.serving.static import StaticFile, answer, read_file

COLOURS = (
    "accent",
    "accent-ink",
    "header",
    "header-ink",
    "accent-dark",
    "accent-ink-dark",
    "header-dark",
    "header-ink-dark",
)
PARTS = frozenset({"blocked", "received", "filters", "vacation", "forwarding", "contacts", "compose", "admin"})
FIELDS = frozenset({"name", "hosts", "logo", "icon", "default_domain", "choose_domain", "off", "colours", "links"})
PICTURES = frozenset({".svg", ".png"})
PICTURE_BYTES = 65536
DEFAULT = "postern"

_COLOUR = re.compile(r"#[0-9a-f]{6}", re.IGNORECASE)
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9._-]{1,253})(?::[0-9]{0,5})?")  # RFC 3986 §3.2.2, no others
_LINK = re.compile(r"(https://|mailto:|tel:)[^\s\"'<>\\]+")


class BrandError(ValueError):
    """A brand that cannot be used; the text is one line that names the brand and what is wrong."""


@dataclass(frozen=True, slots=True)
class Link:
    """A link of the provider's own: help, status, terms."""

    label: str
    url: str


@dataclass(frozen=True)
class Brand:
    """What templates know as `brand`. `properties` are CSS custom properties without their --brand- in front."""

    id: str
    name: str
    hosts: tuple[str, ...] = ()
    logo: str | None = None
    icon: str | None = None
    default_domain: str | None = None
    choose_domain: bool = False
    off: frozenset[str] = frozenset()
    properties: Mapping[str, str] = field(default_factory=dict)
    links: tuple[Link, ...] = ()
    pictures: Mapping[str, StaticFile] = field(default_factory=dict, repr=False)

    @property
    def logo_url(self) -> str | None:
        """Where the logo is served."""
        return self._url(self.logo)

    @property
    def icon_url(self) -> str | None:
        """Where the browser's icon is served."""
        return self._url(self.icon)

    def has(self, part: str) -> bool:
        """Whether a part of Postern (one of PARTS) is switched on."""
        return part not in self.off

    def _url(self, picture: str | None) -> str | None:
        if picture is None:
            return None
        return url_for("brand.picture", brand=self.id, digest=self.pictures[picture].etag, filename=picture)


@dataclass(frozen=True)
class Brands:
    """All brands of a node."""

    by_id: Mapping[str, Brand]

    def of_host(self, host: str) -> Brand:
        """The brand of a host name without port: by its full name, then by the longest ".suffix", else the default."""
        exact = {name: brand for brand in self.by_id.values() for name in brand.hosts}
        labels = host.lower().split(".")
        below = ("." + ".".join(labels[at:]) for at in range(1, len(labels)))
        for name in (host.lower(), *below):
            if name in exact:
                return exact[name]
        return self.by_id[DEFAULT]


def read_brands(folder: Path) -> Brands:
    """Every folder with a brand.toml; one called "postern" must be there. Raises BrandError."""
    found = {path.parent.name: read_brand(path) for path in sorted(folder.glob("*/brand.toml"))}
    if DEFAULT not in found:
        raise BrandError(f"brands: {folder}/{DEFAULT}/brand.toml is missing; it serves every host that no brand names")
    hosts = [name for brand in found.values() for name in brand.hosts]
    twice = sorted({name for name in hosts if hosts.count(name) > 1})
    if twice:
        raise BrandError(f"brands: {', '.join(twice)} belongs to more than one brand")
    return Brands(found)


def read_brand(path: Path) -> Brand:
    """The brand of one brand.toml. Raises BrandError."""
    name = path.parent.name
    try:
        told = tomllib.loads(path.read_text("utf-8"))
        return _brand(name, told, path.parent)
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise BrandError(f"brand {name}: {error}") from None


def _brand(name: str, told: dict[str, Any], folder: Path) -> Brand:
    _want(not set(told) - FIELDS, f"knows no {', '.join(sorted(set(told) - FIELDS))}")
    _want(bool(re.fullmatch(r"[a-z0-9-]{1,40}", name)), "its folder's name wants a-z, 0-9 and - only")
    _want(isinstance(told.get("name"), str) and 0 < len(told["name"]) <= 60, "wants a name of 1 to 60 characters")
    pictures = {file: _picture(folder, file) for file in (told.get("logo"), told.get("icon")) if file}
    off = frozenset(told.get("off", ()))
    _want(off <= PARTS, f"off knows only {', '.join(sorted(PARTS))}")
    return Brand(
        name,
        told["name"],
        _hosts(told.get("hosts", [])),
        told.get("logo"),
        told.get("icon"),
        told.get("default_domain"),
        told.get("choose_domain", False) is True,
        off,
        _colours(told.get("colours", {})),
        _links(told.get("links", [])),
        pictures,
    )


def _want(right: bool, otherwise: str) -> None:
    if not right:
        raise ValueError(otherwise)


def _hosts(told: list[str]) -> tuple[str, ...]:
    _want(all(re.fullmatch(r"\.?[a-z0-9.-]+", host) for host in told), "hosts want lower-case names without ports")
    return tuple(told)


def _colours(told: dict[str, str]) -> dict[str, str]:
    """They are written into a style element, so nothing but six hexadecimal digits passes."""
    _want(set(told) <= set(COLOURS), f"colours knows only {', '.join(COLOURS)}")
    _want(all(_COLOUR.fullmatch(value) for value in told.values()), "colours want #rrggbb")
    colours = {colour: told[colour].lower() for colour in COLOURS if colour in told}
    _want(not (fault := unreadable(colours)), fault)
    return colours


def _links(told: list[dict[str, str]]) -> tuple[Link, ...]:
    links = tuple(Link(each.get("label", ""), each.get("url", "")) for each in told)
    _want(all(link.label and _LINK.fullmatch(link.url) for link in links), "links want a label and an https URL")
    return links


def _picture(folder: Path, file: str) -> StaticFile:
    _want(file == Path(file).name and Path(file).suffix in PICTURES, f"{file}: wants an .svg or .png beside brand.toml")
    picture = read_file(folder / file)
    _want(len(picture.raw) <= PICTURE_BYTES, f"{file} is larger than {PICTURE_BYTES} bytes")
    return picture


def host_name() -> str:
    """The host that the browser asked for, without port; checked against the allow-list before any page. Empty for
    what is no host: "mail.example:@evil.example" is not ours."""
    found = _HOST.fullmatch(request.environ.get("HTTP_HOST", ""))
    return found[1].lower() if found else ""


def brand() -> Brand:
    """The brand of this request."""
    if "brand" not in g:
        g.brand = resources().brands.of_host(host_name())
    found: Brand = g.brand
    return found


def refuse_switched_off() -> None:
    """Before any page: endpoints are named after their part, and what a brand does not offer is not there."""
    if not brand().has((request.endpoint or "").partition(".")[0]):
        abort(404)


def picture(brand: str, digest: str, filename: str) -> Response:
    """GET /brand/<brand>/<digest>/<filename>: a logo. Anybody may see it; it carries no script (headers.py)."""
    known = resources().brands.by_id.get(brand)
    file = known.pictures.get(filename) if known else None
    if file is None:
        abort(404)
    return answer(file, lasting=digest == file.etag)
