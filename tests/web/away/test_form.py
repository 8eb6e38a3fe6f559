"""An answer and its form: each says what the other says, and what the form does not show stays."""

from datetime import date, time
from zoneinfo import ZoneInfo

import pytest
from werkzeug.datastructures import MultiDict

from app.sieve.vacation import Bound, Vacation
from app.web.away.form import Typed, typed, typed_of, vacation_of

BERLIN = ZoneInfo("Europe/Berlin")
START, END = Bound(date(2026, 12, 20), "+0100"), Bound(date(2027, 7, 3), "+0200")
VACATIONS = [
    Vacation("I am away.", subject="Away", start=START, end=END),
    Vacation("Away", html="<p>Away</p>", days=3, contacts=("a@b.example",), enabled=False),
    Vacation("Away", days=None, seconds=1800, then="copy", target="al@else.example", name="Mine", sender="x@y.example"),
    Vacation("Away", start=Bound(date(2026, 12, 20), "+0500", time(8)), contacts_list=":addrbook:default"),
    Vacation("Away", days=None, handle="h"),
]


def sent(told: Typed) -> MultiDict[str, str]:
    """The form as a browser sends it."""
    names = ("start", "end", "subject", "text", "html", "days")
    found = MultiDict({name: getattr(told, name).replace("\n", "\r\n") for name in names})
    found.update({name: "1" for name in ("on", "contacts") if getattr(told, name)})
    return found


@pytest.mark.parametrize("vacation", VACATIONS, ids=range(len(VACATIONS)))
def test_an_answer_goes_through_its_form_unchanged(vacation: Vacation):
    told = typed(sent(typed_of(vacation)))
    made, judged = vacation_of(told, vacation, BERLIN, addresses=vacation.addresses, contacts=vacation.contacts)
    assert made == vacation and not judged.faults


def test_each_day_has_the_offset_of_its_own():
    told = Typed(True, "2026-12-20", "2027-07-03", text="Away")
    made, _ = vacation_of(told, None, BERLIN, addresses=("a@b.example",), contacts=())
    assert made is not None and (made.start, made.end) == (START, END)
    assert made.addresses == ("a@b.example",) and made.name == "Vacation"


def test_contacts_beyond_what_a_rule_holds_are_left_out():
    everybody = [f"a{number}@b.example" for number in range(700)]
    made, _ = vacation_of(Typed(True, text="x", contacts=True), None, BERLIN, addresses=(), contacts=everybody)
    assert made is not None and len(made.contacts) == 500


def test_an_editor_that_was_left_empty_is_no_formatting():
    made, _ = vacation_of(Typed(True, text="x", html="<div><br></div>"), None, BERLIN, addresses=(), contacts=())
    assert made is not None and made.html == ""
