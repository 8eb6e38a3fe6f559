"""static/ and templates/: small scripts without dangerous ways, icons that exist, vendored files as recorded."""

import base64
import hashlib
import json
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = sorted((ROOT / "static/js").glob("*.js"))
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
SPRITE = (ROOT / "static/vendor/lucide/icons.svg").read_text()
# Each takes text as markup or code; require-trusted-types-for would stop them, and nobody should find out in a browser.
DANGEROUS = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|createContextualFragment|\beval\(|new Function"
    r"|setTimeout\(['\"`]|srcdoc|javascript:"
)


def test_no_script_turns_text_into_markup_or_code_but_the_one_policy():
    assert {path.name: found[0] for path in SCRIPTS if (found := DANGEROUS.search(path.read_text()))} == {}
    assert [path.name for path in SCRIPTS if "createPolicy" in path.read_text()] == ["html.js"]
    assert [path.name for path in SCRIPTS if "DOMParser" in path.read_text()] == ["html.js"]


def test_every_module_is_registered_under_the_name_that_a_template_gives():
    main = (ROOT / "static/js/main.js").read_text()
    registered = re.search(r"register\(\{([^}]*)\}\)", main)
    assert registered
    names = {name.strip() for name in registered[1].split(",")}
    asked = {name for path in TEMPLATES for name in re.findall(r'data-module="([^"]+)"', path.read_text())}
    assert asked == names


def test_templates_hold_no_inline_style_or_handler():
    inline = re.compile(r"\s(style|on[a-z]+)=\"", re.IGNORECASE)
    assert {path.name: found[0] for path in TEMPLATES if (found := inline.search(path.read_text()))} == {}


def test_nothing_is_marked_safe_in_a_template_but_fixed_tags():
    marked = [
        (path.name, line.strip())
        for path in TEMPLATES
        for line in path.read_text().splitlines()
        if "|safe" in line.replace(" ", "")
    ]
    assert [line for name, line in marked if name != "folders.html"] == []
    assert all("</" in line for _, line in marked)


def test_the_sprite_holds_the_icons_that_are_used_and_no_others():
    texts = [path.read_text() for path in (*TEMPLATES, *SCRIPTS, ROOT / "app/web/format.py")]
    drawn = set(re.findall(r'<symbol id="([^"]+)"', SPRITE))
    quoted = {name for text in texts for name in re.findall(r'"([a-z][a-z0-9-]*)"', text)}
    asked = {name for text in texts for name in re.findall(r'"([a-z0-9-]+)"\|icon', text)}
    assert asked <= drawn
    assert drawn - quoted == set()


def test_vendored_files_are_those_on_record():
    folder = ROOT / "static/vendor"
    record = json.loads((folder / "vendored.json").read_text())
    listed = {name: digest for each in record for name, digest in each["files"].items()}
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()} - {"vendored.json"}
    assert found == set(listed)
    for name, digest in listed.items():
        actual = base64.b64encode(hashlib.sha384((folder / name).read_bytes()).digest()).decode()
        assert digest == f"sha384-{actual}"
    assert all(each["name"] and each["version"] and each["licence"] and each["package_integrity"] for each in record)
