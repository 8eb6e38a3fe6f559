"""From error to page: words, status, and what never stands in page or log."""

import json
from collections.abc import Iterator

import pytest
from flask import Flask
from redis import ConnectionError as RedisAway
from redis import ResponseError
from werkzeug.exceptions import NotFound

from app.directory.errors import DirectoryAway, DirectoryBroken
from app.mail import errors as mail
from app.store.throttle import TooMany
from app.web.faults import HTTP_FAULTS, TABLE, UNEXPECTED, fault_of
from config.default import Settings
from tests.web.conftest import new_app
from tests.web.pages import Pages

CANARY = "canary-9c1d"


def all_mail_errors(root: type[mail.MailError] = mail.MailError) -> list[type[mail.MailError]]:
    return [root, *(kind for child in root.__subclasses__() for kind in all_mail_errors(child))]


@pytest.mark.parametrize("kind", all_mail_errors(), ids=lambda kind: kind.__name__)
def test_every_error_of_the_mail_room_has_a_page_without_the_servers_words(kind: type[mail.MailError]) -> None:
    fault = fault_of(kind(CANARY))
    assert fault is not UNEXPECTED
    assert CANARY not in f"{fault}"


def test_the_five_answers_to_a_login_are_five_pages() -> None:
    kinds = (
        mail.SignInRefused,
        mail.SignInUnavailable,
        mail.TooManyConnections,
        mail.PasswordExpired,
        mail.NotAuthorized,
    )
    assert len({fault_of(kind()).title for kind in kinds}) == 5


def test_only_a_refused_login_speaks_of_a_wrong_password() -> None:
    assert "password" in fault_of(mail.SignInRefused()).text
    assert "says nothing" in fault_of(mail.SignInUnavailable()).text


def test_a_server_that_is_away_says_when_to_try_again() -> None:
    assert fault_of(mail.ServerAway("x", retry_after=2.4)).retry_after == 3
    assert fault_of(mail.ServerAway("x", retry_after=0.0)).retry_after == 1
    assert fault_of(TooMany(77)).retry_after == 77


def test_every_page_says_what_happened_and_what_to_do_or_what_is_safe() -> None:
    for fault in (*TABLE.values(), *HTTP_FAULTS.values(), UNEXPECTED):
        assert fault.title and not fault.title.endswith(".")
        assert fault.title == "Something went wrong with your mail server" or fault.text.endswith(".")
        for line in (fault.text, fault.kept, fault.todo):
            assert not line or line.endswith(".")
            assert "!" not in line and "oops" not in line.lower()
        if fault.status == 503:
            assert fault.retry_after


def test_the_nearest_error_of_the_tree_counts() -> None:
    class Strange(mail.MessageGone):
        pass

    assert fault_of(Strange()).status == 404
    assert fault_of(DirectoryBroken()).status == 500
    assert fault_of(DirectoryAway()).status == 503
    assert fault_of(ResponseError("x")).status == 503
    assert fault_of(NotFound()).status == 404
    assert fault_of(KeyError("x")) is UNEXPECTED


@pytest.fixture
def failing(settings: Settings) -> Iterator[Flask]:
    """An application with one page for each way to fail."""
    app = new_app(settings)
    errors = {
        "value": ValueError(CANARY),
        "unicode": UnicodeDecodeError("utf-8", CANARY.encode(), 0, 1, CANARY),
        "mail": mail.Refused(f"{CANARY}\r\nforged"),
        "redis": RedisAway(f"Command # 1 (SET s:x {CANARY}) of pipeline caused error: OOM"),
        "directory": DirectoryAway("gone"),
    }

    def fail(kind: str) -> str:
        try:
            raise errors[kind]
        except ValueError as error:
            raise RuntimeError(CANARY) from error

    from app.web import PUBLIC

    app.add_url_rule("/fail/<kind>", "login.sign_in_", fail)
    assert "login.sign_in_" not in PUBLIC
    app.before_request_funcs[None] = [
        each for each in app.before_request_funcs[None] if each.__name__ != "_require_sign_in"
    ]  # these pages fail for anybody
    yield app


@pytest.mark.parametrize(
    ("kind", "status"), [("value", 500), ("unicode", 500), ("mail", 502), ("redis", 503), ("directory", 503)]
)
def test_no_failure_shows_or_logs_what_it_was_about(
    failing: Flask, kind: str, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    response = failing.test_client().get(f"/fail/{kind}?q={CANARY}&q=secret")
    page, log = response.get_data(as_text=True), capsys.readouterr().err
    assert response.status_code == status
    assert CANARY not in page.replace(f"/fail/{kind}?q={CANARY}", "")
    assert CANARY not in log
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    failed = [line for line in lines if line["message"] == "request failed"]
    assert len(failed) == 1
    assert failed[0]["request_id"] in page
    assert "forged" not in [line.get("message") for line in lines]


def test_an_unknown_address_is_a_page(visitor: Pages) -> None:
    response = visitor.get("/nothing/here")
    assert response.status_code == 404
    assert "There is nothing here" in response.get_data(as_text=True)


def test_a_wrong_method_is_a_page_that_names_the_right_ones(visitor: Pages) -> None:
    response = visitor.get("/logout")
    assert response.status_code == 405
    assert "POST" in response.headers["Allow"]


@pytest.mark.parametrize("path", ["/login", "/filters/text", "/vacation"])
def test_a_form_that_is_too_large_is_a_page(visitor: Pages, path: str) -> None:
    response = visitor.post(path, data={"csrf_token": "none", "address": "x" * 2_000_000})
    assert response.status_code == 413
    assert 'data-testid="error-title"' in response.get_data(as_text=True)


def test_a_form_of_too_many_fields_is_a_page(visitor: Pages) -> None:
    response = visitor.post(
        "/login",
        data={f"f{number}": "x" for number in range(3000)},
        content_type="multipart/form-data",
    )
    assert response.status_code == 413


def test_a_poll_gets_json(failing: Flask) -> None:
    failing.view_functions["mailbox.changes"] = failing.view_functions["login.sign_in_"]
    response = failing.test_client().get("/changes")
    assert response.is_json
    assert response.status_code >= 400
