"""Brands: chosen by host name, checked at the start, harmless in a page."""

import dataclasses
import shutil
from pathlib import Path

import pytest
from flask import g, render_template

from app.directory.account import Account
from app.mail.mailbox import Mailbox
from app.web.brand import COLOURS, Brand, BrandError, read_brands
from config.default import Settings
from tests.web.conftest import new_app
from tests.web.pages import Pages

SHIPPED = Path(__file__).parents[2] / "config/brands"


def write(folder: Path, name: str, text: str) -> None:
    (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / name / "brand.toml").write_text(text)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path, "postern", 'name = "Postern"')
    return tmp_path


def test_the_two_shipped_brands_can_be_read() -> None:
    brands = read_brands(SHIPPED)
    assert set(brands.by_id) == {"postern", "northgate"}
    northgate = brands.by_id["northgate"]
    assert tuple(northgate.properties) == COLOURS
    assert not northgate.has("filters")
    assert northgate.has("blocked")
    assert northgate.default_domain == "northgate.example"


def test_the_host_name_chooses(folder: Path) -> None:
    write(folder, "a", 'name = "A"\nhosts = ["mail.a.example", ".a.example"]')
    write(folder, "b", 'name = "B"\nhosts = [".example"]')
    brands = read_brands(folder)
    hosts = {
        "mail.a.example": "a", "x.a.example": "a", "x.y.a.example": "a", "MAIL.A.EXAMPLE": "a",
        "c.example": "b", "localhost": "postern", "example": "postern", "": "postern", "[::1]": "postern",
    }  # fmt: skip
    assert {host: brands.of_host(host).id for host in hosts} == hosts


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ('name = ""', "name"),
        ("hosts = []", "name"),
        ('name = "A"\ncolors = {}', "colors"),
        ('name = "A"\ncolours = { accent = "red;} body{display:none" }', "#rrggbb"),
        ('name = "A"\ncolours = { accent = "#fff" }', "#rrggbb"),
        ('name = "A"\ncolours = { border = "#ffffff" }', "accent"),
        ('name = "A"\ncolours = { accent = "#ffd800" }', "cannot be read"),
        ('name = "A"\nlinks = [{ label = "x", url = "javascript:alert(1)" }]', "https"),
        ('name = "A"\nlinks = [{ label = "x", url = "http://x" }]', "https"),
        ('name = "A"\nlinks = [{ url = "https://x" }]', "label"),
        ('name = "A"\nlogo = "../../../etc/passwd"', "beside"),
        ('name = "A"\nlogo = "missing.svg"', "missing.svg"),
        ('name = "A"\nlogo = "logo.html"', "svg"),
        ('name = "A"\nhosts = ["mail.example:443"]', "ports"),
        ('name = "A"\noff = ["everything"]', "off"),
        ('name = "A', "brand a"),
    ],
)
def test_a_mistake_is_one_line_that_names_the_brand(folder: Path, text: str, word: str) -> None:
    write(folder, "a", text)
    with pytest.raises(BrandError) as refused:
        read_brands(folder)
    line = str(refused.value)
    assert line.startswith("brand a: ")
    assert word in line
    assert "\n" not in line


def test_two_brands_cannot_have_the_same_host(folder: Path) -> None:
    write(folder, "a", 'name = "A"\nhosts = ["m.example"]')
    write(folder, "b", 'name = "B"\nhosts = ["m.example"]')
    with pytest.raises(BrandError, match="m.example belongs to more than one"):
        read_brands(folder)


def test_one_brand_serves_all_other_hosts(tmp_path: Path) -> None:
    with pytest.raises(BrandError, match="postern/brand.toml is missing"):
        read_brands(tmp_path)


def test_a_wrong_brand_stops_the_start_in_one_line(settings: Settings, folder: Path) -> None:
    write(folder, "a", "name = 1")
    with pytest.raises(SystemExit, match="^postern cannot start: brand a: "):
        new_app(dataclasses.replace(settings, brands=folder))


@pytest.fixture
def branded(settings: Settings) -> Pages:
    hosts = ("localhost", "northgate.localhost")
    return new_app(dataclasses.replace(settings, trusted_hosts=hosts)).test_client()  # type: ignore[return-value]


def test_the_page_is_the_brands(branded: Pages) -> None:
    own = branded.get("/login", headers={"Host": "localhost"}).get_data(as_text=True)
    theirs = branded.get("/login", headers={"Host": "northgate.localhost"}).get_data(as_text=True)
    assert "Northgate Mail" in theirs and "Northgate" not in own
    assert "--brand-accent: #8a3b12;" in theirs and "--brand-" not in own
    assert "https://help.northgate.example/" in theirs


def test_a_part_that_is_switched_off_is_not_there(settings: Settings, folder: Path) -> None:
    write(folder, "lean", 'name = "Lean"\nhosts = ["lean.localhost"]\noff = ["compose", "contacts"]')
    hosts = ("localhost", "lean.localhost")
    client = new_app(dataclasses.replace(settings, brands=folder, trusted_hosts=hosts)).test_client()
    for address in ("/compose", "/drafts/1/1", "/contacts", "/contacts/suggest", "/contacts/export.csv"):
        assert client.get(address, headers={"Host": "lean.localhost"}).status_code == 404, address
        assert client.get(address, headers={"Host": "localhost"}).status_code != 404, address
    assert client.post("/compose", headers={"Host": "lean.localhost"}).status_code == 404
    assert client.get("/settings/sessions", headers={"Host": "lean.localhost"}).status_code == 303


@pytest.mark.parametrize("off", ["", "compose", "contacts"])
def test_nothing_leads_to_a_part_that_is_switched_off(settings: Settings, off: str) -> None:
    app, brand = new_app(settings), Brand("lean", "Lean", off=frozenset({off}))
    inbox = Mailbox("INBOX", "INBOX", "/", 0, True, "inbox", 0, 0)
    me = Account("1", "a@one.example", "site")
    with app.test_request_context("/"):
        g.current = None
        page = render_template("mail.html", brand=brand, account=me, tree=[inbox], open_mailbox=inbox)
    assert ('"compose-link"' in page, '"compose-link-phone"' in page) == (off != "compose", off != "compose")
    assert ('"contacts-link"' in page) == (off != "contacts")
    assert ("<kbd>c</kbd>" in page, "<kbd>r</kbd>" in page) == (off != "compose", off != "compose")


def test_the_logo_is_kept_by_its_contents_and_runs_no_script(branded: Pages) -> None:
    page = branded.get("/login", headers={"Host": "northgate.localhost"}).get_data(as_text=True)
    address = next(part for part in page.split('"') if part.startswith("/brand/northgate/"))
    logo = branded.get(address)
    assert logo.mimetype == "image/svg+xml"
    assert "immutable" in logo.headers["Cache-Control"]
    assert "sandbox" in logo.headers["Content-Security-Policy"]
    assert "script-src" not in logo.headers["Content-Security-Policy"]
    assert branded.get("/brand/northgate/0/brand.toml").status_code == 404
    assert branded.get("/brand/nobody/0/logo.svg").status_code == 404


def test_a_brand_is_read_once_at_start(settings: Settings, folder: Path) -> None:
    browser = new_app(dataclasses.replace(settings, brands=folder)).test_client()
    shutil.rmtree(folder / "postern")
    assert "Postern" in browser.get("/login").get_data(as_text=True)
