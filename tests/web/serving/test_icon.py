"""Icons are written into the compiled templates."""

from flask import Flask, url_for


def test_an_icon_is_part_of_the_compiled_template_and_not_asked_for_by_pages(lone_app: Flask) -> None:
    with lone_app.test_request_context("/"):
        source = lone_app.jinja_env.compile('{{ "flag"|icon }}{{ "x"|icon(large=true) }}', raw=True)
        sprite = url_for("static", filename="vendor/lucide/icons.svg")
    assert f"{sprite}#flag" in source and "icon-large" in source
    written = [line for line in source.splitlines() if line.strip().startswith("yield '")]
    assert len(written) == 1 and "t_" not in written[0]
