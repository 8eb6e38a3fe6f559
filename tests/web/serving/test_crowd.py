"""How many requests of one account a worker answers at once."""

from typing import Any

import pytest
from werkzeug.exceptions import ServiceUnavailable

from app.web.serving.crowd import PLACE, Crowd


class Answers:
    """An application that takes a place for the account in the path, and whether its answer was closed."""

    def __init__(self, *, breaks: bool = False) -> None:
        self.breaks = breaks

    def __call__(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        environ[PLACE].take(environ["PATH_INFO"])
        if self.breaks:
            raise RuntimeError
        return [b"x"]


def ask(crowd: Crowd, account: str) -> Any:
    return crowd({"PATH_INFO": account}, None)


def test_an_account_has_so_many_places_and_others_have_theirs() -> None:
    crowd = Crowd(Answers(), 2)
    held = [ask(crowd, "alice"), ask(crowd, "alice")]
    with pytest.raises(ServiceUnavailable):
        ask(crowd, "alice")
    ask(crowd, "bob").close()
    held.pop().close()
    ask(crowd, "alice").close()


def test_a_place_is_free_again_only_when_the_answer_is_closed() -> None:
    crowd = Crowd(Answers(), 1)
    answer = ask(crowd, "alice")
    assert list(answer) == [b"x"]
    with pytest.raises(ServiceUnavailable):
        ask(crowd, "alice")
    answer.close()
    answer.close()
    ask(crowd, "alice").close()


def test_an_application_that_breaks_keeps_no_place() -> None:
    crowd = Crowd(Answers(breaks=True), 1)
    for _ in range(3):
        with pytest.raises(RuntimeError):
            ask(crowd, "alice")
